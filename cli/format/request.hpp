// Formats requests.
#pragma once

#include "cli/exit_code.hpp"
#include "cli/format/style.hpp"
#include "coordinator/wire/documents/request.hpp"

#include <string>
#include <vector>

namespace mole::cli {

// Describes a request in several lines: state, job counts, coverage.
std::string request_text(const coordinator::RequestStatus& request, const Style& style);
// Describes each failure: job, plugin, block, message, and the last lines of the log.
std::string failures_text(const coordinator::RequestStatus& request, const Style& style);
// Lists requests, one per line.
std::string requests_text(const std::vector<coordinator::RequestStatus>& requests, const Style& style);
// Returns the exit code of a command that waited for this request.
Exit exit_of_request(const coordinator::RequestStatus& request);

}  // namespace mole::cli
