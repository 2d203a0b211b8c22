// Units of columns: products of powers of a closed list of base units, such as "B", "B^2", "B/s" and "1".
#pragma once

#include <mole/result.hpp>

#include <string>
#include <string_view>

namespace mole {

bool is_unit(std::string_view text);
Result<std::string> square_unit(std::string_view unit);      // "B" -> "B^2"
Result<std::string> per_second_unit(std::string_view unit);  // "B" -> "B/s"

}  // namespace mole
