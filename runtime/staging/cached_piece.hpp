// Reads the files of a cache by the names of their entries, for other nodes.
#pragma once

#include "sdk/model/digest.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace mole::runtime {

// A piece of a complete file.
struct CachedPiece {
  Digest digest;           // of the whole file, as computed when it was written
  std::uint64_t size = 0;  // of the whole file, bytes
  std::string bytes;
};

// Reads at most `limit` bytes from `offset`, none at the end, of the entry with this name in a cache folder. The file is pinned
// meanwhile; this does not count as a use. Thread-safe. missing: there is no such entry. transient: the disk failed.
Result<CachedPiece> read_cached_piece(const std::filesystem::path& folder, const Digest& name, std::uint64_t offset,
                                      std::uint32_t limit);

}  // namespace mole::runtime
