#include "runtime/rows/file_output.hpp"

#include <unistd.h>

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

}  // namespace mole::runtime
