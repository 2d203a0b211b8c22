// The states a node keeps: a cache of files named by their digest, least recently used out first. Also what it serves to
// other nodes. Thread-safe.
#pragma once

#include "coordinator/wire/peer.hpp"
#include "sdk/model/digest.hpp"

#include <filesystem>
#include <mutex>
#include <unordered_map>

namespace mole::nodes {

class StateStore final : public coordinator::PeerBlobs {
 public:
  // Takes over what the folder holds; removes what is not a state and what exceeds the limit (bytes).
  StateStore(std::filesystem::path folder, std::uint64_t limit);

  // Keeps the file as state `digest`, durably, by a hard link: the caller's file stays. corrupt: its bytes are others.
  Result<> adopt(const std::filesystem::path& file, const Digest& digest);
  // Hard-links the state to `target`, where it survives its eviction. missing: not here, or damaged (then it is removed).
  Result<> link_to(const Digest& digest, const std::filesystem::path& target);
  Result<std::string> get(const Digest& digest, std::uint64_t offset, std::uint32_t limit) override;

  std::uint64_t bytes() const;

 private:
  struct Kept {
    std::uint64_t size = 0;
    std::filesystem::file_time_type used;  // the file's modification time, so that the order survives a restart
  };
  std::filesystem::path path(const Digest& digest) const { return folder_ / digest.hex(); }
  void used(const Digest& digest);
  void remove(const Digest& digest);
  void make_room();

  const std::filesystem::path folder_;
  const std::uint64_t limit_;
  mutable std::mutex mutex_;
  std::unordered_map<Digest, Kept, DigestHash> kept_;
  std::uint64_t bytes_ = 0;
};

}  // namespace mole::nodes
