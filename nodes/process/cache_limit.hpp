// How large the file cache of a node may become if nobody says.
#pragma once

#include <cstdint>
#include <filesystem>

namespace mole::nodes {

// Why a limit of 0 is refused, and the remedy.
inline constexpr const char* no_cache_text =
    "0 leaves no room for the files of a block, which a node copies to its cache before it reads them; give a size that holds "
    "them, such as 1GiB, or leave the option out";

// Returns the space used by the regular files of a folder, without its subfolders; 0 if there is no such folder.
std::uint64_t folder_bytes(const std::filesystem::path& folder);

// Returns 10 GiB, but at most half of the space that is free on the disk of `cache` or used by the cache already. The folder need
// not exist (docs/decisions/0147).
std::uint64_t default_cache_limit(const std::filesystem::path& cache);

// The same for known amounts of space.
std::uint64_t default_cache_limit(std::uint64_t free_bytes, std::uint64_t used_bytes);

}  // namespace mole::nodes
