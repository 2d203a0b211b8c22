// Which folders submissions may name (docs/decisions/0237-allowed-roots.md).
#pragma once

#include <mole/result.hpp>

#include <filesystem>
#include <vector>

namespace mole::coordinator::control {

// Whether `path` is one of the folders or in one, after following all links of both. denied: it is not; the message does not tell
// whether it exists.
Result<> check_allowed(const std::vector<std::filesystem::path>& roots, const std::filesystem::path& path);

}  // namespace mole::coordinator::control
