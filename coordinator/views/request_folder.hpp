// The folder of a finished request: request.json, and a hard link to the rows of every block in its range.
#pragma once

#include <mole/result.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace mole::coordinator::views {

// `links`: (path within the folder, target file). request.json is written last: a folder that has it is complete.
Result<> write_request_folder(const std::filesystem::path& folder, const nlohmann::json& document,
                              const std::vector<std::pair<std::string, std::filesystem::path>>& links);

}  // namespace mole::coordinator::views
