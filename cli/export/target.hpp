// Where exported bytes go: stdout, or a file that appears under its name only when it is whole. What is there and is no
// file (a pipe, a device) is written to as it is.
#pragma once

#include <mole/result.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

namespace mole::cli {

class Target {
 public:
  // nullopt: stdout. invalid: the file cannot be made.
  static Result<std::unique_ptr<Target>> open(const std::optional<std::filesystem::path>& output);
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target();  // what was not finished is gone

  // exhausted: disk full; cancelled: the reader of stdout has gone.
  Result<> write(std::string_view bytes);
  // The file under its passing name, for who writes it himself; empty: there is none.
  const std::filesystem::path& passing_name() const { return tmp_; }
  Result<> finish();

 private:
  Target() = default;
  Error failed() const;
  int fd_ = 1;
  std::filesystem::path path_, tmp_;
};

}  // namespace mole::cli
