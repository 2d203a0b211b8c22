// Finds and removes blobs that no row names (control/garbage.cpp). A blob that is written, uploaded again or claimed gets the
// present time, so a row can be written for it although a search for unclaimed blobs is under way.
#include "coordinator/store/blobs.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace mole::coordinator::store {
namespace fs = std::filesystem;

bool Blobs::claim(const Digest& digest) const {
  const std::lock_guard lock(lock_of(digest));
  return ::utimensat(AT_FDCWD, path_of(digest).c_str(), nullptr, 0) == 0 || has(digest);
}

void Blobs::visit_blobs(fs::file_time_type before, const std::function<void(const Digest&, std::uint64_t)>& visit) const {
  std::error_code problem;
  for (fs::recursive_directory_iterator at(root_, problem), end; !problem && at != end; at.increment(problem)) {
    const auto name = at->path().filename().string();
    if (name.starts_with(".")) at.disable_recursion_pending();
    const auto digest = Digest::from_hex(name);
    std::error_code gone;
    if (!digest || !at->is_regular_file(gone) || at->last_write_time(gone) >= before || gone) continue;
    if (const auto bytes = at->file_size(gone); !gone) visit(*digest, bytes);
  }
}

void Blobs::visit_uploads(fs::file_time_type before, const std::function<void(const fs::path&, std::uint64_t)>& visit) const {
  std::error_code problem;
  for (fs::directory_iterator at(root_ / ".incoming", problem), end; !problem && at != end; at.increment(problem)) {
    std::error_code gone;
    const auto bytes = at->file_size(gone);
    if (!gone && at->last_write_time(gone) < before && !gone) visit(at->path(), bytes);
  }
}

bool Blobs::remove_unclaimed(const Digest& digest, fs::file_time_type before) {
  const std::lock_guard lock(lock_of(digest));
  std::error_code gone;
  const auto written = fs::last_write_time(path_of(digest), gone);
  return !gone && written < before && fs::remove(path_of(digest), gone);
}

}  // namespace mole::coordinator::store
