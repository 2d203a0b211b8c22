#include "nodes/daemon/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace mole::nodes {
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{16} << 30;
constexpr std::uint64_t largest_log = std::uint64_t{16} << 20;
constexpr std::uint64_t open_files = 1024;

Micros now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

int as_poll_timeout(Micros time) { return static_cast<int>(std::clamp<Micros>((time + 999) / 1000, 0, 3'600'000)); }

// How the child finds itself at its first instruction.
class Setting {
 public:
  explicit Setting(const Command& command) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, 1, command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::posix_spawn_file_actions_adddup2(&actions_, 1, 2);
    if (command.handover >= 0) ::posix_spawn_file_actions_adddup2(&actions_, command.handover, 3);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, command.handover >= 0 ? 4 : 3);
    ::posix_spawn_file_actions_addchdir_np(&actions_, command.folder.c_str());
    sigset_t all, none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  ~Setting() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

Result<pid_t> spawn(const Command& command) {
  for (const auto& needed : {command.launcher, command.program})
    if (::access(needed.c_str(), X_OK) != 0)
      return invalid("cannot start " + needed.string() + ": " + std::strerror(errno) + "; install it beside mole-node");
  std::vector<std::string> arguments{
      command.launcher.string(),    std::to_string(::getpid()), std::to_string(command.address_space),
      std::to_string(largest_file), std::to_string(open_files), command.program.string()};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  const std::string scratch = (command.folder / "scratch").string();
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC", "HOME=" + scratch, "TMPDIR=" + scratch};
  const Setting setting(command);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, command.launcher.c_str(), setting.actions(), setting.attributes(),
                                   pointers(arguments).data(), pointers(environment).data());
  if (failed == 0) return pid;
  return transient("cannot start " + command.program.string() + ": " + std::strerror(failed));
}

// A plugin that prints without end costs 16 MiB of disk, not all of it.
void bound_log(const std::filesystem::path& log) {
  struct stat st {};
  if (::stat(log.c_str(), &st) == 0 && static_cast<std::uint64_t>(st.st_size) > largest_log) (void)!::truncate(log.c_str(), 0);
}

// Waits for the end of a child or a reason to end it.
class Watcher {
 public:
  Watcher(const Command& command, const Watch& watch) : command_(command), watch_(watch) {}

  // The reason to kill it, or `exited` when it ended by itself.
  Ending::Kind until_end(int pidfd) {
    for (;;) {
      pollfd fds[2] = {{pidfd, POLLIN, 0}, {watch_.cancel ? watch_.cancel->descriptor() : -1, POLLIN, 0}};
      ::poll(fds, 2, as_poll_timeout(tick()));
      if (fds[0].revents != 0) return Ending::Kind::exited;
      if (watch_.cancel && watch_.cancel->requested()) return Ending::Kind::cancelled;
      bound_log(command_.log);
      if (watch_.wall_limit != 0 && now() - began_ >= watch_.wall_limit) return Ending::Kind::out_of_time;
      if (stalled()) return Ending::Kind::stalled;
    }
  }

 private:
  Micros tick() const {
    Micros time = second_us;
    if (watch_.wall_limit != 0) time = std::min(time, began_ + watch_.wall_limit - now());
    if (watch_.stall_limit != 0) time = std::min(time, watch_.stall_limit / 4);
    return std::max<Micros>(time, 1000);
  }
  bool stalled() {
    if (watch_.stall_limit == 0 || !watch_.progress) return false;
    const auto progress = watch_.progress();
    if (progress != last_progress_) {
      last_progress_ = progress;
      last_change_ = now();
    }
    return now() - last_change_ >= watch_.stall_limit;
  }

  const Command& command_;
  const Watch& watch_;
  const Micros began_ = now();
  std::uint64_t last_progress_ = 0;
  Micros last_change_ = now();
};

}  // namespace

Cancellation::Cancellation() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
Cancellation::~Cancellation() { ::close(event_); }

void Cancellation::request() {
  requested_ = true;
  const std::uint64_t one = 1;
  (void)!::write(event_, &one, sizeof one);
}

bool Cancellation::wait(Micros time) const {
  pollfd fd{event_, POLLIN, 0};
  ::poll(&fd, 1, as_poll_timeout(time));
  return requested_;
}

Result<Ending> run_child(const Command& command, const Watch& watch) {
  const auto pid = spawn(command);
  if (!pid) return pid.error();
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0));
  Watcher watcher(command, watch);
  const auto why = pidfd >= 0 ? watcher.until_end(pidfd) : Ending::Kind::cancelled;
  if (why != Ending::Kind::exited) ::kill(-*pid, SIGKILL);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(*pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  ::kill(-*pid, SIGKILL);  // what it started; the group's number is its own until it is reaped
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (pidfd < 0) return transient("no descriptor is left to watch a worker; raise the limit of open files (ulimit -n)");
  ::close(pidfd);
  if (why != Ending::Kind::exited) return Ending{why, SIGKILL};
  if (WIFSIGNALED(status)) return Ending{Ending::Kind::killed, WTERMSIG(status)};
  return Ending{Ending::Kind::exited, WEXITSTATUS(status)};
}

}  // namespace mole::nodes
