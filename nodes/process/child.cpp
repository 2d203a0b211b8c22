#include "nodes/process/child.hpp"

#include "nodes/process/bounded_log.hpp"
#include "nodes/process/spawn.hpp"
#include "nodes/process/written_bytes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <utility>

namespace mole::nodes {
namespace {

constexpr std::uint64_t max_file_bytes = std::uint64_t{16} << 30;
constexpr std::uint64_t max_open_files = 1024;
constexpr std::uint64_t kernel_memory = std::uint64_t{64} << 20;  // of a group: page tables, buffers of pipes, mole-launch

Micros now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

Error no_descriptor() {
  return transient("cannot watch a worker: no file descriptor is free; raise the limit on open files (ulimit -n)");
}

int as_poll_timeout(Micros time) { return static_cast<int>(std::clamp<Micros>((time + 999) / 1000, 0, 3'600'000)); }

// The output of a child. Reading never waits.
class Output {
 public:
  explicit Output(const std::filesystem::path& log) : log_(log) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    read_end_ = ends[0];
    write_end_ = ends[1];
    ::fcntl(read_end_, F_SETFL, O_NONBLOCK);
  }
  ~Output() {
    ::close(read_end_);
    close_write_end();
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  int read_end() const { return read_end_; }
  int write_end() const { return write_end_; }
  void close_write_end() {
    if (write_end_ >= 0) ::close(std::exchange(write_end_, -1));
  }
  // Copies what has been printed to the log. Returns as read(2) does: 0 if all writers have closed the pipe.
  ssize_t copy() {
    const auto n = ::read(read_end_, buffer_.data(), buffer_.size());
    if (n > 0) log_.append({buffer_.data(), static_cast<std::size_t>(n)});
    return n;
  }
  // Copies what is left in the pipe. Bounded, because a process that has left the child's group may print endlessly.
  void copy_rest() {
    for (std::uint64_t pieces = 0; pieces < 16 && copy() > 0; ++pieces) {
    }
  }

 private:
  BoundedLog log_;
  int read_end_ = -1, write_end_ = -1;
  std::array<char, 65536> buffer_;
};

void add_options(const Sandbox& sandbox, std::vector<std::string>& arguments) {
  if (sandbox.namespaces) arguments.emplace_back("--namespaces");
  if (!sandbox.network) arguments.emplace_back("--no-network");
  for (const auto& path : sandbox.read) arguments.insert(arguments.end(), {"--read", path.string()});
  for (const auto& path : sandbox.write) arguments.insert(arguments.end(), {"--write", path.string()});
}

Result<pid_t> start(const Command& command, const Output& output, const Cgroup* group) {
  const auto& program = command.program;
  if (::access(program.c_str(), X_OK) != 0)
    return invalid("cannot start " + program.string() + ": " + std::strerror(errno) + "; install it beside mole-node");
  const auto scratch = (command.folder / "scratch").string();
  sigset_t all;
  ::sigfillset(&all);
  Spawn spawn;
  spawn.open(STDIN_FILENO, "/dev/null", O_RDONLY);
  spawn.duplicate(output.write_end(), STDOUT_FILENO).duplicate(STDOUT_FILENO, STDERR_FILENO);
  if (command.handover >= 0) spawn.duplicate(command.handover, 3);
  if (command.files >= 0) spawn.duplicate(command.files, 4);
  spawn.close_from(command.files >= 0 ? 5 : command.handover >= 0 ? 4 : 3).working_folder(command.folder);
  spawn.own_group().default_signals(all).empty_signal_mask();
  std::vector<std::string> arguments{std::to_string(::getpid()), std::to_string(command.address_space),
                                     std::to_string(max_file_bytes), std::to_string(max_open_files)};
  add_options(command.sandbox, arguments);
  if (group)
    for (const auto& entry : group->entries()) arguments.insert(arguments.end(), {"--group", entry.string()});
  arguments.push_back(program.string());
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC", "HOME=" + scratch, "TMPDIR=" + scratch};
  environment.insert(environment.end(), command.environment.begin(), command.environment.end());
  auto pid = spawn.start(command.launcher, arguments, environment);
  if (!pid && pid.error().code == Code::missing) return invalid(pid.error().message + "; install it beside mole-node");
  return pid;
}

// Waits until a child ends or has to be killed; returns why it has to be killed, or `exited` if it has ended.
ExitStatus::Kind wait_for(pid_t pid, int pidfd, Output& output, const Watch& watch, std::uint64_t write_limit) {
  constexpr Micros between_looks = second_us / 10;
  const Micros start = now();
  std::uint64_t last_progress = 0;
  Micros last_change = start;
  Micros next_look = start;
  bool open = true;
  for (;;) {
    Micros pause = second_us;
    if (write_limit != 0) pause = std::clamp<Micros>(next_look - now(), 1, between_looks);
    if (watch.wall_limit != 0) pause = std::min(pause, start + watch.wall_limit - now());
    if (watch.stall_limit != 0) pause = std::min(pause, watch.stall_limit / 4);
    pollfd fds[3] = {{pidfd, POLLIN, 0},
                     {watch.cancel ? watch.cancel->descriptor() : -1, POLLIN, 0},
                     {open ? output.read_end() : -1, POLLIN, 0}};
    ::poll(fds, 3, as_poll_timeout(std::max<Micros>(pause, 1000)));
    if (fds[0].revents != 0) return ExitStatus::Kind::exited;
    if (watch.cancel && watch.cancel->requested()) return ExitStatus::Kind::cancelled;
    if (fds[2].revents != 0) open = output.copy() != 0;
    if (watch.wall_limit != 0 && now() - start >= watch.wall_limit) return ExitStatus::Kind::timed_out;
    if (write_limit != 0 && now() >= next_look) {
      if (written_bytes(pid) > write_limit) return ExitStatus::Kind::wrote_too_much;
      next_look = now() + between_looks;
    }
    if (watch.stall_limit == 0 || !watch.progress) continue;
    if (const auto progress = watch.progress(); progress != last_progress) last_progress = progress, last_change = now();
    if (now() - last_change >= watch.stall_limit) return ExitStatus::Kind::stalled;
  }
}

// With namespaces, the launcher ends only when every process in them has ended.
void end_child(pid_t pid, int pidfd, bool namespaces) {
  constexpr int patience = 10'000;  // milliseconds: freeing the memory of a worker takes time
  if (namespaces && pidfd >= 0) {
    ::kill(pid, SIGTERM);
    pollfd ended{pidfd, POLLIN, 0};
    if (::poll(&ended, 1, patience) > 0) return;
  }
  ::kill(-pid, SIGKILL);
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
  const auto output = std::make_unique<Output>(command.log);
  if (output->read_end() < 0) return no_descriptor();
  std::shared_ptr<const Cgroup> group;
  if (command.sandbox.groups) {
    MOLE_TRY(group, command.sandbox.groups->take(command.address_space > 0 ? command.address_space + kernel_memory : 0));
  }
  const auto pid = start(command, *output, group.get());
  if (!pid) return pid.error();
  output->close_write_end();
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0));
  const auto why = pidfd >= 0 ? wait_for(*pid, pidfd, *output, watch, command.sandbox.write_limit) : ExitStatus::Kind::cancelled;
  if (why != ExitStatus::Kind::exited) end_child(*pid, pidfd, command.sandbox.namespaces);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(*pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  ::kill(-*pid, SIGKILL);  // its children; the id of the group is not reused before the child is reaped
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  output->copy_rest();
  if (pidfd < 0) return no_descriptor();
  ::close(pidfd);
  const bool out_of_memory = group && group->out_of_memory();
  if (why != ExitStatus::Kind::exited) return ExitStatus{why, SIGKILL, out_of_memory};
  if (WIFSIGNALED(status)) return ExitStatus{ExitStatus::Kind::killed, WTERMSIG(status), out_of_memory};
  return ExitStatus{ExitStatus::Kind::exited, WEXITSTATUS(status), out_of_memory};
}

}  // namespace mole::nodes
