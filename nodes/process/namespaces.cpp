#include "nodes/process/namespaces.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>

namespace mole::nodes {
namespace {

constexpr int first_inherited = 0, last_inherited = 4;  // what the program inherits (child.hpp)
constexpr int not_ended = -1;

bool write_text(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const auto written = ::write(fd, text.data(), text.size());
  ::close(fd);
  return written == static_cast<ssize_t>(text.size());
}

// Root keeps all its users, because it reads files of others; another user is only itself.
bool map_users(uid_t user, gid_t group) {
  if (user == 0 && write_text("/proc/self/uid_map", "0 0 4294967295") && write_text("/proc/self/gid_map", "0 0 4294967295"))
    return true;
  const auto same = [](auto id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
  return write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", same(user)) &&
         write_text("/proc/self/gid_map", same(group));
}

// What the program could do with the rights of root in its own namespaces is of no use to it, except to read files.
void drop_capabilities() {
  for (int capability = 0; capability < 64; ++capability)
    if (capability != CAP_DAC_OVERRIDE && capability != CAP_DAC_READ_SEARCH && capability != CAP_FOWNER)
      ::prctl(PR_CAPBSET_DROP, capability);  // fails for those that do not exist
}

void close_inherited() {
  for (int fd = first_inherited; fd <= last_inherited; ++fd) ::close(fd);
}

// The first process of the namespaces. It must not be the program: the kernel ignores signals to it, such as that of abort().
[[noreturn]] void be_first(int parent_lives, int* status, const std::function<void()>& run) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd parent{parent_lives, 0, 0};
  if (::poll(&parent, 1, 0) != 0) ::_exit(1);  // it ended before prctl
  ::prctl(PR_SET_DUMPABLE, 0);                 // the program cannot read its memory
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    std::perror("mole-launch: cannot mount /proc in the namespaces of a worker");
    ::_exit(1);
  }
  const pid_t program = ::fork();
  if (program == 0) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    drop_capabilities();
    run();
    ::_exit(127);
  }
  close_inherited();
  for (int ended = 0;;) {  // orphans become its children
    const pid_t child = ::wait(&ended);
    if (child == program || (child < 0 && errno != EINTR)) {
      *status = child == program ? ended : 1 << 8;
      ::_exit(0);  // ends all other processes of the namespaces
    }
  }
}

[[noreturn]] void end_as(int status) {
  if (status != not_ended && WIFEXITED(status)) ::_exit(WEXITSTATUS(status));
  const int signal = status == not_ended ? SIGKILL : WTERMSIG(status);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::signal(signal, SIG_DFL);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(signal);
  ::_exit(128 + signal);
}

}  // namespace

void run_in_namespaces(bool network, const std::function<void()>& run) {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  for (int& end : ends) {  // where close_inherited does not close it
    const int low = end;
    end = ::fcntl(low, F_DUPFD_CLOEXEC, last_inherited + 1);
    ::close(low);
    if (end < 0) return;
  }
  // Shared, because a process can be killed between the end of the program and its own; the program itself does not inherit it.
  void* shared = ::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return;
  auto* status = static_cast<int*>(shared);
  *status = not_ended;
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | (network ? 0 : CLONE_NEWNET)) != 0) return;
  if (!map_users(user, group) || ::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0) return;
  sigset_t awaited;
  ::sigemptyset(&awaited);
  ::sigaddset(&awaited, SIGTERM);
  ::sigaddset(&awaited, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &awaited, nullptr);
  const pid_t first = ::fork();
  if (first < 0) return;
  if (first == 0) {
    ::close(ends[1]);
    be_first(ends[0], status, run);
  }
  close_inherited();
  for (;;) {
    siginfo_t signal{};
    if (::sigwaitinfo(&awaited, &signal) == SIGTERM) ::kill(first, SIGKILL);
    int ended = 0;
    if (::waitpid(first, &ended, WNOHANG) != first) continue;
    if (WIFEXITED(ended) && WEXITSTATUS(ended) != 0) ::_exit(WEXITSTATUS(ended));  // it has said why
    end_as(*status);
  }
}

}  // namespace mole::nodes
