#include "coordinator/wire/client.hpp"

#include "Coordinator.h"
#include "coordinator/wire/channel.hpp"
#include "coordinator/wire/convert.hpp"
#include "coordinator/wire/limits.hpp"

#include <limits>
#include <mutex>
#include <utility>

namespace mole::coordinator {
namespace {

// If the connection broke, an unsafe call may have been executed already.
enum class Repeat { safe, unsafe };

Repeat repeatable(const Submission& s) { return s.client_id.empty() ? Repeat::unsafe : Repeat::safe; }

struct Connection {
  Connection(const Address& address, const Timeouts& timeouts) : channel(address, timeouts), client(channel.protocol()) {}
  Channel channel;
  wire::CoordinatorClient client;
};

}  // namespace

class RemoteCoordinator::Pool {
 public:
  using Call = std::function<void(wire::CoordinatorClient&)>;

  Pool(Address address, Timeouts timeouts)
      : address_(std::move(address)), timeouts_(timeouts), server_("the coordinator at " + address_.text()) {}

  // Runs `call` on a connection, at most twice.
  Result<> run(Repeat repeat, const Call& call) {
    auto end = once(call);
    if (end.outcome == Outcome::broken && end.may_repeat && repeat == Repeat::safe) end = once(call);
    if (end.outcome == Outcome::answered) return {};
    return end.error;
  }

  template <class T>
  Result<T> document(Repeat repeat, const std::function<void(wire::CoordinatorClient&, wire::Carried<T>&)>& call) {
    wire::Carried<T> got;
    const auto done = run(repeat, [&](wire::CoordinatorClient& client) { call(client, got); });
    if (!done) return done.error();
    return static_cast<T&&>(got);
  }
  template <class T>
  Result<std::vector<T>> list(const std::function<void(wire::CoordinatorClient&, std::vector<wire::Carried<T>>&)>& call) {
    std::vector<wire::Carried<T>> got;
    const auto done = run(Repeat::safe, [&](wire::CoordinatorClient& client) { call(client, got); });
    if (!done) return done.error();
    return std::vector<T>(std::make_move_iterator(got.begin()), std::make_move_iterator(got.end()));
  }

 private:
  CallEnd once(const Call& call) {
    std::unique_ptr<Connection> connection = take();
    auto end = guarded(server_, [&] {
      if (!connection) connection = std::make_unique<Connection>(address_, timeouts_);
      call(connection->client);
    });
    if (end.outcome != Outcome::broken) put_back(std::move(connection));
    return end;
  }

  std::unique_ptr<Connection> take() {
    const std::lock_guard lock(mutex_);
    while (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      if (connection->channel.usable()) return connection;
    }
    return nullptr;
  }

  void put_back(std::unique_ptr<Connection> connection) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < 8) idle_.push_back(std::move(connection));
  }

  const Address address_;
  const Timeouts timeouts_;
  const std::string server_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

RemoteCoordinator::RemoteCoordinator(Address address, Timeouts timeouts)
    : pool_(std::make_unique<Pool>(std::move(address), timeouts)) {}
RemoteCoordinator::~RemoteCoordinator() = default;

Result<std::unique_ptr<RemoteCoordinator>> RemoteCoordinator::at(std::string_view text, Timeouts timeouts) {
  auto address = parse_address(text);
  if (!address) return address.error();
  return std::make_unique<RemoteCoordinator>(std::move(*address), timeouts);
}

Result<Accepted> RemoteCoordinator::submit(const Submission& s) {
  return pool_->document<Accepted>(repeatable(s), [&](auto& client, auto& out) { client.submit(out, to_wire(s)); });
}

Result<PlanReport> RemoteCoordinator::plan(const Submission& s) {
  return pool_->document<PlanReport>(Repeat::safe, [&](auto& client, auto& out) { client.plan(out, to_wire(s)); });
}

Result<PipelineDescription> RemoteCoordinator::validate(const Submission& s) {
  return pool_->document<PipelineDescription>(Repeat::safe, [&](auto& client, auto& out) { client.validate(out, to_wire(s)); });
}

Result<RequestStatus> RemoteCoordinator::request(const std::string& id) {
  return pool_->document<RequestStatus>(Repeat::safe, [&](auto& client, auto& out) { client.request(out, id); });
}

Result<std::vector<RequestStatus>> RemoteCoordinator::requests() {
  return pool_->list<RequestStatus>([&](auto& client, auto& out) { client.requests(out); });
}

Result<RequestStatus> RemoteCoordinator::cancel(const std::string& id) {
  return pool_->document<RequestStatus>(Repeat::safe, [&](auto& client, auto& out) { client.cancel(out, id); });
}

Result<ClusterStatus> RemoteCoordinator::status() {
  return pool_->document<ClusterStatus>(Repeat::safe, [&](auto& client, auto& out) { client.status(out); });
}

Result<JobExplanation> RemoteCoordinator::explain(const std::string& job) {
  return pool_->document<JobExplanation>(Repeat::safe, [&](auto& client, auto& out) { client.explain(out, job); });
}

Result<Lineage> RemoteCoordinator::why(const std::string& module, const std::string& column, Micros time) {
  return pool_->document<Lineage>(Repeat::safe, [&](auto& client, auto& out) { client.why(out, module, column, time); });
}

