// The coordinator within one process: Api over the store, the scheduler and the planner (docs/architecture.md). Read this file,
// then service_submit.cpp (a request's way to tasks) and service_nodes.cpp (a task's way back).
//
//   auto service = Service::open({.state = "mole-state", .plugins = folders, .create = true});
//
// Thread-safe: one mutex around the core; blobs, syncs and links are outside it.
#pragma once

#include "coordinator/dag/resolve.hpp"
#include "coordinator/jobs/listing.hpp"
#include "coordinator/leases/scheduler.hpp"
#include "coordinator/requests/request.hpp"
#include "coordinator/store/blobs.hpp"
#include "coordinator/store/records.hpp"
#include "coordinator/store/store.hpp"
#include "coordinator/store/tables_view.hpp"
#include "coordinator/tasks/spec_builder.hpp"
#include "coordinator/turns.hpp"
#include "coordinator/wire/api.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace mole::coordinator {

struct Config {
  std::filesystem::path state;                 // folder with db/, blobs/, tables/, requests/
  std::vector<std::filesystem::path> plugins;  // folders in rising precedence
  leases::Settings leases;
  bool create = false;                                     // make the state folder if it is not there
  Micros listing_age = 10 * second_us;                     // a younger listing of an archive is not repeated at submit
  Micros relist_after = 10 * minute_us;                    // while a request waits for files
  std::function<Micros()> now;                             // counts through suspend; default CLOCK_BOOTTIME. For decisions
  std::function<Micros()> wall;                            // for people; default the wall clock
  std::uint64_t seed = 0;                                  // of retry jitter; 0: any
  std::function<void(const std::string&)> storage_failed;  // see store::StoreOptions::failed
};

class Service final : public Api {
 public:
  // missing, corrupt, unsupported (another coordinator): as Store::open. Resumes every request that was not finished.
  static Result<std::unique_ptr<Service>> open(Config config);
  ~Service() override;

  Result<Accepted> submit(const Submission&) override;
  Result<PlanReport> plan(const Submission&) override;
  Result<PipelineDescription> validate(const Submission&) override;
  Result<RequestStatus> request(const std::string& id) override;
  Result<std::vector<RequestStatus>> requests() override;
  Result<RequestStatus> cancel(const std::string& id) override;
  Result<ClusterStatus> status() override;
  Result<JobExplanation> explain(const std::string& job) override;
  Result<Lineage> why(const std::string& module, const std::string& column, Micros time) override;
  Result<ModuleResults> results(const std::string& module, TimeRange range) override;
  Result<std::vector<ArchiveFile>> archive_files(const std::string& archive) override;
  Result<ArchiveGaps> archive_gaps(const std::string& archive) override;
  Result<Accepted> archive_task(const Submission&, const std::string& archive, RequestKind kind) override;
  Result<TableDump> dump(const std::string& table, const std::string& from, std::uint32_t limit) override;

