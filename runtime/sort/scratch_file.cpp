#include "runtime/sort/scratch_file.hpp"

#include "runtime/rows/file_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace mole::runtime {

Result<ScratchFile> ScratchFile::create(const std::filesystem::path& folder, std::string content) {
  std::string name = (folder / "scratch-XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return disk_error("creating a file in the scratch folder " + folder.string(), errno);
  ::unlink(name.c_str());
  return ScratchFile(fd, std::move(content));
}

ScratchFile::~ScratchFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::uint64_t> ScratchFile::append(std::string_view bytes) {
  if (auto written = write_all(fd_, bytes, "writing " + content_ + " to the scratch folder"); !written) return written.error();
  return std::exchange(size_, size_ + bytes.size());
}

Result<> ScratchFile::read(std::uint64_t at, std::span<std::byte> into) const {
  while (!into.empty()) {
    const auto n = ::pread(fd_, into.data(), into.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return disk_error("reading " + content_ + " from the scratch folder", n < 0 ? errno : EIO);
    at += static_cast<std::uint64_t>(n);
    into = into.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace mole::runtime
