#include "cli/session/child.hpp"

#include "nodes/process/spawn.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

namespace mole::cli {
namespace {

using nodes::Spawn;

// Starts a program in the folder of this one; the first word of `command` is its name.
Result<pid_t> start_program(const Spawn& spawn, const std::vector<std::string>& command) {
  auto pid = spawn.start(nodes::own_folder() / command.front(), {command.begin() + 1, command.end()});
  if (!pid && pid.error().code == Code::missing) return missing(pid.error().message + "; install it beside mole");
  return pid;
}

// Restores the default action of SIGPIPE, which mole ignores, so that the child ends when its reader closes the pipe.
void restore_sigpipe(Spawn& spawn) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGPIPE);
  spawn.default_signals(signals);
}

Result<int> exit_code_of(pid_t pid, const std::string& name) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return internal(fmt::format("cannot wait for {}: {}", name, std::strerror(errno)));
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) return 0;  // `mole flows ... | head`
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<int> run_sibling(const std::vector<std::string>& command) {
  Spawn spawn;
  restore_sigpipe(spawn);
  const auto pid = start_program(spawn, command);
  if (!pid) return pid.error();
  return exit_code_of(*pid, command.front());
}

Result<PipedChild> PipedChild::start(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return transient(fmt::format("cannot create a pipe: {}; close some files", std::strerror(errno)));
  Spawn spawn;
  restore_sigpipe(spawn);
  spawn.duplicate(ends[1], STDOUT_FILENO);
  const auto pid = start_program(spawn, command);
  ::close(ends[1]);
  if (!pid) {
    ::close(ends[0]);
    return pid.error();
  }
  return PipedChild(*pid, ends[0], command.front());
}

PipedChild::~PipedChild() {
  if (pid_ >= 0) (void)wait();
  close_pipe();
}

void PipedChild::close_pipe() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<std::size_t> PipedChild::read(char* to, std::size_t size) {
  for (;;) {
    const auto n = ::read(fd_, to, size);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return internal(fmt::format("cannot read from {}: {}", name_, std::strerror(errno)));
  }
}

Result<int> PipedChild::wait() {
  close_pipe();
  return exit_code_of(std::exchange(pid_, -1), name_);
}

Result<Child> Child::start(const std::vector<std::string>& command, const std::filesystem::path& log) {
  Spawn spawn;
  spawn.open(STDIN_FILENO, "/dev/null", O_RDONLY).open(STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
  spawn.duplicate(STDOUT_FILENO, STDERR_FILENO).own_group();
  const auto pid = start_program(spawn, command);
  if (!pid) return pid.error();
  return Child(*pid);
}

bool Child::running() {
  if (pid_ < 0) return false;
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

// SIGTERM drains a node, a second one aborts it; SIGKILL ends the whole group.
Child::~Child() {
  for (const auto timeout : {std::chrono::seconds(3), std::chrono::seconds(5)}) {
    if (!running()) return;
    ::kill(pid_, SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (running() && std::chrono::steady_clock::now() < deadline) ::poll(nullptr, 0, 10);
  }
  if (!running()) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace mole::cli
