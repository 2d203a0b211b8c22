// Saved states of intervals that are closed, out of memory until the step is finished: one scratch file without a name, which
// goes with the process.
//
//   StateSpill spill(folder);
//   auto place = spill.add(bytes);
//   spill.seal();
//   spill.at(*place);   // the same bytes
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mole::runtime {

// One thread. Nothing is opened before the first add.
class StateSpill {
 public:
  struct Place {
    std::uint64_t offset = 0, size = 0;
  };

  explicit StateSpill(std::filesystem::path folder) : folder_(std::move(folder)) {}
  ~StateSpill();
  StateSpill(const StateSpill&) = delete;
  StateSpill& operator=(const StateSpill&) = delete;

  // exhausted: the disk is full. transient: it fails.
  Result<Place> add(std::string_view bytes);
  // Ends the writing. Once.
  Result<> seal();
  // Valid as long as the spill; after seal.
  std::string_view at(Place place) const;
  // All of them.
  std::string_view bytes() const { return {static_cast<const char*>(map_), map_ ? size_ : 0}; }

 private:
  Result<> flush();

  std::filesystem::path folder_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::string pending_;
  void* map_ = nullptr;
};

}  // namespace mole::runtime
