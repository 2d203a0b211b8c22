#include "runtime/decode/file_bytes.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace mole::runtime {

Result<FileBytes> FileBytes::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO must not block; it has no effect on regular files.
  OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return missing("cannot open " + path.string() + ": " + std::strerror(errno) + "; check the path and its permissions");
  return of(std::move(fd), path);
}

Result<FileBytes> FileBytes::of(OwnedFd file, const std::filesystem::path& path) {
  struct stat st {};
  if (::fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return missing(path.string() + " is not a regular file; specify the path of an archive file");
  (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return FileBytes(std::move(file), static_cast<std::uint64_t>(st.st_size), path);
}

Result<FileBytes> FileBytes::duplicate() const {
  OwnedFd copy(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return exhausted("too many open files to read " + path_.string() + "; raise the limit on open files (ulimit -n)");
  return FileBytes(std::move(copy), size_, path_);
}

Result<std::size_t> FileBytes::read(std::uint64_t offset, std::span<std::uint8_t> into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto n = ::pread(fd_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return transient("reading " + path_.string() + " at byte " + std::to_string(offset + done) +
                       " failed: " + std::strerror(errno) + "; check the disk and try again");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

}  // namespace mole::runtime
