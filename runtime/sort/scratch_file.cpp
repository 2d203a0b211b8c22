#include "runtime/sort/scratch_file.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>

namespace mole::runtime {

Result<ScratchFile> ScratchFile::create(const std::filesystem::path& folder, std::string content) {
  std::string name = (folder / "scratch-XXXXXX").string();
  OwnedFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return disk_error("creating a file in the scratch folder " + folder.string(), errno);
  ::unlink(name.c_str());
  return ScratchFile(std::move(fd), std::move(content));
}

Result<std::uint64_t> ScratchFile::append(std::string_view bytes) {
  if (auto written = write_all(fd_.get(), bytes, "writing " + content_ + " to the scratch folder"); !written)
    return written.error();
  return std::exchange(size_, size_ + bytes.size());
}

Result<> ScratchFile::read(std::uint64_t at, std::span<std::byte> into) const {
  if (!read_all(fd_.get(), at, into.data(), into.size()))
    return disk_error("reading " + content_ + " from the scratch folder", errno);
  return {};
}

}  // namespace mole::runtime
