// The coordinator in another process.
//
//   auto coordinator = mole::coordinator::RemoteCoordinator::at("unix:/run/mole/coordinator.sock");
//   if (!coordinator) return coordinator.error();
//   auto status = (*coordinator)->status();
//
// Thread-safe: each call uses a connection from a small pool. Connections are opened when needed; while the coordinator is
// unreachable, calls return `transient`. A call that is safe to repeat is repeated once if its connection breaks.
#pragma once

#include "coordinator/wire/address.hpp"
#include "coordinator/wire/api.hpp"
#include "coordinator/wire/secret.hpp"

#include <chrono>
#include <memory>
#include <optional>

namespace mole::coordinator {

struct Timeouts {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds send{15'000};
  std::chrono::milliseconds receive{120'000};  // until the whole reply has arrived
};

class RemoteCoordinator final : public Api {
 public:
  // `secret` is needed on TCP: without it, or if the server has another one, calls return `denied`.
  explicit RemoteCoordinator(Address address, Timeouts timeouts = {}, std::optional<Secret> secret = {});
  ~RemoteCoordinator() override;

  // Does not connect yet. invalid: the address is malformed or not loopback.
  static Result<std::unique_ptr<RemoteCoordinator>> at(std::string_view address, Timeouts timeouts = {},
                                                       std::optional<Secret> secret = {});

  Result<Accepted> submit(const Submission&) override;
  Result<PlanReport> plan(const Submission&) override;
  Result<PipelineDescription> validate(const Submission&) override;
  Result<RequestStatus> request(const std::string& id) override;
  Result<std::vector<RequestStatus>> requests() override;
  Result<RequestStatus> cancel(const std::string& id) override;
  Result<ClusterStatus> status() override;
  Result<JobExplanation> explain(const std::string& job, const std::string& what_if) override;
  Result<Lineage> why(const std::string& module, const std::string& column, Micros time, const std::string& what_if) override;
  Result<ModuleResults> results(const std::string& module, TimeRange range, const std::string& what_if) override;
  Result<std::vector<ArchiveFile>> archive_files(const std::string& archive, TimeRange range) override;
  Result<ArchiveGaps> archive_gaps(const std::string& archive) override;
  Result<LoadHistory> load_history(TimeRange range) override;
  Result<Collection> collect_garbage(const CollectOptions& options) override;
  Result<Accepted> archive_task(const Submission&, const std::string& archive, RequestKind kind) override;
  Result<TableDump> dump(const std::string& table, const std::string& from, std::uint32_t limit) override;

  Result<Registration> register_node(const NodeInfo&) override;
  Result<std::vector<task::Spec>> lease(const LeaseRequest&) override;
  Result<HeartbeatReply> heartbeat(const Heartbeat&) override;
  Result<> release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) override;
  // Sends as many frames as needed. exhausted: a single completion is larger than a frame.
  Result<std::vector<Verdict>> complete(const std::vector<Completion>&) override;

  Result<std::uint64_t> put_blob(const Digest&, std::uint64_t offset, std::string_view bytes, std::uint64_t total) override;
  Result<std::string> get_blob(const Digest&, std::uint64_t offset, std::uint32_t limit) override;

 private:
  class Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace mole::coordinator
