// A request from acceptance to its end: durable row -> listing of its archives -> plan -> scheduler -> summary.
#pragma once

#include "coordinator/control/state.hpp"
#include "coordinator/control/submissions.hpp"
#include "coordinator/store/blobs.hpp"

namespace mole::coordinator::control {

class Requests {
 public:
  Requests(const Config& config, const store::Records& records, const store::Blobs& blobs, State& state)
      : config_(config), records_(records), blobs_(blobs), state_(state) {}

  // ---- accept.cpp
  // Returns the document of Api::submit. An error changes nothing.
  Result<Accepted> accept(PreparedRequest prepared, Change& change) MOLE_REQUIRES(service_mutex);

  // ---- requests.cpp
  // Call at start. Continues every request that had not ended.
  Result<> resume(Change& change) MOLE_REQUIRES(service_mutex);
  // Adds a task for each archive in `request.unlisted`.
  void list_archives(Request& request) MOLE_REQUIRES(service_mutex);
  // Returns whether the request waits for files, including while its archives are listed again for a new submission.
  bool waits(const Request& request) const MOLE_REQUIRES(service_mutex);
  // Continues the request when all its archives are listed.
  void proceed(Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  void replan(Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  // Makes new plans. Call when indexes, catalogue rows or the set of lost nodes have changed.
  void replan_all(Change& change) MOLE_REQUIRES(service_mutex);
  // Makes the rows of a job count as not computed, because their blob is lost.
  void drop_result(const leases::JobKey& job, const std::string& module, Change& change) MOLE_REQUIRES(service_mutex);

  // ---- finish.cpp
  void check_finished(Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  // Ends requests whose results were not all looked for in one step. Returns whether another step is needed.
  bool continue_ending(Change& change) MOLE_REQUIRES(service_mutex);
  bool is_ending() const MOLE_REQUIRES(service_mutex) { return !looked_at_.empty(); }
  void finish(Request& request, RequestState state, const std::string& reason, Change& change) MOLE_REQUIRES(service_mutex);
  void finish_verified(Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  // Ends the requests whose manifests require a sandbox that no node has.
  void end_those_without_sandbox(Change& change) MOLE_REQUIRES(service_mutex);
  // Returns the document of Api::cancel.
  Result<RequestStatus> cancel(const std::string& id, Change& change) MOLE_REQUIRES(service_mutex);
  void save(const Request& request, Change& change) const;

 private:
  std::optional<Result<Accepted>> earlier_reply(const Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  void store_client(const Request& request, std::uint64_t number, Change& change) const;
  Request* waiting_twin(const Request& request) MOLE_REQUIRES(service_mutex);
  void list_again(Request& request) MOLE_REQUIRES(service_mutex);
  void replace_waiting(const Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  Result<> check_archives_agree(const Request& request) const MOLE_REQUIRES(service_mutex);
  Result<> store_versions(const std::vector<dag::Library>& libraries, Change& change) const;
  void store_modules(const PreparedRequest& prepared, Change& change) MOLE_REQUIRES(service_mutex);
  void show_results(const dag::Module& module, const Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  void publish(const Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  void store_what_ifs(const Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  void forget_failures(const dag::Graph& graph, Change& change) MOLE_REQUIRES(service_mutex);
  void advance(Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  void read_archive(Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  enum class Looked : std::uint8_t { all, some, lost };
  Looked look_for_results(const Request& request, Change& change) MOLE_REQUIRES(service_mutex);
  std::string summarize(Request& request) MOLE_REQUIRES(service_mutex);
  std::string misplaced_files(const jobs::Plan& plan, TimeRange range) const;

  const Config& config_;
  const store::Records& records_;
  const store::Blobs& blobs_;
  State& state_;
  // How far the results of requests have been looked for that are about to end.
  struct LookedAt {
    std::size_t module = 0;
    std::int64_t blocks = 0;
    bool operator==(const LookedAt&) const = default;
  };
  std::map<std::uint64_t, LookedAt> looked_at_ MOLE_GUARDED_BY(service_mutex);
};

// Returns the name of the index of the archive that the request is about.
inline std::string index_name(const Request& request) {
  return request.graph->index_name(archive_named(*request.graph, request.archive));
}
// Describes the failure of a job.
JobFailure failure_document(const dag::Graph& graph, const dag::Module& module, Micros block,
                            const leases::FailureRecord& failure);
// Returns the document of a request that has ended. missing: there is no such request.
Result<RequestStatus> ended_request(const store::Records& records, std::uint64_t number);

}  // namespace mole::coordinator::control
