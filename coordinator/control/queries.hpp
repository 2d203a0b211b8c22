// Read-only calls. Each copies what it needs from the state under the service's lock, and plans, scans and reads the store
// without the lock, so that queries do not delay leases.
#pragma once

#include "coordinator/control/state.hpp"
#include "coordinator/control/submissions.hpp"
#include "coordinator/control/time_left.hpp"

#include <functional>

namespace mole::coordinator::control {

class Queries {
 public:
  Queries(const Config& config, const store::Records& records, State& state, views::Views& views)
      : config_(config), records_(records), state_(state), views_(views) {}

  // ---- explain.cpp
  Result<PlanReport> plan(const Submissions::PlanQuery& query) const MOLE_EXCLUDES(service_mutex);
  Result<JobExplanation> explain(const std::string& job, const std::string& what_if) const MOLE_EXCLUDES(service_mutex);
  // ---- status.cpp
  Result<RequestStatus> request(const std::string& id) const MOLE_EXCLUDES(service_mutex);
  std::vector<RequestStatus> requests() const MOLE_EXCLUDES(service_mutex);
  ClusterStatus status() const MOLE_EXCLUDES(service_mutex);
  // ---- queries.cpp
  Result<Lineage> why(const std::string& module, const std::string& column, Micros time, const std::string& what_if) const
      MOLE_EXCLUDES(service_mutex);
  Result<ModuleResults> results(const std::string& module, TimeRange range, const std::string& what_if) const
      MOLE_EXCLUDES(service_mutex);
  Result<std::vector<ArchiveFile>> archive_files(const std::string& archive, TimeRange range) const MOLE_EXCLUDES(service_mutex);
  Result<ArchiveGaps> archive_gaps(const std::string& archive) const MOLE_EXCLUDES(service_mutex);
  LoadHistory load_history(TimeRange range) const { return read_loads(records_.snapshot(), range, state_.wall()); }
  Result<TableDump> dump(const std::string& table, const std::string& from, std::uint32_t limit) const;

 private:
  // A module or archive found by name.
  struct Location {
    SharedGraph graph;
    std::uint32_t index = 0;
    std::string name;                    // of an archive's index
    std::string what_if;                 // of a module: the request whose results are meant; empty: those of the manifest
    std::vector<std::string> overrides;  // that change what it measures
    std::string note;                    // on its results
    std::uint64_t request = 0;           // of a module: the latest request for these results
  };
  // missing: there is no such module (the message suggests similar names), or the archive has not been listed.
  Result<Location> find_module(const std::string& name) const MOLE_EXCLUDES(service_mutex);
  // what_if: a request's id, or "last" for the latest request with `--set` options.
  Result<Location> find_what_if(const std::string& name, const std::string& what_if) const MOLE_EXCLUDES(service_mutex);
  Result<Request> stored_request(std::uint64_t number) const MOLE_EXCLUDES(service_mutex);
  Result<std::uint64_t> latest_what_if(const std::string& pipeline) const MOLE_EXCLUDES(service_mutex);
  std::vector<requests::WhatIf> variants_of(const std::string& name, const ModuleRow& row) const MOLE_EXCLUDES(service_mutex);
  Result<Location> find_archive(const std::string& name) const MOLE_EXCLUDES(service_mutex);
  Result<SharedGraph> graph_of(const Digest& revision) const MOLE_EXCLUDES(service_mutex);
  // Returns the plans of ended requests, latest first, with their abandoned jobs and those that are blocked by them.
  void visit_plans_with_failures(const store::Records& records, const std::function<void(const jobs::Plan&)>& visit) const
      MOLE_EXCLUDES(service_mutex);
  std::shared_ptr<const jobs::ArchiveIndex> index_of(const Location& archive) const MOLE_EXCLUDES(service_mutex);

  const Config& config_;
  const store::Records& records_;
  State& state_;
  views::Views& views_;
  mutable TimesLeft times_left_;
};

// The failures of jobs that are not done, by job.
using Failures = std::map<leases::JobKey, leases::FailureRecord>;
Failures failures_of(const store::Records& records, const dag::Graph& graph);
// Sets the flags of the jobs that were abandoned and of those that they block.
void mark_failures(jobs::Plan& plan, const Failures& failures);

JobState job_state(std::uint8_t flags, bool running);  // derives the state of a planned block from its flags

}  // namespace mole::coordinator::control
