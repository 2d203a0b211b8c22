#include "runtime/metric/state_spill.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace mole::runtime {
namespace {

constexpr std::size_t flush_at = 1 << 20;

Error failed(const std::filesystem::path& folder, const char* doing, int error) {
  const auto text = std::string(doing) + " states of closed intervals in " + folder.string() + " failed: " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) return exhausted(text + "; free space in the node's folder");
  return transient(text + "; check the disk");
}

}  // namespace

StateSpill::~StateSpill() {
  if (map_) ::munmap(map_, size_);
  if (fd_ >= 0) ::close(fd_);
}

Result<StateSpill::Place> StateSpill::add(std::string_view bytes) {
  if (fd_ < 0) {
    std::string name = (folder_ / "closed-XXXXXX").string();
    fd_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd_ < 0) return failed(folder_, "writing", errno);
    ::unlink(name.c_str());
  }
  const Place place{size_, bytes.size()};
  size_ += bytes.size();
  pending_ += bytes;
  if (pending_.size() >= flush_at)
    if (auto flushed = flush(); !flushed) return flushed.error();
  return place;
}

Result<> StateSpill::flush() {
  std::string_view bytes = pending_;
  while (!bytes.empty()) {
    const auto n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(folder_, "writing", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  pending_.clear();
  return {};
}

Result<> StateSpill::finish() {
  if (size_ == 0) return {};
  if (auto flushed = flush(); !flushed) return flushed;
  pending_.shrink_to_fit();
  void* map = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd_, 0);
  if (map == MAP_FAILED) return failed(folder_, "reading", errno);
  map_ = map;
  return {};
}

std::string_view StateSpill::at(Place place) const {
  return place.size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(map_) + place.offset, place.size);
}

}  // namespace mole::runtime
