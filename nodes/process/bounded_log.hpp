// A log file that keeps the last bytes of what a process prints: it never grows beyond max_bytes, whatever is appended.
//
//   BoundedLog log(folder / "log");
//   log.append("some output\n");
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace mole::nodes {

// Not thread-safe. Bytes that cannot be written, because the disk is full, are dropped.
class BoundedLog {
 public:
  static constexpr std::uint64_t max_bytes = std::uint64_t{1} << 20;

  // Creates the file, or continues the existing one.
  explicit BoundedLog(const std::filesystem::path& file);
  ~BoundedLog();
  BoundedLog(const BoundedLog&) = delete;
  BoundedLog& operator=(const BoundedLog&) = delete;

  // If there is no room, only the last half of what has been appended so far is kept.
  void append(std::string_view bytes);

 private:
  void drop_first_half();

  int file_;
  std::uint64_t size_ = 0;
};

}  // namespace mole::nodes
