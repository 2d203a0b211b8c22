// mole-launch: sets the limits of a worker, separates it from the rest of the machine and has it killed when its parent ends,
// then executes it. A plugin never runs without the limits, and the worker itself needs no code for them.
//
//   mole-launch PARENT ADDRESS_SPACE FILE_BYTES DESCRIPTORS [OPTION...] PROGRAM ARGUMENT...
//
// Options: --namespaces (namespaces.hpp), --no-network, --group FILE (a cgroup's cgroup.procs, which it enters), --read PATH and
// --write PATH (landlock.hpp, if there is any).
#include "nodes/process/landlock.hpp"
#include "nodes/process/namespaces.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Options {
  bool namespaces = false, network = true;
  mole::nodes::FileAccess files;
  std::vector<std::string> groups;
  char** program = nullptr;  // null: none given
};

Options parse(char** word) {
  Options out;
  for (; *word != nullptr && std::strncmp(*word, "--", 2) == 0; ++word) {
    const std::string_view option = *word;
    if (option == "--namespaces") out.namespaces = true;
    if (option == "--no-network") out.network = false;
    if ((option != "--read" && option != "--write" && option != "--group") || word[1] == nullptr) continue;
    (option == "--read" ? out.files.read : option == "--write" ? out.files.write : out.groups).emplace_back(*++word);
  }
  if (*word != nullptr) out.program = word;
  return out;
}

// Sets a limit; 0 leaves it unchanged.
bool set_limit(__rlimit_resource what, const char* text) {
  const rlim_t value = std::strtoull(text, nullptr, 10);
  const rlimit bound{value, value};
  return value == 0 || ::setrlimit(what, &bound) == 0;
}

// The processes that this one starts are in its groups, too.
bool enter(const std::string& group) {
  const int fd = ::open(group.c_str(), O_WRONLY | O_CLOEXEC);
  const bool entered = fd >= 0 && ::write(fd, "0", 1) == 1;
  const int error = errno;
  ::close(fd);
  errno = error;
  return entered;
}

[[noreturn]] void fail(const char* what, const char* remedy) {
  std::fprintf(stderr, "mole-launch: %s: %s; %s\n", what, std::strerror(errno), remedy);
  ::_exit(1);
}

// Executes the program under its limits.
void execute(const Options& options, char** argv) {
  if (!set_limit(RLIMIT_AS, argv[2]) || !set_limit(RLIMIT_FSIZE, argv[3]) || !set_limit(RLIMIT_NOFILE, argv[4]))
    fail("cannot set a limit", "lower it, or raise the hard limit of this user");
  const auto& files = options.files;
  if (!(files.read.empty() && files.write.empty()) && !mole::nodes::restrict_files(files, options.network))
    fail("cannot restrict a worker to its files", "start mole-node --sandbox without landlock");
  ::execv(options.program[0], options.program);
  std::fprintf(stderr, "mole-launch: cannot start %s: %s; install it beside mole-node\n", options.program[0],
               std::strerror(errno));
  ::_exit(127);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0)
    return std::puts("mole-launch " MOLE_VERSION) < 0 || std::fflush(stdout) != 0;
  const auto options = argc < 6 ? Options() : parse(argv + 5);
  if (options.program == nullptr) return std::fputs("mole-launch is started by mole-node\n", stderr), 2;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != std::atoi(argv[1])) return 1;  // the parent died before prctl
  for (const auto& group : options.groups)
    if (!enter(group)) fail("cannot enter a cgroup", "start mole-node --sandbox without cgroup");
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (!options.namespaces) execute(options, argv);
  mole::nodes::run_in_namespaces(options.network, [&] { execute(options, argv); });
  fail("cannot make namespaces for a worker", "start mole-node --sandbox without namespaces");
}
