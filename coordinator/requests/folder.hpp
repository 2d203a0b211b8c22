// The folder of a finished request: request.json, and a hard link to the rows of every block it asked for.
#pragma once

#include <mole/result.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace mole::coordinator::requests {

// `links`: path within the folder, and the file it shows. request.json is written last, so a folder that has it is whole.
Result<> write_folder(const std::filesystem::path& folder, const nlohmann::json& document,
                      const std::vector<std::pair<std::string, std::filesystem::path>>& links);

}  // namespace mole::coordinator::requests
