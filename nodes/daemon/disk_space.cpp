#include "nodes/daemon/disk_space.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <optional>

namespace mole::nodes {
namespace fs = std::filesystem;
namespace {

constexpr fsfilcnt_t least_inodes = 1000;

// nullopt: not known. No inode is left: 0.
std::optional<std::uint64_t> free_bytes(const fs::path& folder) {
  struct statvfs st {};
  if (::statvfs(folder.c_str(), &st) != 0) return std::nullopt;
  if (st.f_files > 0 && st.f_favail < least_inodes) return 0;
  return static_cast<std::uint64_t>(st.f_bavail) * st.f_frsize;
}

std::uint64_t bytes_on_disk(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(folder, error); !error && at != fs::recursive_directory_iterator();
       at.increment(error)) {
    struct stat st {};
    if (::lstat(at->path().c_str(), &st) == 0) bytes += static_cast<std::uint64_t>(st.st_blocks) * 512;
  }
  return bytes;
}

bool is_failed(const task::StepReport& step) { return step.outcome == task::Outcome::failed; }
bool is_exhausted(const task::StepReport& step) { return step.code == task::FailureCode::exhausted; }

}  // namespace

std::string DiskSpace::shortage() {
  const auto free = free_bytes(folder_);
  if (!free || *free >= needed_) {
    needed_ = disk_reserve;
    return {};
  }
  return fmt::format("the disk of {} is full: {} MiB are free, and {} MiB are needed for tasks; free up space there",
                     folder_.string(), *free >> 20, needed_ >> 20);
}

bool DiskSpace::explains(const task::Report& report, const task::Spec& spec, const fs::path& attempt) {
  if (!task::has_failed(report)) return false;
  auto needed = disk_reserve;
  const bool exhausted = report.code == task::FailureCode::exhausted || std::ranges::any_of(report.steps, is_exhausted);
  for (const auto& file : spec.files)
    if (file.present && exhausted) needed += file.size;
  const auto free = free_bytes(folder_);
  if (!free || *free + bytes_on_disk(attempt) >= needed) return false;
  needed_ = std::max(needed_, needed);
  return true;
}

task::Report without_failures(task::Report report) {
  report.code = task::FailureCode::none;
  report.message.clear();
  for (auto& step : report.steps) {
    if (!is_failed(step)) continue;
    const auto number = step.step;
    step = {};
    step.step = number;
  }
  return report;
}

}  // namespace mole::nodes
