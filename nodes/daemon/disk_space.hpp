// Whether the disk of a node has space for tasks.
#pragma once

#include "sdk/model/task.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace mole::nodes {

inline constexpr std::uint64_t disk_reserve = std::uint64_t{64} << 20;  // bytes that are kept free

// Not thread-safe.
class DiskSpace {
 public:
  explicit DiskSpace(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Why the node can take no task, and what to do; empty: there is space.
  std::string shortage();
  // Whether a task failed because the disk was full: less than the reserve would be free without what its attempt has written,
  // or, if the report says that something was used up, less than the reserve and its input files. The next tasks wait for that
  // much space then. A task that filled the disk by itself is at fault.
  bool explains(const task::Report& report, const task::Spec& spec, const std::filesystem::path& attempt);

 private:
  std::filesystem::path folder_;
  std::uint64_t needed_ = disk_reserve;
};

// Returns the report as if the steps that failed had not run.
task::Report without_failures(task::Report report);

}  // namespace mole::nodes
