#include "cli/session/child.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

extern char** environ;

namespace mole::cli {
namespace {

struct SpawnSettings {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnSettings() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

Result<pid_t> spawn(const std::vector<std::string>& command, const SpawnSettings& settings) {
  const auto program = (own_folder() / command.front()).string();
  if (::access(program.c_str(), X_OK) != 0)
    return missing(fmt::format("{} is not there: mole needs the programs it was installed with beside it", program));
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &settings.files, &settings.attributes, arguments.data(), environ);
  if (error != 0)
    return transient(fmt::format("cannot start {}: {}; try again when the machine is less busy", program, std::strerror(error)));
  return pid;
}

}  // namespace

std::filesystem::path own_folder() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path(".") : self.parent_path();
}

namespace {

// SIGPIPE is ignored by us; the sibling is to end when its reader has gone.
void end_with_the_pipe(SpawnSettings& settings) {
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  posix_spawnattr_setsigdefault(&settings.attributes, &pipe);
  posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGDEF);
}

Result<int> exit_code_of(pid_t pid, const std::string& name) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return internal(fmt::format("lost {}: {}", name, std::strerror(errno)));
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) return 0;  // `mole flows ... | head`
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<int> run_sibling(const std::vector<std::string>& command) {
  SpawnSettings settings;
  end_with_the_pipe(settings);
  const auto pid = spawn(command, settings);
  if (!pid) return pid.error();
  return exit_code_of(*pid, command.front());
}

Result<PipedChild> PipedChild::start(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return transient(fmt::format("cannot make a pipe: {}; close some files", std::strerror(errno)));
  SpawnSettings settings;
  end_with_the_pipe(settings);
  posix_spawn_file_actions_adddup2(&settings.files, ends[1], STDOUT_FILENO);
  const auto pid = spawn(command, settings);
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
  SpawnSettings settings;
  posix_spawn_file_actions_addopen(&settings.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&settings.files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&settings.files, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&settings.attributes, 0);
  const auto pid = spawn(command, settings);
  if (!pid) return pid.error();
  return Child(*pid);
}

bool Child::running() {
  if (pid_ < 0) return false;
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

// Politely, then with the node's "at once", then by force.
Child::~Child() {
  for (const auto patience : {std::chrono::seconds(3), std::chrono::seconds(5)}) {
    if (!running()) return;
    ::kill(pid_, SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (running() && std::chrono::steady_clock::now() < deadline) ::poll(nullptr, 0, 10);
  }
  if (!running()) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace mole::cli
