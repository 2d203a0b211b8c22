#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace mole {
namespace fs = std::filesystem;
namespace {

// Closes a descriptor at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Error failed(const std::string& doing, const fs::path& path, int error) {
  const std::string text = doing + " " + path.string() + " failed: " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT) return exhausted(text + "; free space there and try again");
  if (error == EACCES || error == EPERM || error == EROFS) return invalid(text + "; give this user write permission there");
  return transient(text);
}

Result<> write_all(int fd, const fs::path& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("writing", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

fs::path temporary_beside(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  return path.parent_path() /
         (".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter++) + "." + path.filename().string());
}

}  // namespace

Result<> sync_folder(const fs::path& folder) {
  const fs::path place = folder.empty() ? fs::path(".") : folder;
  Descriptor fd(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return failed("opening the folder", place, errno);
  if (::fsync(fd.get()) != 0) return failed("fsync of the folder", place, errno);
  return {};
}

Result<> sync_file(const fs::path& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return failed("opening", path, errno);
  if (::fsync(fd.get()) != 0) return failed("fsync of", path, errno);
  return {};
}

Result<> durable_rename(const fs::path& from, const fs::path& to) {
  if (auto synced = sync_file(from); !synced) return synced;
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("renaming to", to, errno);
  return sync_folder(to.parent_path());
}

Result<> write_file(const fs::path& path, std::string_view bytes) {
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (fd.get() < 0) return failed("creating", path, errno);
  auto written = write_all(fd.get(), path, bytes);
  if (!written) ::unlink(path.c_str());
  return written;
}

Result<> durable_write(const fs::path& path, std::string_view bytes) {
  const auto tmp = temporary_beside(path);
  auto done = write_file(tmp, bytes);
  if (done) done = durable_rename(tmp, path);
  if (!done) ::unlink(tmp.c_str());
  return done;
}

Result<std::string> read_file(const fs::path& path, std::uint64_t limit) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) {
    const bool lacking = errno == EMFILE || errno == ENFILE || errno == ENOMEM;  // the file may exist
    const auto text = "cannot read " + path.string() + ": " + std::strerror(errno);
    return lacking ? transient(text + "; try again") : missing(text);
  }
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return missing(path.string() + " is not a regular file");
  if (static_cast<std::uint64_t>(st.st_size) > limit)
    return exhausted(path.string() + " has " + std::to_string(st.st_size) + " bytes, more than the limit of " +
                     std::to_string(limit));
  std::string bytes(static_cast<std::size_t>(st.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto n = ::read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("reading", path, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace mole
