#include "runtime/rows/file_output.hpp"

#include <cerrno>
#include <cstring>

namespace mole::runtime {

Error disk_error(const std::string& doing, int error) {
  const auto text = doing + " failed: " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) return exhausted(text + "; free space in the node's folder");
  return transient(text + "; check the disk");
}

Result<> write_all(int fd, std::string_view bytes, const std::string& doing) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_error(doing, errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

bool read_all(int fd, std::uint64_t at, void* into, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const auto n = ::pread(fd, static_cast<char*>(into) + done, size - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = EIO;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace mole::runtime
