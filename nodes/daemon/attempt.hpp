// One task on this node, from the empty attempt folder to a report: fetch, run, seal.
#pragma once

#include "coordinator/wire/node_api.hpp"
#include "nodes/daemon/child.hpp"
#include "nodes/daemon/fetch.hpp"
#include "nodes/daemon/folder.hpp"
#include "nodes/daemon/options.hpp"
#include "nodes/daemon/states.hpp"

#include <map>
#include <memory>
#include <optional>

namespace mole::nodes {

// What attempts share. All outlive them.
struct Surroundings {
  const Options& options;
  const NodeFolder& folder;
  coordinator::NodeApi& coordinator;
  KnownPlugins& plugins;
  StateStore& states;
};

struct Finished {
  task::Spec spec;
  task::Report report;
  std::map<Digest, std::filesystem::path> blobs;  // rows to upload; inside the attempt folder
};

class Attempt {
 public:
  Attempt(const Surroundings& surroundings, task::Spec spec);
  // Removes the attempt folder.
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // Runs on the calling thread, which must outlive the worker. Whatever goes wrong stands in the report; nullopt: cancelled.
  std::optional<Finished> run();

  // From any thread.
  void cancel() { cancel_.request(); }
  coordinator::TaskProgress progress() const;
  const std::string& id() const { return spec_.id; }

 private:
  Result<> prepare();
  Result<> unseal();
  Result<Ending> work();
  Result<task::Report> seal();
  Result<> helper(const char* verb, const std::vector<std::string>& more = {});
  Result<> keep_states(task::Report& report) const;
  Finished finished(task::Report report) const;
  Finished failed(const Error& error) const;

  const Surroundings& here_;
  const task::Spec spec_;
  const std::filesystem::path folder_;
  const std::uint64_t bytes_total_;
  Cancellation cancel_;
  std::atomic<const char*> phase_{"fetch"};
};

}  // namespace mole::nodes
