// The columns of files in the cache (docs/formats/cache.md).
#include "runtime/staging/cache.hpp"
#include "runtime/staging/cache_folder.hpp"

#include <string>

namespace mole::runtime {

using namespace cache_folder;

ColumnsPart::~ColumnsPart() {
  if (!name_.empty()) remove(folder_, {name_, true, 0, {}});
}

Result<> ColumnsPart::append(std::string_view bytes) {
  auto written = write_all(pin_, std::as_bytes(std::span(bytes)), written_, "columns");
  written_ += bytes.size();
  return written;
}

Result<Staged> ColumnsPart::publish(const task::File& file, const Digest& digest) && {
  MOLE_TRY(const auto locked, lock(folder_));
  if (auto published = publish_unsynced(folder_, name_, digest, written_, file.id); !published) return published.error();
  Staged staged;
  staged.path = file_path(folder_, std::exchange(name_, {}));
  if (!try_shared(pin_)) return transient("cannot pin " + staged.path.string() + " in the cache; try again");
  staged.columns = true;
  staged.size = file.size;
  staged.digest = digest;
  staged.pin = std::move(pin_);
  return staged;
}

Result<std::optional<ColumnsPart>> Cache::begin_columns(const Digest& digest, std::uint64_t max_bytes) {
  const std::string name = digest.hex();
  MOLE_TRY(const auto locked, lock(folder_));
  std::error_code error;
  if (fs::exists(file_path(folder_, name), error)) return std::optional<ColumnsPart>();
  if (const Pin part = open_part(folder_, name)) {
    if (!try_exclusive(part)) return std::optional<ColumnsPart>();
    remove(folder_, {name, true, 0, {}});  // its writer died
  }
  MOLE_TRY(const auto room, make_room(folder_, options_.limit, max_bytes, Victims::not_kept));
  if (!room) return std::optional<ColumnsPart>();
  MOLE_TRY(auto part, create_part(folder_, name, max_bytes));
  return std::optional(ColumnsPart(folder_, name, std::move(part)));
}

}  // namespace mole::runtime
