// Fetches the inputs of a task: plugins, upstream rows, states, routing tables, and files that other nodes keep.
#pragma once

#include "coordinator/wire/node_api.hpp"
#include "nodes/daemon/folder.hpp"
#include "nodes/daemon/options.hpp"
#include "nodes/daemon/peer_files.hpp"
#include "nodes/daemon/states.hpp"
#include "nodes/process/child.hpp"
#include "sdk/model/mutex.hpp"

#include <filesystem>
#include <functional>
#include <unordered_set>

namespace mole::nodes {

// The libraries in the node's folder whose digest this daemon has verified. Thread-safe.
class KnownPlugins {
 public:
  bool contains(const Digest& library) const {
    const MutexLock lock(mutex_);
    return verified_.contains(library);
  }
  void add(const Digest& library) {
    const MutexLock lock(mutex_);
    verified_.insert(library);
  }

 private:
  mutable Mutex mutex_;
  std::unordered_set<Digest, DigestHash> verified_ MOLE_GUARDED_BY(mutex_);
};

// Resources shared by all attempts of a node; must outlive them.
struct NodeContext {
  const Options& options;
  const NodeFolder& folder;
  coordinator::NodeApi& coordinator;
  KnownPlugins& plugins;
  StateStore& states;
};

class Fetcher {
 public:
  // The arguments must outlive the fetcher.
  Fetcher(const NodeContext& node, const Cancellation& cancel)
      : node_(node), cancel_(cancel), files_(node.folder.cache(), node.options.cache_limit, cancel, node.options.secret) {}

  // Fetches all inputs of `spec`; its files that other nodes keep are pinned in the cache as long as the fetcher lives. missing:
  // no node holds a state, or the coordinator lacks a blob.
  Result<> fetch(const task::Spec& spec, const std::filesystem::path& attempt);
  // After "missing": the states or rows that neither a node nor the coordinator could provide.
  const std::vector<Digest>& missing_blobs() const { return missing_blobs_; }
  // After an error: the files that other nodes should have kept, but do not have or sent wrongly.
  const std::vector<std::string>& unstaged() const { return files_.unstaged(); }
  const std::vector<std::string>& bad_copies() const { return files_.bad_copies(); }

 private:
  using Source = std::function<Result<std::string>(std::uint64_t offset)>;  // reads the piece at an offset; empty: the end

  Result<> fetch_plugin(const task::PluginUse& plugin);
  Result<> fetch_rows(const Digest& blob, const std::filesystem::path& attempt);
  Result<> fetch_table(const task::RouteTableRef& table, const std::filesystem::path& attempt);
  Result<> fetch_state(const task::StateRef& ref, const std::filesystem::path& attempt);
  Result<> fetch_from_peer(const std::string& node, const Digest& blob, const std::filesystem::path& target);
  Result<> fetch_from_coordinator(const Digest& blob, const std::filesystem::path& target);
  bool link_local_blob(const Digest& blob, const std::filesystem::path& target) const;
  Result<> download(const Digest& blob, const std::filesystem::path& target, const Source& source);

  const NodeContext& node_;
  const Cancellation& cancel_;
  FileCopies files_;
  std::vector<Digest> missing_blobs_;
};

}  // namespace mole::nodes
