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

// Restores the default action of SIGPIPE, which mole ignores, so that the child exits when its reader closes the pipe.
void restore_sigpipe(Spawn& spawn) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGPIPE);
  spawn.default_signals(signals);
}

}  // namespace

Result<Child> Child::launch(const Spawn& spawn, const std::vector<std::string>& command, int pipe) {
  const auto pid = spawn.start(nodes::own_folder() / command.front(), {command.begin() + 1, command.end()});
  Child child(pid ? *pid : -1, pipe, command.front());
  if (pid) return child;
  return pid.error().code == Code::missing ? missing(pid.error().message + "; install it beside mole") : pid.error();
}

Result<Child> Child::start(const std::vector<std::string>& command) {
  Spawn spawn;
  restore_sigpipe(spawn);
  return launch(spawn, command);
}

Result<Child> Child::start_piped(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return transient(fmt::format("cannot create a pipe: {}; raise the limit of open files (ulimit -n)", std::strerror(errno)));
  Spawn spawn;
  restore_sigpipe(spawn);
  spawn.duplicate(ends[1], STDOUT_FILENO);
  auto child = launch(spawn, command, ends[0]);
  ::close(ends[1]);
  return child;
}

Result<Child> Child::start_in_background(const std::vector<std::string>& command, const std::filesystem::path& log) {
  Spawn spawn;
  spawn.open(STDIN_FILENO, "/dev/null", O_RDONLY).open(STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
  spawn.duplicate(STDOUT_FILENO, STDERR_FILENO).own_group();
  return launch(spawn, command);
}

// SIGTERM drains a node, a second one aborts it; SIGKILL kills the whole group.
Child::~Child() {
  close_pipe();
  for (const auto timeout : {std::chrono::seconds(3), std::chrono::seconds(5)}) {
    if (!running()) return;
    ::kill(pid_, SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (running() && std::chrono::steady_clock::now() < deadline) ::poll(nullptr, 0, 10);
  }
  if (!running()) return;
  if (::kill(-pid_, SIGKILL) != 0) ::kill(pid_, SIGKILL);
  (void)wait();
}

void Child::close_pipe() {
  if (pipe_ >= 0) ::close(std::exchange(pipe_, -1));
}

bool Child::running() {
  if (pid_ < 0) return false;
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

Result<std::size_t> Child::read(char* to, std::size_t size) {
  for (;;) {
    const auto n = ::read(pipe_, to, size);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return internal(fmt::format("cannot read from {}: {}", name_, std::strerror(errno)));
  }
}

Result<int> Child::wait() {
  close_pipe();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0)
    if (errno != EINTR) return internal(fmt::format("cannot wait for {}: {}", name_, std::strerror(errno)));
  pid_ = -1;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) return 0;  // `mole flows ... | head`
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace mole::cli
