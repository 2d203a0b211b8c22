// The coordinator in one process: Api over the store, the scheduler and the planner (docs/architecture.md). Every call takes the
// lock, calls one part of control/ and writes the changes (coordinator/control/README.md).
//
//   auto service = Service::open({.state = "mole-state", .plugins = folders, .create = true});
#pragma once

#include "coordinator/control/change.hpp"
#include "coordinator/control/completions.hpp"
#include "coordinator/control/config.hpp"
#include "coordinator/control/grants.hpp"
#include "coordinator/control/listings.hpp"
#include "coordinator/control/queries.hpp"
#include "coordinator/control/requests.hpp"
#include "coordinator/control/routing_tables.hpp"
#include "coordinator/control/state.hpp"
#include "coordinator/control/submissions.hpp"
#include "coordinator/store/blobs.hpp"
#include "coordinator/store/records.hpp"
#include "coordinator/store/store.hpp"
#include "coordinator/views/views.hpp"
#include "coordinator/wire/api.hpp"

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace mole::coordinator {

class Service final : public Api {
 public:
  // missing, corrupt, unsupported (another coordinator): as Store::open. Resumes every request that had not ended.
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
  Result<std::vector<Verdict>> complete(const std::vector<Completion>&) override;

  Result<std::uint64_t> put_blob(const Digest&, std::uint64_t offset, std::string_view bytes, std::uint64_t total) override;
  Result<std::string> get_blob(const Digest&, std::uint64_t offset, std::uint32_t limit) override;

 private:
  Service(Config config, std::unique_ptr<store::Store> store, store::Blobs blobs);
  Result<> start();
  Result<Accepted> accept(control::Prepared prepared);
  // Calls `call(change)` under the lock, then makes the change durable, then updates the views.
  template <class Call>
  std::invoke_result_t<Call, control::Change&> apply(Call call) MOLE_EXCLUDES(control::service_mutex);

  const Config config_;
  const std::unique_ptr<store::Store> store_;
  const store::Records records_;
  store::Blobs blobs_;
  views::Views views_;
  const control::RoutingTables tables_;
  const control::Submissions submissions_;
  control::State state_;
  control::Requests requests_;
  control::Listings listings_;
  control::Grants grants_;
  control::Completions completions_;
  const control::Queries queries_;
};

}  // namespace mole::coordinator
