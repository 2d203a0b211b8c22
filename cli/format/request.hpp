// A request in words.
#pragma once

#include "cli/exit_code.hpp"
#include "cli/format/style.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace mole::cli {

// Counts, coverage and what failed; several lines.
std::string request_text(const nlohmann::json& request, const Style& style);
// One block for each failure: what, where, how it ended, the last lines of its log.
std::string failures_text(const nlohmann::json& request, const Style& style);
// One line a request.
std::string requests_text(const nlohmann::json& requests, const Style& style);
// How a command that waited for this request ends.
Exit exit_of_request(const nlohmann::json& request);

}  // namespace mole::cli
