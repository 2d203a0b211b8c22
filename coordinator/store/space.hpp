// Room on the disk. RocksDB does not survive a full one gracefully (Debian's aborts), so nothing is written when it gets close.
#pragma once

#include <cstdint>
#include <filesystem>

namespace mole::coordinator::store {

// Below this the store stops, while it still can say why.
inline constexpr std::uint64_t store_reserve = std::uint64_t{16} << 20;
// Blobs leave this much, so that the store is not the one to run out.
inline constexpr std::uint64_t blob_reserve = std::uint64_t{32} << 20;

// Bytes this user may still write there; all there are if it cannot be told.
std::uint64_t free_bytes(const std::filesystem::path& folder);

}  // namespace mole::coordinator::store
