// A folder for temporary files, below TMPDIR or /tmp, which only this user can read. Removed with its content by the destructor.
#pragma once

#include <mole/result.hpp>

#include <filesystem>
#include <utility>

namespace mole::cli {

class ScratchFolder {
 public:
  // exhausted: it cannot be created.
  static Result<ScratchFolder> create();
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;  // empty: moved from
};

}  // namespace mole::cli
