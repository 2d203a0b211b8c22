// The coordinator in one process: Api over the store, the scheduler and the planner (docs/architecture.md). Every call takes the
// lock, calls one part of control/ and writes the changes (coordinator/control/README.md).
//
//   auto service = Service::open({.state = "mole-state", .plugins = folders, .create = true});
#pragma once

#include "coordinator/control/completions.hpp"
#include "coordinator/control/garbage.hpp"
#include "coordinator/control/grants.hpp"
#include "coordinator/control/queries.hpp"
#include "coordinator/control/scrub.hpp"
#include "coordinator/store/unreadable.hpp"
#include "coordinator/wire/api.hpp"

#include <atomic>

namespace mole::coordinator {

class Service final : public Api {
 public:
  // missing, corrupt, unsupported (another coordinator): as Store::open. Resumes every request that had not ended.
  static Result<std::unique_ptr<Service>> open(Config config);
  Result<Accepted> submit(const Submission&) override;
  Result<PlanReport> plan(const Submission&) override;
  Result<PipelineDescription> validate(const Submission& submission) override { return submissions_.validate(submission); }
  Result<RequestStatus> request(const std::string& id) override {
    return answer([&] { return queries_.request(id); });
  }
  Result<std::vector<RequestStatus>> requests() override {
    return answer([&]() -> Result<std::vector<RequestStatus>> { return queries_.requests(); });
  }
  Result<RequestStatus> cancel(const std::string& id) override;
  Result<ClusterStatus> status() override;
  Result<JobExplanation> explain(const std::string& job, const std::string& what_if) override {
    return answer([&] { return queries_.explain(job, what_if); });
  }
  Result<Lineage> why(const std::string& module, const std::string& column, Micros time, const std::string& what_if) override {
    return answer([&] { return queries_.why(module, column, time, what_if); });
  }
  Result<ModuleResults> results(const std::string& module, TimeRange range, const std::string& what_if) override {
    return answer([&] { return queries_.results(module, range, what_if); });
  }
  Result<std::vector<ArchiveFile>> archive_files(const std::string& archive, TimeRange range) override {
    return answer([&] { return queries_.archive_files(archive, range); });
  }
  Result<ArchiveGaps> archive_gaps(const std::string& archive) override {
    return answer([&] { return queries_.archive_gaps(archive); });
  }
  Result<LoadHistory> load_history(TimeRange range) override {
    return answer([&]() -> Result<LoadHistory> { return queries_.load_history(range); });
  }
  Result<Accepted> archive_task(const Submission&, const std::string& archive, RequestKind kind) override;
  Result<TableDump> dump(const std::string& table, const std::string& from, std::uint32_t limit) override {
    return answer([&] { return queries_.dump(table, from, limit); });
  }

  // Counts a peer that did not prove that it knows the secret. An event, at most one a minute.
  void note_refused() MOLE_EXCLUDES(control::service_mutex);
  // Reads everything that is kept once, evenly over `period` (control/scrub.hpp). `wait` sleeps; false stops the round. One
  // thread at a time. nullopt: stopped.
  std::optional<ScrubReport> scrub(Micros period, const control::Scrub::Wait& wait) MOLE_EXCLUDES(control::service_mutex);
  Result<Collection> collect_garbage(const CollectOptions& options) override {
    return collect_garbage(options, [] { return false; });
  }
  // Returns early, with what it has removed so far, when `stop` returns true.
  Result<Collection> collect_garbage(const CollectOptions& options, const std::function<bool()>& stop)
      MOLE_EXCLUDES(control::service_mutex);

  Result<Registration> register_node(const NodeInfo&) override;
  Result<std::vector<task::Spec>> lease(const LeaseRequest&) override;
  Result<HeartbeatReply> heartbeat(const Heartbeat&) override;
  Result<> release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) override;
  Result<std::vector<Verdict>> complete(const std::vector<Completion>&) override;

  Result<std::uint64_t> put_blob(const Digest&, std::uint64_t offset, std::string_view bytes, std::uint64_t total) override;
  Result<std::string> get_blob(const Digest& digest, std::uint64_t offset, std::uint32_t limit) override;

 private:
  Service(Config config, std::unique_ptr<store::Store> store, store::Blobs blobs)
      : config_(std::move(config)), store_(std::move(store)), blobs_(std::move(blobs)) {}
  Result<> start();
  // transient: the disk is nearly full, so that no new work is accepted.
  Result<> check_low_water();
  // transient: the disk is so full that the store would fail.
  Result<> check_reserve() const;
  Result<Accepted> accept(control::PreparedRequest prepared);
  // Calls a query. corrupt: it came across a row that cannot be read.
  template <class Call>
  static std::invoke_result_t<Call> answer(Call call) {
    try {
      const store::AnsweringReads reads;
      return call();
    } catch (const store::UnreadableRow& row) {
      return corrupt(row.what());
    }
  }
  // Logs the blobs and rows that turned out to be damaged.
  void log_damage(control::Change& change) MOLE_REQUIRES(control::service_mutex);
  // Calls `call(change)` under the lock, then makes the change durable, then updates the views.
  template <class Call>
  std::invoke_result_t<Call, control::Change&> apply_step(Call call) MOLE_EXCLUDES(control::service_mutex);
  // The same, and then ends requests with many results in further steps.
  template <class Call>
  std::invoke_result_t<Call, control::Change&> apply(Call call) MOLE_EXCLUDES(control::service_mutex);

  const Config config_;
  const std::unique_ptr<store::Store> store_;
  const store::Records records_{*store_};
  store::Blobs blobs_;
  views::Views views_{config_.state, records_, blobs_};
  const control::RoutingTables tables_{records_, blobs_, config_.wall};
  const control::Submissions submissions_{config_, tables_, blobs_};
  control::State state_{config_, records_, store_->epoch()};
  control::Requests requests_{config_, records_, blobs_, state_};
  control::Listings listings_{config_, records_, state_, requests_};
  control::Grants grants_{records_, state_, requests_, listings_};
  control::Completions completions_{records_, blobs_, state_, requests_, listings_};
  control::Garbage garbage_{config_, records_, blobs_, state_};
  std::uint64_t unreadable_rows_ MOLE_GUARDED_BY(control::service_mutex) = 0;    // logged
  std::optional<Micros> unreadable_at_ MOLE_GUARDED_BY(control::service_mutex);  // when
  control::Scrub scrub_{config_, records_, blobs_, submissions_, tables_, views_, state_, requests_};
  const control::Queries queries_{config_, records_, state_, views_};
  std::atomic<std::uint64_t> refused_ = 0;          // not in an event yet
  std::atomic<Micros> refused_at_ = INT64_MIN / 2;  // of the last event
  std::atomic<bool> ending_ = false;                // requests_.is_ending()
  std::atomic<bool> low_ = false;                   // what the log says
};

}  // namespace mole::coordinator
