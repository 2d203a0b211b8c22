// The state of the running coordinator in memory, with lookups. The parts of control/ change it under the
// service's lock.
#pragma once

#include "coordinator/control/change.hpp"
#include "coordinator/control/config.hpp"
#include "coordinator/control/load_series.hpp"
#include "coordinator/control/planning.hpp"
#include "coordinator/jobs/listing.hpp"
#include "coordinator/leases/file_failures.hpp"
#include "coordinator/requests/module_row.hpp"
#include "coordinator/requests/request.hpp"

namespace mole::coordinator::control {

using requests::ModuleRow;
using requests::Request;

// Represents the service's lock in the thread-safety analysis. Every Service has its own mutex, but the analysis cannot follow
// a reference between parts of the service, so annotations use this one name.
struct MOLE_CAPABILITY("mutex") ServiceMutex {};
extern ServiceMutex service_mutex;

struct NodeRow {
  std::uint64_t number = 0;  // the row's key
  std::string name, address;
  bool lost = false;
  Micros heard = 0;  // about when it was last heard, by the wall clock; 0: not known yet
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(NodeRow, name, address, lost, heard)

class State {
 public:
  State(const Config& config, const store::Records& records, std::uint64_t epoch);

  // Locks the state until the end of its scope.
  class MOLE_SCOPED_CAPABILITY Lock {
   public:
    explicit Lock(State& state) MOLE_ACQUIRE(service_mutex) MOLE_NO_THREAD_SAFETY_ANALYSIS : lock_(state.mutex_) {}
    ~Lock() MOLE_RELEASE() MOLE_NO_THREAD_SAFETY_ANALYSIS {}

   private:
    std::lock_guard<std::mutex> lock_;
  };

  // Reads modules, nodes, failures, times of tasks and counters from the store.
  void load(Change& change) MOLE_REQUIRES(service_mutex);

  Micros now() const { return config_.now(); }
  Micros wall() const { return config_.wall(); }
  void log(nlohmann::json event, Change& change) MOLE_REQUIRES(service_mutex);
  // Stores why a job failed. Returns the job's name.
  std::string put_failure(const leases::JobKey& job, const leases::FailureRecord& failure, Change& change)
      MOLE_REQUIRES(service_mutex);
  // Logs the leases that ended without a completion.
  void log_ended_leases(Change& change) MOLE_REQUIRES(service_mutex);
  // Names a task for the log: by its spec, or only by its id if the spec is not in memory.
  std::string title_of(const std::string& task) const MOLE_REQUIRES(service_mutex);

  std::shared_ptr<const jobs::ArchiveIndex> index_of(const dag::Graph& graph, const dag::Archive& archive)
      MOLE_REQUIRES(service_mutex);
  std::shared_ptr<const jobs::ArchiveIndex> cached_index(const dag::Graph& graph, const dag::Archive& archive) const
      MOLE_REQUIRES(service_mutex);  // null: not in memory
  // Keeps an index that was read without the lock, unless rows may have changed since `indexes_read` had this value.
  void keep_index(const dag::Graph& graph, const dag::Archive& archive, std::shared_ptr<const jobs::ArchiveIndex> index,
                  std::uint64_t read) MOLE_REQUIRES(service_mutex);
  // Call after rows of the archive's files have changed, and are visible to readers.
  void forget_indexes(const std::string& archive) MOLE_REQUIRES(service_mutex);
  void forget_all_indexes() MOLE_REQUIRES(service_mutex);
  void update_indexes(const std::string& archive, const std::vector<jobs::RowChange>& changes) MOLE_REQUIRES(service_mutex);

  // Keeps how long a task took, also in the store.
  void add_time(leases::TimedTask time, Change& change) MOLE_REQUIRES(service_mutex);

  // Returns what is known of the listings of an archive; reads its rows if it is not in memory.
  jobs::ListingHistory& listings_of(const std::string& archive) MOLE_REQUIRES(service_mutex);
  // Returns the plan inputs for this graph that are in memory.
  PlanInputs plan_inputs(const dag::Graph& graph) const MOLE_REQUIRES(service_mutex);
  Result<jobs::Plan> make_plan(SharedGraph graph, const jobs::PlanRequest& request) MOLE_REQUIRES(service_mutex);

  // Returns the fingerprints of the module's results: of the manifest, and of what-ifs.
  std::vector<Digest> shown_fingerprints(const std::string& name) const MOLE_REQUIRES(service_mutex);
  const ModuleRow* module_row(const std::string& name) const MOLE_REQUIRES(service_mutex);  // null: never submitted
  std::uint32_t node_number(const std::string& name) const MOLE_REQUIRES(service_mutex);    // 0: unknown

  // Returns whether the archive was listed, at its present location, less than `age` ago.
  bool listed_within(Micros age, const dag::Graph& graph, const dag::Archive& archive) const MOLE_REQUIRES(service_mutex);
  void note_listed(const dag::Graph& graph, const dag::Archive& archive) MOLE_REQUIRES(service_mutex);
  void forget_listed(const dag::Graph& graph, const dag::Archive& archive) MOLE_REQUIRES(service_mutex);
  const leases::Settings& leases() const { return config_.leases; }

  // ---- guarded by the service's lock
  leases::Scheduler scheduler MOLE_GUARDED_BY(service_mutex);
  leases::Random random MOLE_GUARDED_BY(service_mutex);
  std::map<std::uint64_t, Request> live MOLE_GUARDED_BY(service_mutex);  // requests that have not ended
  std::uint64_t next_request MOLE_GUARDED_BY(service_mutex) = 1, next_archive_task MOLE_GUARDED_BY(service_mutex) = 1;
  std::map<std::string, ModuleRow> modules MOLE_GUARDED_BY(service_mutex);
  std::map<std::string, NodeRow> nodes MOLE_GUARDED_BY(service_mutex);
  std::map<std::string, task::Spec> specs MOLE_GUARDED_BY(service_mutex);               // of current leases
  std::map<Digest, SharedGraph> graphs MOLE_GUARDED_BY(service_mutex);                  // by revision
  std::uint64_t indexes_read MOLE_GUARDED_BY(service_mutex) = 0;                        // changes with every change of rows
  std::map<std::string, jobs::ListingHistory> listings MOLE_GUARDED_BY(service_mutex);  // by name of the index
  leases::TaskTimes times MOLE_GUARDED_BY(service_mutex);                               // of completed tasks, for estimates
  leases::FileFailures file_failures MOLE_GUARDED_BY(service_mutex);
  LoadSeries loads MOLE_GUARDED_BY(service_mutex);  // what nodes did over time

 private:
  struct CachedIndex {
    dag::Archive archive;
    std::shared_ptr<const jobs::ArchiveIndex> index;  // shared with plans
  };

  const Config& config_;
  const store::Records& records_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, CachedIndex> indexes_ MOLE_GUARDED_BY(service_mutex);  // by archive and rules
  std::uint64_t next_event_ MOLE_GUARDED_BY(service_mutex) = 1;
  std::map<std::string, Micros> listed_at_ MOLE_GUARDED_BY(service_mutex);  // by location_of; as returned by now()
};

// Returns the archive's full name and location (the downloader and its parameters) as one string.
std::string location_of(const dag::Graph& graph, const dag::Archive& archive);

}  // namespace mole::coordinator::control
