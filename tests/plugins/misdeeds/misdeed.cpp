// A metric that does on purpose what a worker must withstand: its parameter `act` says what. Acts that reach for something
// outside the attempt print "REACHED ..." if they get it and "refused ..." if not, and then abort, so that their log is reported.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mole/metric.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

void tell(bool reached, const std::string& what) {
  std::fprintf(stderr, "%s %s\n", reached ? "REACHED" : "refused", what.c_str());
  std::fflush(stderr);
}

void reach(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  tell(fd >= 0, ((flags & O_ACCMODE) == O_RDONLY ? "to read " : "to write ") + path);
  if (fd >= 0) ::close(fd);
}

[[noreturn]] void sleep_on() {
  for (;;) ::sleep(1000);
}

// Starts a process that lives on in its own session.
void start_process(bool session) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (session) ::setsid();
    if (::fork() == 0) ::sleep(60);
    ::_exit(0);
  }
  tell(child > 0, "to start a process");
}

// Allocates and uses memory. The compiler must not leave it out.
void use_memory(std::size_t bytes) {
  auto* memory = static_cast<volatile char*>(::operator new(bytes));
  for (std::size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
}

// Processes that each use less memory than a worker may, but together more.
void use_memory_in_processes() {
  for (int i = 0; i < 8; ++i)
    if (const pid_t child = ::fork(); child == 0) {
      use_memory(200u << 20);
      sleep_on();
    }
  int ended = 0;
  ::wait(&ended);
  std::abort();
}

void fill(const std::string& path, std::size_t mebibytes) {
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const std::vector<char> block(1 << 20, 'x');
  for (std::size_t i = 0; i < mebibytes; ++i)
    if (::write(fd, block.data(), block.size()) < 0) break;
  ::close(fd);
}

// Every process that this one can see, by number and command line.
std::vector<std::pair<pid_t, std::string>> processes() {
  std::vector<std::pair<pid_t, std::string>> out;
  DIR* folder = ::opendir("/proc");
  while (dirent* entry = folder != nullptr ? ::readdir(folder) : nullptr) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid <= 1 || pid == ::getpid()) continue;
    char text[4096] = {};
    const int fd = ::open(("/proc/" + std::string(entry->d_name) + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && ::read(fd, text, sizeof text - 1) > 0) out.emplace_back(pid, text);
    ::close(fd);
  }
  if (folder != nullptr) ::closedir(folder);
  return out;
}

int connect_to(int family, const sockaddr* address, socklen_t size) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return fd < 0 ? -1 : ::connect(fd, address, size);
}

// The call record, which the worker has mapped: found as a plugin would.
unsigned char* call_record() {
  std::FILE* maps = std::fopen("/proc/self/maps", "re");
  char line[4096];
  unsigned long from = 0;
  while (maps != nullptr && std::fgets(line, sizeof line, maps) != nullptr)
    if (std::strstr(line, "/call\n") != nullptr) from = std::strtoul(line, nullptr, 16);
  return reinterpret_cast<unsigned char*>(from);  // NOLINT
}

struct Act {
  std::string place;  // folder of the test: state/ of the coordinator, node1/, node2/, secret
  unsigned port = 0;  // of the coordinator
};

void kill_parent(const Act&) { tell(::kill(::getppid(), SIGKILL) == 0 && ::getppid() > 0, "to kill the parent"); }

void kill_others(const Act& act) {
  for (const auto& [pid, command] : processes())
    if (command.find("mole-") != std::string::npos) tell(::kill(pid, SIGKILL) == 0, "to kill " + command);
  tell(::kill(1, SIGKILL) == 0, "to kill the first process");
  (void)act;
}

void connect_all(const Act& act) {
  sockaddr_in tcp{};
  tcp.sin_family = AF_INET;
  tcp.sin_port = htons(static_cast<std::uint16_t>(act.port));
  tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  tell(connect_to(AF_INET, reinterpret_cast<sockaddr*>(&tcp), sizeof tcp) == 0, "the coordinator's port");
  for (const std::string socket : {"/c.sock", "/node1/states.sock"}) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    (act.place + socket).copy(local.sun_path, sizeof local.sun_path - 1);
    tell(connect_to(AF_UNIX, reinterpret_cast<sockaddr*>(&local), sizeof local) == 0, "the socket " + socket);
  }
  tell(::socket(AF_INET, SOCK_RAW, 1) >= 0, "a raw socket");
}

