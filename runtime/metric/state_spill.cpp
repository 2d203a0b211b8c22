#include "runtime/metric/state_spill.hpp"

#include "runtime/rows/file_output.hpp"

#include <sys/mman.h>

#include <cerrno>

namespace mole::runtime {

StateSpill::~StateSpill() {
  if (map_) ::munmap(map_, size_);
}

Result<StateSpill::Place> StateSpill::add(std::string_view bytes) {
  if (!file_) {
    MOLE_TRY(auto created, ScratchFile::create(folder_, "states"));
    file_.emplace(std::move(created));
  }
  const Place place{size_, bytes.size()};
  size_ += bytes.size();
  pending_ += bytes;
  if (pending_.size() >= std::size_t{1} << 20)
    if (auto flushed = flush(); !flushed) return flushed.error();
  return place;
}

Result<> StateSpill::flush() {
  if (auto written = file_->append(pending_); !written) return written.error();
  pending_.clear();
  return {};
}

Result<> StateSpill::finish() {
  if (size_ == 0) return {};
  if (auto flushed = flush(); !flushed) return flushed;
  pending_.shrink_to_fit();
  void* map = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file_->fd(), 0);
  if (map == MAP_FAILED) return disk_error("mapping states in the scratch folder", errno);
  map_ = map;
  return {};
}

std::string_view StateSpill::at(Place place) const {
  return place.size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(map_) + place.offset, place.size);
}

}  // namespace mole::runtime
