#include "cli/export/scratch_folder.hpp"

#include <fmt/format.h>

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace mole::cli {
namespace fs = std::filesystem;

Result<ScratchFolder> ScratchFolder::create() {
  std::error_code error;
  const auto parent = fs::temp_directory_path(error);
  if (error) return exhausted("cannot find a folder for temporary files: " + error.message() + "; set TMPDIR to a folder");
  auto name = (parent / "mole-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    return exhausted(
        fmt::format("cannot create a temporary folder in {}: {}; free some space there, or set TMPDIR to another folder",
                    parent.string(), std::strerror(errno)));
  return ScratchFolder(name);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace mole::cli