void read_secrets(const Act& act) {
  reach("/etc/shadow", O_RDONLY);
  reach(act.place + "/secret", O_RDONLY);
  reach(act.place + "/state/db/CURRENT", O_RDONLY);
  for (const std::string node : {"/node1", "/node2"}) {
    reach(act.place + node + "/id", O_RDONLY);
    reach(act.place + node + "/states", O_RDONLY | O_DIRECTORY);
    reach(act.place + node + "/attempts", O_RDONLY | O_DIRECTORY);
    reach(act.place + node + "/finished", O_RDONLY | O_DIRECTORY);
  }
  reach("/proc/" + std::to_string(::getppid()) + "/mem", O_RDONLY);
  reach("/proc/" + std::to_string(::getppid()) + "/environ", O_RDONLY);
}

void write_state(const Act& act) {
  reach(act.place + "/state/planted", O_WRONLY | O_CREAT);
  reach(act.place + "/state/db/LOCK", O_RDWR);
  reach(act.place + "/node1/id", O_RDWR);
  reach(act.place + "/node1/states/planted", O_RDWR | O_CREAT);
  reach(act.place + "/node1/plugins/planted.so", O_RDWR | O_CREAT);
  reach(act.place + "/archive/planted", O_RDWR | O_CREAT);
  tell(::rename((act.place + "/node1/id").c_str(), (act.place + "/node1/id2").c_str()) == 0, "to rename the node's id");
  tell(::unlink((act.place + "/secret").c_str()) == 0, "to remove a file");
  tell(::link((act.place + "/secret").c_str(), "scratch/secret") == 0, "to link a file");
}

void write_cache(const Act& act) {
  for (const std::string node : {"/node1", "/node2"}) {
    const auto folder = act.place + node + "/cache/";
    DIR* listed = ::opendir(folder.c_str());
    tell(listed != nullptr, "to list the cache");
    while (dirent* entry = listed != nullptr ? ::readdir(listed) : nullptr) {
      const std::string name = entry->d_name;
      if (!name.ends_with(".file")) continue;
      const int fd = ::open((folder + name).c_str(), O_RDWR | O_CLOEXEC);
      const char zeros[64] = {};
      tell(fd >= 0 && ::pwrite(fd, zeros, sizeof zeros, 3000) == sizeof zeros, "to write a copy in the cache");
      if (fd >= 0) ::close(fd);
    }
    if (listed != nullptr) ::closedir(listed);
  }
  // The copies that this process reads.
  for (int input = 3; input < 256; ++input) {
    const auto link = "/proc/self/fd/" + std::to_string(input);
    char target[4096] = {};
    if (::readlink(link.c_str(), target, sizeof target - 1) < 0 || std::strstr(target, "/cache/") == nullptr) continue;
    tell(::pwrite(input, "x", 1, 3000) == 1, "to write an input");
    tell(::open(link.c_str(), O_RDWR | O_CLOEXEC) >= 0, "to open an input for writing");
    tell(::flock(input, LOCK_EX | LOCK_NB) == 0, "to lock an input");
    tell(::fcntl(input, F_SETLEASE, F_RDLCK) == 0, "a lease of an input");
  }
}

void trace_parent(const Act&) {
  tell(::getppid() > 0 && ::ptrace(PTRACE_SEIZE, ::getppid(), 0, 0) == 0, "to trace the parent");
  tell(::getppid() > 0 && ::syscall(SYS_pidfd_open, ::getppid(), 0) >= 0, "a handle of the parent");
}

void run_program(const Act&) { tell(std::system("exit 0") == 0, "to run a program"); }  // NOLINT

void use_kernel(const Act&) {
  tell(::unshare(CLONE_NEWUSER) == 0, "new namespaces");
  tell(::mount("none", "/tmp", "tmpfs", 0, nullptr) == 0, "to mount");
  tell(::syscall(SYS_bpf, 0, nullptr, 0) >= 0 || errno != EPERM, "bpf");
  tell(::syscall(SYS_io_uring_setup, 1, nullptr) >= 0 || errno != EPERM, "io_uring");
  tell(::syscall(SYS_userfaultfd, 0) >= 0, "userfaultfd");
  tell(::syscall(SYS_keyctl, 0, -3, 1) >= 0, "keyctl");
  tell(::setuid(1) == 0, "another user");
  const rlimit more{RLIM_INFINITY, RLIM_INFINITY};
  tell(::setrlimit(RLIMIT_AS, &more) == 0, "more memory");
  tell(::prctl(PR_SET_PDEATHSIG, 0) == 0, "to outlive the node");
  tell(::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) >= 0, "shared memory");
  tell(::syscall(SYS_memfd_create, "planted", 0) >= 0, "memory that is not counted");
}

void rewrite_spec(const Act&) {
  reach("spec.json", O_RDWR);
  tell(::rename("spec.json", "spec.old") == 0, "to replace spec.json");
}

