#include "nodes/daemon/states.hpp"

#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace mole::nodes {
namespace fs = std::filesystem;

StateStore::StateStore(fs::path folder, std::uint64_t limit) : folder_(std::move(folder)), limit_(limit) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder_, failed)) {
    const auto digest = Digest::from_hex(entry.path().filename().string());
    std::error_code gone;
    if (!digest || !entry.is_regular_file(gone)) {
      fs::remove_all(entry.path(), gone);
      continue;
    }
    const Kept kept{entry.file_size(gone), entry.last_write_time(gone)};
    kept_[*digest] = kept;
    bytes_ += kept.size;
  }
  make_room();
}

std::uint64_t StateStore::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

Result<> StateStore::adopt(const fs::path& file, const Digest& digest) {
  const auto found = digest_of_file(file);
  if (!found) return found.error();
  if (*found != digest)
    return corrupt(file.filename().string() + " is not the state " + digest.hex() + "; the disk or the sender is at fault");
  static std::atomic<unsigned> number{0};
  const fs::path beside = folder_ / (".tmp." + digest.hex() + "." + std::to_string(number++));
  std::error_code failed;
  fs::create_hard_link(file, beside, failed);
  if (failed) return transient("cannot keep state " + digest.hex() + ": " + failed.message());
  const std::lock_guard lock(mutex_);
  const auto size = fs::file_size(beside, failed);
  if (auto named = durable_rename(beside, path(digest)); !named) {
    fs::remove(beside, failed);
    return named;
  }
  if (kept_.emplace(digest, Kept{size, {}}).second) bytes_ += size;
  fs::remove(beside, failed);  // rename of two names of one file leaves both
  used(digest);
  make_room();
  return {};
}

Result<> StateStore::link_to(const Digest& digest, const fs::path& target) {
  {
    const std::lock_guard lock(mutex_);
    if (!kept_.contains(digest)) return missing("state " + digest.hex() + " is not on this node");
    std::error_code failed;
    fs::create_hard_link(path(digest), target, failed);
    if (failed) return transient("cannot link state " + digest.hex() + ": " + failed.message());
    used(digest);
  }
  const auto found = digest_of_file(target);
  if (found && *found == digest) return {};
  std::error_code ignored;
  fs::remove(target, ignored);
  const std::lock_guard lock(mutex_);
  remove(digest);
  return missing("state " + digest.hex() + " was damaged on this node's disk and is removed");
}

Result<std::string> StateStore::get(const Digest& digest, std::uint64_t offset, std::uint32_t limit) {
  int fd = -1;
  {
    const std::lock_guard lock(mutex_);
    if (!kept_.contains(digest)) return missing("state " + digest.hex() + " is not on this node (any more)");
    used(digest);
    fd = ::open(path(digest).c_str(), O_RDONLY | O_CLOEXEC);
  }
  if (fd < 0) return missing("state " + digest.hex() + " cannot be read");
  std::string piece(limit, '\0');
  const auto n = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(offset));
  ::close(fd);
  if (n < 0) return transient("state " + digest.hex() + " cannot be read now");
  piece.resize(static_cast<std::size_t>(n));
  return piece;
}

void StateStore::used(const Digest& digest) {
  const auto now = fs::file_time_type::clock::now();
  std::error_code ignored;
  fs::last_write_time(path(digest), now, ignored);
  kept_[digest].used = now;
}

void StateStore::remove(const Digest& digest) {
  const auto found = kept_.find(digest);
  if (found == kept_.end()) return;
  std::error_code ignored;
  fs::remove(path(digest), ignored);
  bytes_ -= found->second.size;
  kept_.erase(found);
}

void StateStore::make_room() {
  while (bytes_ > limit_ && !kept_.empty()) {
    const auto oldest =
        std::min_element(kept_.begin(), kept_.end(), [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    remove(Digest(oldest->first));
  }
}

}  // namespace mole::nodes
