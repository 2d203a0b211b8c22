#include "nodes/process/child.hpp"

#include "nodes/process/spawn.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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

constexpr std::uint64_t max_file_bytes = std::uint64_t{16} << 30;
constexpr std::uint64_t max_log_bytes = std::uint64_t{16} << 20;
constexpr std::uint64_t max_open_files = 1024;

Micros now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

int as_poll_timeout(Micros time) { return static_cast<int>(std::clamp<Micros>((time + 999) / 1000, 0, 3'600'000)); }

Result<pid_t> start(const Command& command) {
  const auto& program = command.program;
  if (::access(program.c_str(), X_OK) != 0)
    return invalid("cannot start " + program.string() + ": " + std::strerror(errno) + "; install it beside mole-node");
  const auto scratch = (command.folder / "scratch").string();
  sigset_t all;
  ::sigfillset(&all);
  Spawn spawn;
  spawn.open(STDIN_FILENO, "/dev/null", O_RDONLY).open(STDOUT_FILENO, command.log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  spawn.duplicate(STDOUT_FILENO, STDERR_FILENO);
  if (command.handover >= 0) spawn.duplicate(command.handover, 3);
  spawn.close_from(command.handover >= 0 ? 4 : 3).working_folder(command.folder);
  spawn.own_group().default_signals(all).empty_signal_mask();
  std::vector<std::string> arguments{std::to_string(::getpid()), std::to_string(command.address_space),
                                     std::to_string(max_file_bytes), std::to_string(max_open_files), program.string()};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  auto pid = spawn.start(command.launcher, arguments,
                         {{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC", "HOME=" + scratch, "TMPDIR=" + scratch}});
  if (!pid && pid.error().code == Code::missing) return invalid(pid.error().message + "; install it beside mole-node");
  return pid;
}

// Empties the log when it has grown too large, so that a plugin that prints endlessly cannot fill the disk.
void limit_log(const std::filesystem::path& log) {
  struct stat st {};
  if (::stat(log.c_str(), &st) == 0 && static_cast<std::uint64_t>(st.st_size) > max_log_bytes) (void)!::truncate(log.c_str(), 0);
}

// Waits until a child ends or has to be killed; returns why it has to be killed, or `exited` if it has ended.
ExitStatus::Kind wait_for(int pidfd, const Command& command, const Watch& watch) {
  const Micros start = now();
  std::uint64_t last_progress = 0;
  Micros last_change = start;
  for (;;) {
    Micros pause = second_us;
    if (watch.wall_limit != 0) pause = std::min(pause, start + watch.wall_limit - now());
    if (watch.stall_limit != 0) pause = std::min(pause, watch.stall_limit / 4);
    pollfd fds[2] = {{pidfd, POLLIN, 0}, {watch.cancel ? watch.cancel->descriptor() : -1, POLLIN, 0}};
    ::poll(fds, 2, as_poll_timeout(std::max<Micros>(pause, 1000)));
    if (fds[0].revents != 0) return ExitStatus::Kind::exited;
    if (watch.cancel && watch.cancel->requested()) return ExitStatus::Kind::cancelled;
    limit_log(command.log);
    if (watch.wall_limit != 0 && now() - start >= watch.wall_limit) return ExitStatus::Kind::timed_out;
    if (watch.stall_limit == 0 || !watch.progress) continue;
    if (const auto progress = watch.progress(); progress != last_progress) last_progress = progress, last_change = now();
    if (now() - last_change >= watch.stall_limit) return ExitStatus::Kind::stalled;
  }
}

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

Result<ExitStatus> run_child(const Command& command, const Watch& watch) {
  const auto pid = start(command);
  if (!pid) return pid.error();
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0));
  const auto why = pidfd >= 0 ? wait_for(pidfd, command, watch) : ExitStatus::Kind::cancelled;
  if (why != ExitStatus::Kind::exited) ::kill(-*pid, SIGKILL);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(*pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  ::kill(-*pid, SIGKILL);  // its children; the id of the group is not reused before the child is reaped
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (pidfd < 0) return transient("cannot watch a worker: no file descriptor is free; raise the limit on open files (ulimit -n)");
  ::close(pidfd);
  if (why != ExitStatus::Kind::exited) return ExitStatus{why, SIGKILL};
  if (WIFSIGNALED(status)) return ExitStatus{ExitStatus::Kind::killed, WTERMSIG(status)};
  return ExitStatus{ExitStatus::Kind::exited, WEXITSTATUS(status)};
}

}  // namespace mole::nodes
