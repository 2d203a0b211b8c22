// Formats the explanation of a job.
#pragma once

#include "cli/format/style.hpp"
#include "coordinator/wire/documents/explanation.hpp"

#include <string>

namespace mole::cli {

// Describes how the files of a task were read; "" if it read none.
std::string flows_from_text(const coordinator::FlowSources& flows);
std::string explain_text(const coordinator::JobExplanation& explained, const Style& style);

}  // namespace mole::cli
