// Keeps the saved states of closed intervals on disk until the step is finished, in one unnamed scratch file that disappears
// with the process.
//
//   StateSpill spill(folder);
//   auto place = spill.add(bytes);
//   spill.finish();
//   spill.at(*place);   // the same bytes
#pragma once

#include "runtime/sort/scratch_file.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace mole::runtime {

// Not thread-safe. Nothing is opened before the first add.
class StateSpill {
 public:
  struct Place {
    std::uint64_t offset = 0, size = 0;
  };

  explicit StateSpill(std::filesystem::path folder) : folder_(std::move(folder)) {}
  ~StateSpill();

  // exhausted: the disk is full. transient: the disk failed.
  Result<Place> add(std::string_view bytes);
  // Finishes writing and maps the file. Call once.
  Result<> finish();
  // Returns a saved state, after finish(). Valid for the lifetime of the spill.
  std::string_view at(Place place) const;
  // Returns the whole file, after finish().
  std::string_view bytes() const { return {static_cast<const char*>(map_), map_ ? size_ : 0}; }

 private:
  Result<> flush();

  std::filesystem::path folder_;
  std::optional<ScratchFile> file_;
  std::uint64_t size_ = 0;
  std::string pending_;
  void* map_ = nullptr;
};

}  // namespace mole::runtime
