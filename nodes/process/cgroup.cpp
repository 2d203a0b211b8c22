#include "nodes/process/cgroup.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <utility>

namespace mole::nodes {
namespace fs = std::filesystem;
namespace {

constexpr const char* prefix = "mole-node-";
constexpr const char* remedy = "; allow it, or start mole-node --sandbox without cgroup";
constexpr int max_groups = 10'000;

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool write_text(const fs::path& file, const std::string& text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const auto written = ::write(fd, text.data(), text.size());
  const int error = errno;
  ::close(fd);
  errno = error;
  return written == static_cast<ssize_t>(text.size());
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, separator);) out.push_back(word);
  return out;
}

bool has_word(const std::string& text, char separator, const std::string& word) {
  const auto words = split(text, separator);
  return std::ranges::find(words, word) != words.end();
}

bool has_both(const fs::path& file) {
  auto text = text_of(file);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return has_word(text, ' ', "memory") && has_word(text, ' ', "pids");
}

// Whether groups below this one of version 2 can have limits. A group with such groups has no processes of its own, so the daemon
// moves to one, if it is the only process there.
bool can_have_groups(const fs::path& own) {
  if (!has_both(own / "cgroup.controllers")) return false;
  if (has_both(own / "cgroup.subtree_control") || write_text(own / "cgroup.subtree_control", "+memory +pids")) return true;
  const auto self = std::to_string(::getpid());
  if (text_of(own / "cgroup.procs") != self + "\n") return false;
  const auto moved = own / "mole-daemon";
  if (::mkdir(moved.c_str(), 0755) != 0 && errno != EEXIST) return false;
  if (write_text(moved / "cgroup.procs", self) && write_text(own / "cgroup.subtree_control", "+memory +pids")) return true;
  write_text(own / "cgroup.procs", self);
  ::rmdir(moved.c_str());
  return false;
}

// Kills all processes of a group. False: some are left after ten seconds.
bool clear(const fs::path& folder) {
  for (int tries = 0; tries < 1000; ++tries) {
    const auto members = text_of(folder / "cgroup.procs");
    const auto tasks =
        text_of(folder / "pids.current");  // those that have ended count until their parents know; "": version 1, memory
    if (members.empty() && (tasks.empty() || tasks == "0\n")) return true;
    if (!write_text(folder / "cgroup.kill", "1")) {    // version 1
      write_text(folder / "pids.max", "0");            // so that none starts others meanwhile
      for (const auto& member : split(members, '\n'))  // 0: of another namespace
        if (const int pid = std::atoi(member.c_str()); pid > 0) ::kill(pid, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(tries == 0 ? 1 : 10));
  }
  return false;
}

// Returns a descriptor that holds the group; -1: another process does, or it is gone.
int hold(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat opened {};
  struct stat there {};
  if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0 && ::fstat(fd, &opened) == 0 && ::stat(folder.c_str(), &there) == 0 &&
      opened.st_ino == there.st_ino)
    return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

}  // namespace

std::optional<fs::path> own_cgroup(const std::string& mounts, const std::string& groups, const std::string& controller) {
  std::string own;
  for (const auto& line : split(groups, '\n')) {  // "4:memory:/a", "0::/a"
    const auto name = line.find(':'), path = line.find(':', name + 1);
    if (name == std::string::npos || path == std::string::npos) continue;
    const auto controllers = line.substr(name + 1, path - name - 1);
    if (controller.empty() ? line.starts_with("0::") : has_word(controllers, ',', controller)) own = line.substr(path + 1);
  }
  if (own.empty()) return std::nullopt;
  for (const auto& line : split(mounts, '\n')) {  // "35 31 0:32 ROOT POINT rw - cgroup cgroup rw,memory"
    const auto end = line.find(" - ");
    if (end == std::string::npos) continue;
    const auto mount = split(line.substr(0, end), ' '), system = split(line.substr(end + 3), ' ');
    if (mount.size() < 5 || system.size() < 3 || system[0] != (controller.empty() ? "cgroup2" : "cgroup")) continue;
    if (!controller.empty() && !has_word(system[2], ',', controller)) continue;
    const auto& root = mount[3];
    if (root == "/") return fs::path(mount[4] + own).lexically_normal();
    if (own == root || own.starts_with(root + "/")) return fs::path(mount[4] + own.substr(root.size())).lexically_normal();
  }
  return std::nullopt;
}

std::vector<fs::path> Cgroup::entries() const {
  std::vector<fs::path> out;
  for (const auto& folder : folders_) out.push_back(folder.path / "cgroup.procs");
  return out;
}

std::uint64_t Cgroup::memory_kills() const {
  const auto& folder = folders_.front().path;
  std::uint64_t count = 0;
  for (const char* file : {"memory.events", "memory.oom_control"})  // of version 2, of version 1
    for (const auto& line : split(text_of(folder / file), '\n'))
      if (line.starts_with("oom_kill ")) count += std::strtoull(line.c_str() + std::strlen("oom_kill "), nullptr, 10);
  return count;
}

