// mole-launch: sets the limits of a worker and has it killed when its parent ends, then executes it. A plugin never runs without
// the limits, and the worker itself needs no code for them.
//
//   mole-launch PARENT ADDRESS_SPACE FILE_BYTES DESCRIPTORS PROGRAM ARGUMENT...
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

// Sets a limit; 0 leaves it unchanged.
bool set_limit(__rlimit_resource what, const char* text) {
  const rlim_t value = std::strtoull(text, nullptr, 10);
  const rlimit bound{value, value};
  return value == 0 || ::setrlimit(what, &bound) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0)
    return std::puts("mole-launch " MOLE_VERSION) < 0 || std::fflush(stdout) != 0;
  if (argc < 6) return std::fputs("mole-launch is started by mole-node\n", stderr), 2;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != std::atoi(argv[1])) return 1;  // the parent died before prctl
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (!set_limit(RLIMIT_AS, argv[2]) || !set_limit(RLIMIT_FSIZE, argv[3]) || !set_limit(RLIMIT_NOFILE, argv[4])) {
    std::fprintf(stderr, "mole-launch: cannot set a limit: %s; lower it, or raise the hard limit of this user\n",
                 std::strerror(errno));
    return 1;
  }
  ::execv(argv[5], argv + 5);
  std::fprintf(stderr, "mole-launch: cannot start %s: %s; install it beside mole-node\n", argv[5], std::strerror(errno));
  return 127;
}
