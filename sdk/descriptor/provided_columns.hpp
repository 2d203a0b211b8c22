// Which flow columns and information elements a decoder can fill.
#pragma once

#include "sdk/descriptor/descriptor.hpp"

#include <nlohmann/json.hpp>

#include <string_view>

namespace mole {

// `params`: resolved. A mapping of columns to names in the files may state that the files do not have the column. True for an
// information element if the decoder provides any: which of them a file has is not known before it is read.
bool provides(const Descriptor& decoder, const nlohmann::json& params, std::string_view column);

}  // namespace mole
