// A node's store of states: files named by digest, evicted least recently used first. Serves other nodes. Thread-safe.
#pragma once

#include "coordinator/wire/peer.hpp"
#include "sdk/model/digest.hpp"
#include "sdk/model/mutex.hpp"

#include <filesystem>
#include <unordered_map>

namespace mole::nodes {

class StateStore final : public coordinator::PeerBlobs {
 public:
  // Loads the states in the folder; removes other files, and states beyond the limit (bytes).
  StateStore(std::filesystem::path folder, std::uint64_t limit);

  // Stores the file as state `digest`, durably, by a hard link; the caller's file remains. corrupt: the digest does not match.
  Result<> adopt(const std::filesystem::path& file, const Digest& digest);
  // Hard-links the state to `target`, where it survives eviction. missing: not stored, or damaged (then it is removed).
  Result<> link_to(const Digest& digest, const std::filesystem::path& target);
  Result<std::string> get(const Digest& digest, std::uint64_t offset, std::uint32_t limit) override;

  std::uint64_t bytes() const;

 private:
  struct StoredState {
    std::uint64_t size = 0;
    std::filesystem::file_time_type last_used;  // the file's modification time, so that the order survives a restart
  };
  std::filesystem::path path(const Digest& digest) const { return folder_ / digest.hex(); }
  void touch(const Digest& digest) MOLE_REQUIRES(mutex_);
  void remove(const Digest& digest) MOLE_REQUIRES(mutex_);
  void evict() MOLE_REQUIRES(mutex_);

  const std::filesystem::path folder_;
  const std::uint64_t limit_;
  mutable Mutex mutex_;
  std::unordered_map<Digest, StoredState, DigestHash> stored_ MOLE_GUARDED_BY(mutex_);
  std::uint64_t bytes_ MOLE_GUARDED_BY(mutex_) = 0;
};

}  // namespace mole::nodes