// Whether it has memory that no process of it holds any more, such as files in memory file systems.
bool Cgroup::has_lost_memory() const {
  constexpr std::uint64_t most = std::uint64_t{1} << 20;
  for (const auto& line : split(text_of(folders_.front().path / "memory.stat"), '\n'))
    if (line.starts_with("shmem ") && std::strtoull(line.c_str() + std::strlen("shmem "), nullptr, 10) > most) return true;
  return false;
}

void Cgroup::remove() {
  for (const auto& folder : folders_) {
    ::rmdir(folder.path.c_str());
    ::close(folder.lock);
  }
  folders_.clear();
}

Result<std::unique_ptr<Cgroups>> Cgroups::open(std::uint64_t tasks) {
  const auto mounts = text_of("/proc/self/mountinfo"), groups = text_of("/proc/self/cgroup");
  std::vector<fs::path> parents;
  if (const auto own = own_cgroup(mounts, groups, ""); own && can_have_groups(*own)) {
    parents = {*own};
  } else {
    const auto memory = own_cgroup(mounts, groups, "memory"), pids = own_cgroup(mounts, groups, "pids");
    if (!memory || !pids || memory == pids)  // one hierarchy with both is not supported
      return unsupported("this process may make no cgroups with limits; start mole-node as a service with Delegate=yes");
    parents = {*memory, *pids};
  }
  std::unique_ptr<Cgroups> out(new Cgroups(std::move(parents), tasks));
  out->remove_leftovers();
  if (auto first = out->take(0); !first) return unsupported(first.error().message);
  return out;
}

Cgroups::~Cgroups() {
  const MutexLock lock(mutex_);
  for (const auto& group : free_) group->remove();
}

void Cgroups::remove_leftovers() const {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& parent : parents_)
    for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error))
      if (entry->path().filename().string().starts_with(prefix)) found.push_back(entry->path());
  for (const auto& folder : found) {
    const int held = hold(folder);
    if (held < 0) continue;
    if (clear(folder)) ::rmdir(folder.c_str());
    ::close(held);
  }
}

Result<Cgroup> Cgroups::make() const {
  Cgroup out;
  for (const auto& parent : parents_) {
    int held = -1, failure = 0;
    for (int number = 1; held < 0 && failure == 0; ++number) {
      const auto folder = parent / (prefix + std::to_string(::getpid()) + "-" + std::to_string(number));
      const bool made = ::mkdir(folder.c_str(), 0755) == 0;
      failure = made || (errno == EEXIST && number < max_groups) ? 0 : errno;
      if (!made) continue;
      if (held = hold(folder); held >= 0) {
        out.folders_.push_back({folder, held});
      } else {
        failure = EMFILE;
        ::rmdir(folder.c_str());
      }
    }
    if (failure == 0) continue;
    out.remove();
    return transient("cannot make a cgroup in " + parent.string() + ": " + std::strerror(failure) + remedy);
  }
  return out;
}

Result<> Cgroups::set_limits(const Cgroup& group, std::uint64_t memory) const {
  const auto& first = group.folders_.front().path;
  const auto& last = group.folders_.back().path;
  const bool version2 = group.folders_.size() == 1;
  const auto bytes = memory > 0 ? std::to_string(memory) : version2 ? "max" : "-1";
  // With swap it is never below the other; absent if swap is not counted.
  if (!version2) write_text(first / "memory.memsw.limit_in_bytes", "-1");
  for (const auto& [file, text] : {std::pair(first / (version2 ? "memory.max" : "memory.limit_in_bytes"), bytes),
                                   std::pair(last / "pids.max", std::to_string(tasks_))})
    if (!write_text(file, text)) return transient("cannot write " + file.string() + ": " + std::strerror(errno) + remedy);
  if (!version2) write_text(first / "memory.memsw.limit_in_bytes", bytes);
  if (version2) write_text(first / "memory.swap.max", "0");
  if (version2) write_text(first / "memory.oom.group", "1");
  return {};
}

Result<std::shared_ptr<const Cgroup>> Cgroups::take(std::uint64_t memory) {
  std::unique_ptr<Cgroup> group;
  {
    const MutexLock lock(mutex_);
    if (!free_.empty()) {
      group = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (group && !set_limits(*group, memory)) {  // it still has more memory than that
    group->remove();
    group.reset();
  }
  if (!group) {
    MOLE_TRY(auto made, make());
    group = std::make_unique<Cgroup>(std::move(made));
    if (auto limited = set_limits(*group, memory); !limited) {
      group->remove();
      return limited.error();
    }
  }
  group->kills_before_ = group->memory_kills();
  return std::shared_ptr<const Cgroup>(group.release(), [this](Cgroup* each) { give_back(std::unique_ptr<Cgroup>(each)); });
}

void Cgroups::give_back(std::unique_ptr<Cgroup> group) {
  bool empty = true;
  // That of pids first: then none starts others.
  for (auto folder = group->folders_.rbegin(); folder != group->folders_.rend(); ++folder) empty = clear(folder->path) && empty;
  if (!empty) return;  // it stays until the next daemon starts here
  if (group->has_lost_memory()) return group->remove();
  const MutexLock lock(mutex_);
  free_.push_back(std::move(group));
}

}  // namespace mole::nodes