Result<ModuleResults> RemoteCoordinator::results(const std::string& module, TimeRange range) {
  return pool_->document<ModuleResults>(Repeat::safe,
                                        [&](auto& client, auto& out) { client.results(out, module, range.from, range.to); });
}

Result<std::vector<ArchiveFile>> RemoteCoordinator::archive_files(const std::string& archive) {
  return pool_->list<ArchiveFile>([&](auto& client, auto& out) { client.archive_files(out, archive); });
}

Result<ArchiveGaps> RemoteCoordinator::archive_gaps(const std::string& archive) {
  return pool_->document<ArchiveGaps>(Repeat::safe, [&](auto& client, auto& out) { client.archive_gaps(out, archive); });
}

Result<Accepted> RemoteCoordinator::archive_task(const Submission& s, const std::string& archive, RequestKind kind) {
  return pool_->document<Accepted>(repeatable(s),
                                   [&](auto& client, auto& out) { client.archive_task(out, to_wire(s), archive, kind); });
}

Result<TableDump> RemoteCoordinator::dump(const std::string& table, const std::string& from, std::uint32_t limit) {
  constexpr std::uint32_t max = std::numeric_limits<std::int32_t>::max();
  const auto sent = static_cast<std::int32_t>(std::min(limit, max));
  return pool_->document<TableDump>(Repeat::safe, [&](auto& client, auto& out) { client.dump(out, table, from, sent); });
}

Result<Registration> RemoteCoordinator::register_node(const NodeInfo& node) {
  const auto sent = to_wire(node);
  wire::Registration got;
  const auto done = pool_->run(Repeat::safe, [&](auto& client) { client.register_node(got, sent); });
  if (!done) return done.error();
  return from_wire(got);
}

// Safe to repeat: tasks granted in a lost reply are not among `held` and are granted again.
Result<std::vector<task::Spec>> RemoteCoordinator::lease(const LeaseRequest& request) {
  const auto sent = to_wire(request);
  wire::Grants got;
  const auto done = pool_->run(Repeat::safe, [&](auto& client) { client.lease(got, sent); });
  if (!done) return done.error();
  return from_wire(std::move(got));
}

Result<HeartbeatReply> RemoteCoordinator::heartbeat(const Heartbeat& heartbeat) {
  const auto sent = to_wire(heartbeat);
  wire::HeartbeatReply got;
  const auto done = pool_->run(Repeat::safe, [&](auto& client) { client.heartbeat(got, sent); });
  if (!done) return done.error();
  return from_wire(got);
}

Result<> RemoteCoordinator::release(const std::string& node, const std::string& incarnation,
                                    const std::vector<std::string>& tasks) {
  return pool_->run(Repeat::safe, [&](auto& client) { client.release(node, incarnation, tasks); });
}

Result<std::vector<Verdict>> RemoteCoordinator::complete(const std::vector<Completion>& completions) {
  std::vector<Verdict> verdicts;
  wire::Completions batch;
  Outgoing message;
  const auto send = [&]() -> Result<> {
    batch.sidecars = std::exchange(message, {}).sidecars;
    std::vector<std::string> got;
    const auto done = pool_->run(Repeat::safe, [&](auto& client) { client.complete(got, batch); });
    if (!done) return done.error();
    if (got.size() != batch.completions.size())
      return internal("the coordinator returned a wrong number of verdicts; see its log");
    for (const auto& word : got) {
      const auto verdict = from_word<Verdict>(word);
      if (!verdict) return internal("the coordinator returned the unknown verdict \"" + word + "\"; update this program");
      verdicts.push_back(*verdict);
    }
    batch = {};
    return {};
  };
  for (const auto& completion : completions) {
    auto with = message;
    auto sent = to_wire(completion, with);
    if (with.bytes > room(request_bytes) && !batch.completions.empty()) {
      if (const auto done = send(); !done) return done.error();
      with = {};
      sent = to_wire(completion, with);
    }
    if (with.bytes > room(request_bytes))
      return exhausted("the report of task " + completion.spec.id + " has " + std::to_string(with.bytes) +
                       " bytes, more than the " + std::to_string(room(request_bytes)) + " of a message; use shorter blocks");
    batch.completions.push_back(std::move(sent));
    message = std::move(with);
  }
  if (!batch.completions.empty())
    if (const auto done = send(); !done) return done.error();
  return verdicts;
}

Result<std::uint64_t> RemoteCoordinator::put_blob(const Digest& digest, std::uint64_t offset, std::string_view bytes,
                                                  std::uint64_t total) {
  if (bytes.size() > piece_bytes) return invalid("a piece of a blob has at most 1 MiB");
  const std::string piece(bytes);
  std::int64_t held = 0;
  const auto done = pool_->run(Repeat::safe, [&](auto& client) {
    held = client.put_blob(digest.hex(), static_cast<std::int64_t>(offset), piece, static_cast<std::int64_t>(total));
  });
  if (!done) return done.error();
  return static_cast<std::uint64_t>(held);
}

Result<std::string> RemoteCoordinator::get_blob(const Digest& digest, std::uint64_t offset, std::uint32_t limit) {
  const auto sent = static_cast<std::int32_t>(std::min(limit, piece_bytes));
  std::string piece;
  const auto done = pool_->run(
      Repeat::safe, [&](auto& client) { client.get_blob(piece, digest.hex(), static_cast<std::int64_t>(offset), sent); });
  if (!done) return done.error();
  return piece;
}

}  // namespace mole::coordinator
