// The names of the files in a folder and in those below it.
#pragma once

#include <mole/result.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace mole::cli {

struct FolderNames {
  std::vector<std::string> names;       // relative, in order
  std::vector<std::string> left_out;    // hidden, temporary and partial names
  std::vector<std::string> unreadable;  // folders, and names that are not UTF-8
};

// missing: it is not a folder, or has no files.
Result<FolderNames> names_in(const std::filesystem::path& folder);

}  // namespace mole::cli
