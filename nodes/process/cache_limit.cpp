#include "nodes/process/cache_limit.hpp"

#include <algorithm>

namespace mole::nodes {

namespace fs = std::filesystem;

std::uint64_t folder_bytes(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;  // a file may be removed meanwhile
    const auto size = entry->is_regular_file(gone) && !gone ? entry->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

std::uint64_t default_cache_limit(const fs::path& cache) {
  std::error_code error;
  auto existing = fs::absolute(cache, error);
  while (!error && !fs::exists(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
  const auto space = fs::space(existing, error);
  return default_cache_limit(error ? UINT64_MAX / 4 : space.available, folder_bytes(cache));
}

std::uint64_t default_cache_limit(std::uint64_t free_bytes, std::uint64_t used_bytes) {
  constexpr std::uint64_t most = std::uint64_t{10} << 30;
  return std::min(most, (free_bytes + used_bytes) / 2);
}

}  // namespace mole::nodes
