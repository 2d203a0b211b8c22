// The first step of a request: parses a submission, resolves it against the plugins, reduces it to the requested modules, and
// stores plugins and routing tables as blobs for nodes. Takes no lock.
#pragma once

#include "coordinator/control/config.hpp"
#include "coordinator/control/plan_cost.hpp"
#include "coordinator/control/planning.hpp"
#include "coordinator/control/routing_tables.hpp"
#include "coordinator/dag/resolve.hpp"
#include "coordinator/wire/client_api.hpp"

namespace mole::coordinator::control {

// A request that is ready to be accepted.
struct PreparedRequest {
  requests::Request request;  // without a number
  dag::Graph graph;           // of the whole pipeline
  nlohmann::json document;    // the graph's JSON form; request.revision is its digest
  std::vector<dag::Library> libraries;
};

class Submissions {
 public:
  Submissions(const Config& config, const RoutingTables& tables, store::Blobs& blobs)
      : config_(config), plugins_(config.plugins), tables_(tables), blobs_(blobs) {}

  Result<PipelineDescription> validate(const Submission& submission) const;
  // The graph of the requested modules, and the range to plan.
  struct PlanQuery {
    SharedGraph graph;
    jobs::PlanRequest request;
    std::set<std::string> overridden;
    StagingWhatIf what_if{};
  };
  Result<PlanQuery> for_plan(const Submission& submission) const;
  Result<PreparedRequest> for_run(const Submission& submission) const;
  // kind: index, verify or profile.
  Result<PreparedRequest> for_archive(const Submission& submission, const std::string& archive, RequestKind kind) const;
  // Stores a library again whose blob is lost. Returns whether it is in one of the plugin folders.
  bool restore_library(const Digest& digest) const;
  Result<> keep_libraries(const std::vector<dag::Library>& libraries) const;

 private:
  Result<dag::Resolution> resolve(const Submission& submission) const;
  // Returns the part of the pipeline that a submission is about. Sets the unusable lines of its routing tables in `resolved`.
  Result<SharedGraph> checked_part(const Submission& submission, dag::Resolution& resolved) const;
  std::set<std::string> changed_by_overrides(const Submission& submission, const dag::Graph& graph) const;
  Result<PreparedRequest> prepare(const Submission& submission, TimeRange range, requests::Request request,
                                  dag::Resolution resolved) const;

  const Config& config_;
  mutable CurrentPlugins plugins_;
  const RoutingTables& tables_;
  store::Blobs& blobs_;
};

// Returns a digest that is equal for two submissions of the same request.
std::string digest_of_body(const requests::Request& request);

}  // namespace mole::coordinator::control
