// Brings what a task needs into its attempt folder: plugins, upstream rows, states, routing tables.
#pragma once

#include "coordinator/wire/node_api.hpp"
#include "nodes/daemon/child.hpp"
#include "nodes/daemon/folder.hpp"
#include "nodes/daemon/options.hpp"
#include "nodes/daemon/states.hpp"

#include <filesystem>
#include <functional>
#include <mutex>
#include <unordered_set>

namespace mole::nodes {

// The libraries in the node's folder that this daemon has seen to be whole. Thread-safe.
class KnownPlugins {
 public:
  bool contains(const Digest& library) const {
    const std::lock_guard lock(mutex_);
    return known_.contains(library);
  }
  void add(const Digest& library) {
    const std::lock_guard lock(mutex_);
    known_.insert(library);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_set<Digest, DigestHash> known_;
};

class Fetcher {
 public:
  // All outlive the fetcher.
  Fetcher(coordinator::BlobApi& coordinator, const NodeFolder& folder, KnownPlugins& plugins, StateStore& states,
          const Options& options, const Cancellation& cancel)
      : coordinator_(coordinator), folder_(folder), plugins_(plugins), states_(states), options_(options), cancel_(cancel) {}

  // Everything `spec` names. missing: a state no node holds, a blob the coordinator does not have; cancelled when asked.
  Result<> all(const task::Spec& spec, const std::filesystem::path& attempt);

 private:
  using Source = std::function<Result<std::string>(std::uint64_t offset)>;

  Result<> plugin(const task::PluginUse& plugin);
  Result<> rows(const Digest& blob, const std::filesystem::path& attempt);
  Result<> table(const task::RouteTable& table, const std::filesystem::path& attempt);
  Result<> state(const task::StateRef& ref, const std::filesystem::path& attempt);
  Result<> from_peer(const std::string& node, const Digest& blob, const std::filesystem::path& target);
  Result<> from_coordinator(const Digest& blob, const std::filesystem::path& target);
  bool link(const Digest& blob, const std::filesystem::path& target) const;
  Result<> download(const Digest& blob, const std::filesystem::path& target, const Source& source);

  coordinator::BlobApi& coordinator_;
  const NodeFolder& folder_;
  KnownPlugins& plugins_;
  StateStore& states_;
  const Options& options_;
  const Cancellation& cancel_;
};

}  // namespace mole::nodes
