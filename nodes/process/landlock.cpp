#include "nodes/process/landlock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace mole::nodes {
namespace {

// As in linux/landlock.h of a kernel that is newer than the headers this may be built with.
struct Ruleset {
  std::uint64_t files = 0, network = 0, scoped = 0;
};
struct __attribute__((packed)) PathBeneath {
  std::uint64_t allowed = 0;
  std::int32_t parent = -1;
};
constexpr std::uint32_t version_flag = 1;
constexpr int path_beneath = 1;

constexpr std::uint64_t execute = 1u << 0, write_file = 1u << 1, read_file = 1u << 2, read_folder = 1u << 3;
constexpr std::uint64_t first_version = (1u << 13) - 1;  // the above, and to remove, to make files of each type
constexpr std::uint64_t refer = 1u << 13, truncate = 1u << 14, ioctl_device = 1u << 15;
constexpr std::uint64_t on_files = execute | write_file | read_file | truncate | ioctl_device;
constexpr std::uint64_t reading = execute | read_file | read_folder;
constexpr std::uint64_t all_tcp = 3, all_scopes = 3;  // bind and connect; abstract sockets and signals

std::uint64_t file_rights(long version) {
  return first_version | (version >= 2 ? refer : 0) | (version >= 3 ? truncate : 0) | (version >= 5 ? ioctl_device : 0);
}

bool allow(int ruleset, const std::string& path, std::uint64_t rights) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return true;  // what does not exist needs no right
  struct stat st {};
  if (::fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode)) rights &= on_files;
  const PathBeneath rule{rights, fd};
  const bool added = ::syscall(SYS_landlock_add_rule, ruleset, path_beneath, &rule, 0) == 0;
  ::close(fd);
  return added;
}

}  // namespace

bool restrict_files(const FileAccess& access, bool network) {
  const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, version_flag);
  if (version < 1) return false;
  const Ruleset rules{file_rights(version), version >= 4 && !network ? all_tcp : 0, version >= 6 ? all_scopes : 0};
  const std::size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  const int ruleset = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rules, size, 0));
  if (ruleset < 0) return false;
  bool done = true;
  for (const auto& path : access.read) done = done && allow(ruleset, path, reading & rules.files);
  for (const auto& path : access.write)
    done = done && allow(ruleset, path, rules.files & ~(path.starts_with("/dev/") ? execute : 0));
  done = done && ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  ::close(ruleset);
  return done;
}

}  // namespace mole::nodes
