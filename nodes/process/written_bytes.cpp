#include "nodes/process/written_bytes.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace mole::nodes {
namespace {

std::uint64_t written_by(const std::string& process) {
  std::ifstream counters("/proc/" + process + "/io");
  std::uint64_t written = 0, cancelled = 0, value = 0;
  for (std::string name; counters >> name >> value;) {
    if (name == "write_bytes:") written = value;
    if (name == "cancelled_write_bytes:") cancelled = value;
  }
  return written - std::min(written, cancelled);
}

// The depth is bounded, because processes may be started faster than they are counted.
std::uint64_t written_by_all(const std::string& process, int depth) {
  auto sum = written_by(process);
  std::error_code error;
  std::filesystem::directory_iterator thread("/proc/" + process + "/task", error), end;
  for (; depth > 0 && !error && thread != end; thread.increment(error)) {
    std::ifstream children(thread->path() / "children");
    for (std::string child; children >> child;) sum += written_by_all(child, depth - 1);
  }
  return sum;
}

}  // namespace

std::uint64_t written_bytes(pid_t process) { return written_by_all(std::to_string(process), 8); }

}  // namespace mole::nodes
