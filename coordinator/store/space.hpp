// Free disk space. RocksDB may abort on a full disk, so the coordinator stops writing before that.
#pragma once

#include <cstdint>
#include <filesystem>

namespace mole::coordinator::store {

// With less than this the store stops with an error.
inline constexpr std::uint64_t store_reserve = std::uint64_t{16} << 20;
// Blobs leave this much free for the store.
inline constexpr std::uint64_t blob_reserve = std::uint64_t{32} << 20;

// Returns the bytes this user may still write there; UINT64_MAX if unknown.
std::uint64_t free_bytes(const std::filesystem::path& folder);

}  // namespace mole::coordinator::store
