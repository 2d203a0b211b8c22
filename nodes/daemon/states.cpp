#include "nodes/daemon/states.hpp"

#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace mole::nodes {
namespace fs = std::filesystem;

StateStore::StateStore(fs::path folder, std::uint64_t limit) : folder_(std::move(folder)), limit_(limit) {
  const MutexLock lock(mutex_);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const auto digest = Digest::from_hex(entry.path().filename().string());
    std::error_code ignored;
    if (!digest || !entry.is_regular_file(ignored)) {
      fs::remove_all(entry.path(), ignored);
      continue;
    }
    const StoredState state{entry.file_size(ignored), entry.last_write_time(ignored)};
    stored_[*digest] = state;
    bytes_ += state.size;
  }
  evict();
}

std::uint64_t StateStore::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
}

Result<> StateStore::adopt(const fs::path& file, const Digest& digest) {
  MOLE_TRY(const auto found, digest_of_file(file));
  if (found != digest)
    return corrupt(file.filename().string() + " does not match the digest of state " + digest.hex() +
                   "; check this node's disk and the sender's");
  static std::atomic<unsigned> number{0};
  const fs::path temporary = folder_ / (".tmp." + digest.hex() + "." + std::to_string(number++));
  std::error_code error;
  fs::create_hard_link(file, temporary, error);
  if (error)
    return transient("cannot store state " + digest.hex() + ": " + error.message() +
                     "; check the free space and permissions of " + folder_.string());
  const MutexLock lock(mutex_);
  const auto size = fs::file_size(temporary, error);
  if (auto named = durable_rename(temporary, path(digest)); !named) {
    fs::remove(temporary, error);
    return named;
  }
  if (stored_.emplace(digest, StoredState{size, {}}).second) bytes_ += size;
  fs::remove(temporary, error);  // rename does nothing if both names are links to the same file
  touch(digest);
  evict();
  return {};
}

Result<> StateStore::link_to(const Digest& digest, const fs::path& target) {
  {
    const MutexLock lock(mutex_);
    if (!stored_.contains(digest)) return missing("state " + digest.hex() + " is not on this node; another node may have it");
    std::error_code error;
    fs::create_hard_link(path(digest), target, error);
    if (error)
      return transient("cannot link state " + digest.hex() + ": " + error.message() +
                       "; check the free space and permissions of " + folder_.string());
    touch(digest);
  }
  const auto found = digest_of_file(target);
  if (found && *found == digest) return {};
  ::unlink(target.c_str());
  const MutexLock lock(mutex_);
  remove(digest);
  return missing("state " + digest.hex() + " was damaged on this node's disk and has been removed; it will be computed again");
}

Result<std::string> StateStore::get(const Digest& digest, std::uint64_t offset, std::uint32_t limit) {
  int fd = -1;
  {
    const MutexLock lock(mutex_);
    if (!stored_.contains(digest)) return missing("state " + digest.hex() + " is not on this node; another node may have it");
    touch(digest);
    fd = ::open(path(digest).c_str(), O_RDONLY | O_CLOEXEC);
  }
  if (fd < 0) return missing("cannot open state " + digest.hex() + "; check its node's disk and limit on open files");
  std::string piece(limit, '\0');
  const auto n = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(offset));
  ::close(fd);
  if (n < 0) return transient("cannot read state " + digest.hex() + "; try again, or check the disk of its node");
  piece.resize(static_cast<std::size_t>(n));
  return piece;
}

void StateStore::touch(const Digest& digest) {
  const auto now = fs::file_time_type::clock::now();
  std::error_code ignored;
  fs::last_write_time(path(digest), now, ignored);
  stored_[digest].last_used = now;
}

void StateStore::remove(const Digest& digest) {
  const auto found = stored_.find(digest);
  if (found == stored_.end()) return;
  ::unlink(path(digest).c_str());
  bytes_ -= found->second.size;
  stored_.erase(found);
}

void StateStore::evict() {
  while (bytes_ > limit_ && !stored_.empty()) {
    const auto oldest = std::min_element(stored_.begin(), stored_.end(),
                                         [](const auto& a, const auto& b) { return a.second.last_used < b.second.last_used; });
    remove(Digest(oldest->first));
  }
}

}  // namespace mole::nodes
