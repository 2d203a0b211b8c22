// Formats a validated pipeline as a table.
#pragma once

#include "cli/format/style.hpp"
#include "coordinator/wire/documents/pipeline.hpp"

#include <string>

namespace mole::cli {

std::string manifest_text(const coordinator::PipelineDescription& pipeline, const Style& style);

}  // namespace mole::cli