  Result<Registration> register_node(const NodeInfo&) override;
  Result<std::vector<task::Spec>> lease(const LeaseRequest&) override;
  Result<HeartbeatReply> heartbeat(const Heartbeat&) override;
  Result<> release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) override;
  Result<std::vector<std::string>> complete(const std::vector<Completion>&) override;

  Result<std::uint64_t> put_blob(const Digest&, std::uint64_t offset, std::string_view bytes, std::uint64_t total) override;
  Result<std::string> get_blob(const Digest&, std::uint64_t offset, std::uint32_t limit) override;

 private:
  using Guard = std::unique_lock<std::mutex>;
  using Shared = std::shared_ptr<const dag::Graph>;

  // A module as it was last submitted.
  struct ModuleRow {
    Digest fingerprint, revision;
    std::vector<Digest> history;         // former fingerprints, latest first
    std::vector<std::string> overrides;  // what made it another measurement than its manifest says; empty: nothing
  };
  struct NodeRow {
    std::uint64_t number = 0;
    std::string name, address;
    bool lost = false;
  };
  // What is done after the lock is released: make durable, then what may only follow that.
  struct Aftermath {
    store::Batch batch;
    bool written = false;                                // something was flushed that must be durable before the answer
    std::map<leases::JobKey, store::CatalogueRow> rows;  // being edited; part of the batch
    std::vector<std::tuple<std::string, leases::JobKey, Digest>> links;  // module, job, rows
    std::vector<std::string> relink;                                     // modules whose links change altogether
    std::vector<std::uint64_t> folders;                                  // requests to write out
  };
  struct Parsed {
    manifest::Manifest manifest;
    dag::Resolved resolved;
    std::set<std::string> what_if = {};  // modules that are another measurement by the overrides
  };

  explicit Service(Config config) : config_(std::move(config)), plugins_(config_.plugins) {}

  // service.cpp
  Result<> start();
  void load_nodes();
  void load_modules();
  Result<> resume_requests(Aftermath& after);
  void adopt_leases();
  void settle(Guard& guard, Aftermath after);
  std::uint64_t flush(Aftermath& after);
  store::CatalogueRow& edit(const leases::JobKey& job, Aftermath& after) const;
  Micros now() const { return config_.now(); }
  Result<Shared> graph_of(const Digest& revision);
  std::shared_ptr<const jobs::ArchiveIndex> index_of(const dag::Graph& graph, const dag::Archive& archive);
  Result<jobs::Plan> make_plan(Shared graph, const jobs::PlanRequest& ask);
  const ModuleRow* module_row(const std::string& name) const;  // null: never submitted
  void show_links(const Aftermath& after);
  Result<std::pair<Shared, std::uint32_t>> find_module(const std::string& name);
  Result<std::pair<Shared, std::uint32_t>> find_archive(const std::string& name);
  std::optional<store::CatalogueRow> catalogue(const leases::JobKey& job) const {
    return records_->catalogue(job.fingerprint, job.from);
  }
  void relink(const std::string& module);
  Digest current_fingerprint(const std::string& module);  // takes the lock
  void log_event(Aftermath& after, nlohmann::json event);

  // service_submit.cpp
  Result<Parsed> parse(const Submission& submission) const;
  std::set<std::string> what_if(const Submission& submission, const dag::Graph& graph) const;
  Result<Shared> asked_part(const Submission& submission, const dag::Graph& graph) const;
  static std::vector<dag::Library> needed_libraries(const requests::Request& request, std::vector<dag::Library> libraries);
  Result<> keep_libraries(const std::vector<dag::Library>& libraries);
  static std::string place_of(const dag::Graph& graph, const dag::Archive& archive);
  Result<> check_places(const dag::Graph& graph) const;
  Result<> check_versions(const std::vector<dag::Library>& libraries, Aftermath& after);
  Result<Accepted> accept(const Submission& submission, requests::Request request, const Parsed& parsed);
  std::optional<Result<Accepted>> already_submitted(const Submission& submission, const std::string& body) const;
  void note_modules(const Parsed& parsed, const requests::Request& request, Aftermath& after);
  void advance(requests::Request& request, Aftermath& after);
  void begin_listing(requests::Request& request);
  void begin_verify(requests::Request& request, Aftermath& after);
  void replan(requests::Request& request, Aftermath& after);
  void replan_all(Aftermath& after);
  void check_finished(requests::Request& request, Aftermath& after);
  void finish(requests::Request& request, const std::string& state, const std::string& reason, Aftermath& after);
  void save(const requests::Request& request, Aftermath& after);
  void summarise(requests::Request& request);
  Accepted accepted_document(const requests::Request& request, bool created) const;
  RequestStatus request_document(const requests::Request& request, bool with_failures) const;
  void write_folder(std::uint64_t number);
  TimeRange round_outward(const dag::Graph& graph, TimeRange range) const;

  // service_tables.cpp
  Result<Digest> table_digest(const std::filesystem::path& path) const;
  Result<> keep_tables(const std::vector<dag::TableFile>& files, const dag::Graph& graph, TimeRange range);
  Result<> check_tables(const dag::Graph& graph, TimeRange range) const;

  // service_nodes.cpp
  void forget_lost(const std::vector<std::string>& names, Aftermath& after);
  Result<> check(const Completion& completion) const;
  Result<> fetch_index(task::Report& report, std::vector<Digest>& read) const;
  std::string complete_one(const Completion& completion, Aftermath& after);
  void take_listing(const leases::ArchiveTask& archive_task, requests::Request& request, const Completion& completion,
                    Aftermath& after);
  void take_verified(const leases::ArchiveTask& archive_task, requests::Request& request, const Completion& completion,
                     Aftermath& after);
  void listed(const std::string& archive, Aftermath& after);
  bool take_evidence(const Completion& completion, Aftermath& after);
  void take_result(const Completion& completion, const leases::SettledStep& step, Aftermath& after);
  void note_duplicate(const Completion& completion, const leases::SettledStep& step, Aftermath& after);
  bool drop_missing_states(const Completion& completion, Aftermath& after);
  bool drop_rows(const std::string& module, const task::RowsRef& rows, Aftermath& after);
  std::string stale_or_known(const Completion& completion) const;
  std::uint32_t node_number(const std::string& name) const;
  std::string archive_of(const Completion& completion) const;
  void tick(Aftermath& after);

  // service_queries.cpp
  nlohmann::json lineage_of(const dag::Graph& graph, std::uint32_t module, const std::string& column, Micros block,
                            TimeRange span) const;
  nlohmann::json trace(const dag::Graph& graph, std::uint32_t module, const std::string& column, Micros time) const;
  void name_states(const jobs::Plan& plan, std::size_t module, std::int64_t block, nlohmann::json& changed) const;
  nlohmann::json reasons(const jobs::Plan& plan, std::size_t module, std::int64_t block) const;
  nlohmann::json strip_of(const std::string& name, const ModuleRow& row, nlohmann::json& blocks) const;
  std::string job_state(const leases::JobKey& job, std::uint8_t flags) const;

  Config config_;
  mutable CurrentPlugins plugins_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Records> records_;
  std::unique_ptr<store::Blobs> blobs_;
  std::unique_ptr<store::TablesView> view_;

  mutable std::mutex mutex_;  // of everything below
  std::unique_ptr<leases::Scheduler> scheduler_;
  leases::Random random_;
  std::map<std::uint64_t, requests::Request> live_;  // requests that have not ended
  std::uint64_t next_request_ = 1, next_archive_task_ = 1, next_event_ = 1;
  std::map<std::string, ModuleRow> modules_;
  std::map<std::string, NodeRow> nodes_;
  std::map<std::uint64_t, std::string> node_names_;
  std::map<std::string, task::Spec> specs_;  // of current leases
  std::map<Digest, Shared> graphs_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const jobs::ArchiveIndex>>
      indexes_;                              // archive, pattern; shared with plans
  std::map<std::string, Micros> listed_at_;  // by place; of now()
  double bytes_per_second_ = 0;              // seen so far, for estimates

  Turns views_;       // of changes whose views are being made; begun under mutex_, awaited without it
  std::mutex links_;  // one writer of tables/ and requests/ at a time
};

}  // namespace mole::coordinator
