// The destination of exported bytes: stdout, or a file that appears under its name only when it is complete. An existing
// pipe or device is written directly.
#pragma once

#include <mole/result.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

namespace mole::cli {

class Target {
 public:
  // Opens a file; nullopt: stdout. invalid: the file cannot be created.
  static Result<std::unique_ptr<Target>> open(const std::optional<std::filesystem::path>& output);
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target();  // removes an unfinished file

  // exhausted: disk full; cancelled: the reader of stdout closed the pipe.
  Result<> write(std::string_view bytes);
  // The temporary file, for callers that write it themselves; empty for stdout, pipes and devices.
  const std::filesystem::path& temporary_path() const { return tmp_; }
  // Makes the file durable and moves it to its final name.
  Result<> finish();

 private:
  Target() = default;
  Error write_error() const;
  int fd_ = 1;
  std::filesystem::path path_, tmp_;
};

}  // namespace mole::cli
