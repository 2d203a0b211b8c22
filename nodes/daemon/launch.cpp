// mole-launch: what stands between mole-node and a worker for an instant. Ties the process to its parent and sets its limits,
// then becomes the worker: neither has a moment in which a plugin runs without them, and the worker needs to know of neither.
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

// 0: as it is.
bool limit(__rlimit_resource what, const char* text) {
  const rlim_t value = std::strtoull(text, nullptr, 10);
  const rlimit bound{value, value};
  return value == 0 || ::setrlimit(what, &bound) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return std::fputs("mole-launch is started by mole-node\n", stderr), 2;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != std::atoi(argv[1])) return 1;  // it died before we asked
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (!limit(RLIMIT_AS, argv[2]) || !limit(RLIMIT_FSIZE, argv[3]) || !limit(RLIMIT_NOFILE, argv[4])) {
    std::fprintf(stderr, "mole-launch: a limit cannot be set: %s; lower it or raise this user's own\n", std::strerror(errno));
    return 1;
  }
  ::execv(argv[5], argv + 5);
  std::fprintf(stderr, "mole-launch: cannot start %s: %s; install it beside mole-node\n", argv[5], std::strerror(errno));
  return 127;
}
