// The names under which a node keeps a file (docs/formats/cache.md) and its columns (docs/formats/columns.md).
#pragma once

#include "sdk/model/flow_columns.hpp"
#include "sdk/model/task.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace mole {

// Whether the kept columns of every file include this one: those of NetFlow v5, and what sampling needs.
constexpr bool is_always_kept(int column) {
  return column <= MOLE_COLUMN_SAMPLING || column == MOLE_COLUMN_SCALED || column == MOLE_COLUMN_SAMPLING_SOURCE;
}

// Returns the type (MOLE_TYPE_*) in which the values of an element are decoded and kept.
std::uint16_t stored_type(ElementType type);

// Returns the name of a file of an archive (task::cache_name_of): a digest of archive, id, size, revision and version. No id can
// therefore refer to a path outside the folder, and a changed file has a different entry (revisions of different coordinators
// may coincide).
Digest kept_file_name(const task::File& file, std::string_view archive);

// Returns the name of the columns of a file of which a task reads these: flow columns, and information elements.
Digest kept_columns_name(const task::File& file, const task::Archive& archive, const std::vector<int>& columns);

}  // namespace mole
