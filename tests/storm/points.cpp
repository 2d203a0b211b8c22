// Preloaded into a program (LD_PRELOAD): kills it with SIGKILL before or after a system call that makes something durable or
// visible, or that removes it. Such a call is a failpoint; the programs themselves contain none.
//
//   STORM_POINT="WHEN CALL COUNT ONCE REGEX"   WHEN: before or after. Kills at the COUNTth CALL whose path matches the extended
//                                              regular expression. ONCE: a file that is removed first, so that only one of
//                                              several processes is killed; - if there is only one process
//   STORM_TRACE=FILE                           appends a line "CALL PATH" for each call
//
// `after` means: after a call that succeeded. The path is the one that the call creates, syncs or removes.
#include <dlfcn.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>

namespace {

struct Point {
  std::string when, call, once, pattern;
  int count = 0;
  regex_t regex{};
};

const Point* read_point() {
  const char* text = std::getenv("STORM_POINT");  // NOLINT: never changed
  if (text == nullptr) return nullptr;
  static Point point;
  std::istringstream words(text);
  words >> point.when >> point.call >> point.count >> point.once >> point.pattern;
  if (!words || ::regcomp(&point.regex, point.pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    std::fprintf(stderr, "STORM_POINT: cannot read '%s'\n", text);
    std::abort();
  }
  return &point;
}

std::string path_of(int descriptor) {
  std::array<char, PATH_MAX> path{};
  const auto link = "/proc/self/fd/" + std::to_string(descriptor);
  const auto n = ::readlink(link.c_str(), path.data(), path.size());
  return {path.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
}

std::string path_at(int folder, const char* path) {
  return path[0] == '/' || folder == AT_FDCWD ? path : path_of(folder) + "/" + path;
}

// The real function of this name.
template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void trace(const char* call, const std::string& path) {
  const char* file = std::getenv("STORM_TRACE");  // NOLINT: never changed
  if (file == nullptr) return;
  const auto line = std::string(call) + " " + path + "\n";
  const int fd = ::open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  (void)!::write(fd, line.data(), line.size());
  ::close(fd);
}

void die(const Point& point) {
  if (point.once != "-" && next<int(const char*)>("unlink")(point.once.c_str()) != 0) return;  // another process was killed
  ::kill(::getpid(), SIGKILL);
}

// Calls `real()`, and kills the process before or after it if this is the point. `path` is made only if it is needed.
template <typename Path, typename Real>
int at_point(const char* call, const Path& path, const Real& real) {
  static const Point* const point = read_point();
  static const bool traced = std::getenv("STORM_TRACE") != nullptr;  // NOLINT
  static std::atomic<int> seen = 0;
  const bool named = point != nullptr && point->call == call;
  if (!named && !traced) return real();
  const std::string text = path();
  const bool here = named && ::regexec(&point->regex, text.c_str(), 0, nullptr, 0) == 0 && ++seen == point->count;
  if (here && point->when == "before") die(*point);
  const int result = real();
  const int error = errno;
  if (result >= 0 && traced) trace(call, text);
  if (here && result >= 0) die(*point);
  errno = error;
  return result;
}

}  // namespace

#define STORM_EXPORT extern "C" __attribute__((visibility("default")))

STORM_EXPORT int rename(const char* from, const char* to) noexcept {
  return at_point(
      "rename", [&] { return std::string(to); }, [&] { return next<int(const char*, const char*)>("rename")(from, to); });
}

STORM_EXPORT int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  return at_point(
      "rename", [&] { return path_at(to_folder, to); },
      [&] {
        return next<int(int, const char*, int, const char*, unsigned)>("renameat2")(from_folder, from, to_folder, to, flags);
      });
}

STORM_EXPORT int link(const char* from, const char* to) noexcept {
  return at_point(
      "link", [&] { return std::string(to); }, [&] { return next<int(const char*, const char*)>("link")(from, to); });
}

STORM_EXPORT int fsync(int file) {
  return at_point(
      "sync", [&] { return path_of(file); }, [&] { return next<int(int)>("fsync")(file); });
}

STORM_EXPORT int fdatasync(int file) {
  return at_point(
      "sync", [&] { return path_of(file); }, [&] { return next<int(int)>("fdatasync")(file); });
}

STORM_EXPORT ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  return at_point(
      "pwrite", [&] { return path_of(file); },
      [&] { return static_cast<int>(next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(file, bytes, size, at)); });
}

STORM_EXPORT int unlink(const char* path) noexcept {
  return at_point(
      "remove", [&] { return std::string(path); }, [&] { return next<int(const char*)>("unlink")(path); });
}

STORM_EXPORT int unlinkat(int folder, const char* path, int flags) noexcept {
  return at_point(
      "remove", [&] { return path_at(folder, path); },
      [&] { return next<int(int, const char*, int)>("unlinkat")(folder, path, flags); });
}

STORM_EXPORT int remove(const char* path) noexcept {
  return at_point(
      "remove", [&] { return std::string(path); }, [&] { return next<int(const char*)>("remove")(path); });
}
