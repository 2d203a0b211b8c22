// Files of archives that nodes copy from each other's caches, because not every node reaches the archive.
#pragma once

#include "coordinator/wire/peer.hpp"
#include "nodes/process/child.hpp"
#include "runtime/staging/cache.hpp"
#include "sdk/model/task.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace mole::nodes {

// Serves the complete files of this node's cache by the names of their entries. Thread-safe.
class CachedFiles final : public coordinator::PeerFiles {
 public:
  explicit CachedFiles(std::filesystem::path cache) : cache_(std::move(cache)) {}
  Result<coordinator::FilePiece> get(const Digest& name, std::uint64_t offset, std::uint32_t limit) override;

 private:
  const std::filesystem::path cache_;
};

// Copies files of one task from other nodes into this node's cache. Not thread-safe.
class FileCopies {
 public:
  // `cancel` must outlive this. `cache_limit`: bytes.
  FileCopies(std::filesystem::path cache, std::uint64_t cache_limit, const Cancellation& cancel,
             std::optional<coordinator::Secret> secret = {})
      : cache_(std::move(cache)), cache_limit_(cache_limit), cancel_(cancel), secret_(secret) {}

  // Copies the files in spec.peers that are not in the cache, and pins all of them as long as this lives. An error concerns the
  // task: transient (a node cannot be reached, does not have a file or sent wrong bytes, or there is no space), exhausted (the
  // disk is full, or the files exceed the cache) or cancelled.
  Result<> copy(const task::Spec& spec);
  // After an error: the id of the file that its node does not have or sent wrongly, if it is one.
  const std::vector<std::string>& unstaged() const { return unstaged_; }
  // The files whose copies in the cache were damaged, and were removed.
  const std::vector<std::string>& bad_copies() const { return bad_copies_; }

 private:
  Result<> copy_file(const task::Spec& spec, const task::File& file, const std::string& address, const runtime::ByteSink& to);
  Result<> transfer(const Digest& name, const task::File& file, coordinator::PeerClient& peer, const runtime::ByteSink& to);
  Result<coordinator::FilePiece> next_piece(const Digest& name, coordinator::PeerClient& peer, std::uint64_t offset);

  const std::filesystem::path cache_;
  const std::uint64_t cache_limit_;
  const Cancellation& cancel_;
  const std::optional<coordinator::Secret> secret_;
  std::map<std::string, coordinator::PeerClient> peers_;  // by address
  std::vector<runtime::Staged> pinned_;
  std::vector<std::string> unstaged_, bad_copies_;
};

}  // namespace mole::nodes
