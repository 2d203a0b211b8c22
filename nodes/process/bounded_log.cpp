#include "nodes/process/bounded_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace mole::nodes {

BoundedLog::BoundedLog(const std::filesystem::path& file)
    : file_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)) {
  struct stat st {};
  if (file_ >= 0 && ::fstat(file_, &st) == 0) size_ = static_cast<std::uint64_t>(st.st_size);
}

BoundedLog::~BoundedLog() {
  if (file_ >= 0) ::close(file_);
}

void BoundedLog::append(std::string_view bytes) {
  if (file_ < 0) return;
  bytes.remove_prefix(bytes.size() - std::min<std::size_t>(bytes.size(), max_bytes / 2));
  if (size_ + bytes.size() > max_bytes) drop_first_half();
  const auto written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
  size_ += static_cast<std::uint64_t>(std::max<ssize_t>(written, 0));
}

void BoundedLog::drop_first_half() {
  std::string kept(std::min<std::uint64_t>(size_, max_bytes / 2), '\0');
  const auto got = ::pread(file_, kept.data(), kept.size(), static_cast<off_t>(size_ - kept.size()));
  const auto written = ::pwrite(file_, kept.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)), 0);
  size_ = static_cast<std::uint64_t>(std::max<ssize_t>(written, 0));
  (void)!::ftruncate(file_, static_cast<off_t>(size_));
}

}  // namespace mole::nodes