void link_out(const Act& act) {
  tell(::rmdir("out") == 0 && ::symlink((act.place + "/outside").c_str(), "out") == 0, "to link out/ to another folder");
}

void link_log(const Act& act) {
  tell(::unlink("log") == 0 && ::symlink((act.place + "/secret").c_str(), "log") == 0, "to link the log to another file");
}

void give_orders(const Act& act) {
  start_process(true);
  kill_parent(act);
  reach("/dev/shm/mole-planted", O_RDWR | O_CREAT);
}

// Takes all memory that the worker may use, and keeps it: whoever needs some next fails.
void hold_memory() {
  for (std::size_t size = 16u << 20; size >= 16; size /= 2)
    while (void* memory = std::malloc(size)) *static_cast<volatile char*>(memory) = 1;
}

using Reach = void (*)(const Act&);
const std::map<std::string, Reach>& acts_of_reach() {
  static const std::map<std::string, Reach> acts{{"kill_parent", kill_parent},
                                                 {"kill_others", kill_others},
                                                 {"connect", connect_all},
                                                 {"read_secrets", read_secrets},
                                                 {"write_state", write_state},
                                                 {"trace", trace_parent},
                                                 {"exec", run_program},
                                                 {"kernel", use_kernel},
                                                 {"rewrite_spec", rewrite_spec},
                                                 {"link_out", link_out},
                                                 {"link_log", link_log},
                                                 {"write_cache", write_cache},
                                                 {"several", give_orders},
                                                 {"fork", [](const Act&) { start_process(false); }},
                                                 {"session", [](const Act&) { start_process(true); }}};
  return acts;
}

void misbehave(const std::string& a, const Act& act) {
  if (const auto found = acts_of_reach().find(a); found != acts_of_reach().end()) {
    found->second(act);
    std::abort();
  }
  if (a == "abort") std::abort();
  if (a == "segv") *reinterpret_cast<volatile int*>(8) = 1;  // NOLINT
  if (a == "exit") std::exit(0);                             // NOLINT
  if (a == "_exit") ::_exit(0);
  if (a == "spin")
    for (volatile bool on = true; on;) {
    }
  if (a == "sleep") sleep_on();
  if (a == "stop") ::kill(::getpid(), SIGSTOP);
  if (a == "allocate")
    for (;;) use_memory(16u << 20);
  if (a == "hold") hold_memory();
  if (a == "processes") use_memory_in_processes();
  if (a == "print")
    for (int i = 0; i < 2000; ++i) std::fprintf(stderr, "%s\n", std::string(100'000, 'x').c_str());
  if (a == "fill_scratch") fill(std::string(std::getenv("TMPDIR")) + "/big", 400);  // NOLINT
  if (a == "close_all")
    for (int fd = 0; fd < 1024; ++fd) ::close(fd);
  if (a == "throw") throw std::runtime_error("as told");
  if (a == "throw_int") throw 42;
  if (a == "clear_record") {
    std::memset(call_record(), 0, 64);
    std::abort();
  }
  if (a == "wrong_step") {  // the record names the first step of the task
    std::memset(call_record() + 8, 0, 4);
    ::_exit(3);
  }
  if (a == "progress")
    for (std::uint64_t i = 1'000'000;; ++i) {
      std::memcpy(call_record() + 24, &i, 8);
      ::usleep(50'000);
    }
}

struct Misdeed {
  static constexpr auto about = mole::metric("misdeed", "1.0.0", "Does on purpose what a worker must withstand");
  struct Row {
    double n;
  };
  struct Params {
    std::string act = "none", place;
    std::uint64_t port = 0;
  };
  static constexpr auto output = mole::columns(mole::column("n", &Row::n, mole::unit::one, "Flows, or what is asked for"));
  static constexpr auto params =
      mole::params(mole::param("act", &Params::act, "What to do"), mole::param("place", &Params::place, "Where"),
                   mole::param("port", &Params::port, "Of the coordinator"));
  explicit Misdeed(const Params& given) : p(given) {}
  Params p;
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&Misdeed::n);

  void add(const mole::Flows<mole::bytes>& flows) {
    static bool done = false;
    n += flows.size();
    if (std::exchange(done, true)) return;
    misbehave(p.act, {p.place, static_cast<unsigned>(p.port)});
  }
  void merge(const Misdeed& other) { n += other.n; }
  Row finish() const {
    if (p.act == "nan") return {std::numeric_limits<double>::quiet_NaN()};
    if (p.act == "infinity") return {std::numeric_limits<double>::infinity()};
    return {static_cast<double>(n)};
  }
};

MOLE_PLUGINS(Misdeed)

}  // namespace
