#include "coordinator/wire/client.hpp"

#include "Coordinator.h"
#include "coordinator/wire/channel.hpp"
#include "coordinator/wire/limits.hpp"
#include "coordinator/wire/messages.hpp"

#include <limits>
#include <mutex>
#include <utility>

namespace mole::coordinator {
namespace {

// If the connection broke, an unsafe call may have been executed already.
enum class Repeat { safe, unsafe };

Repeat repeatable(const Submission& s) { return s.client_id.empty() ? Repeat::unsafe : Repeat::safe; }

struct Connection {
  Connection(const Address& address, const Timeouts& timeouts, const std::optional<Secret>& secret)
      : channel(address, timeouts, secret), client(channel.protocol()) {}
  Channel channel;
  wire::CoordinatorClient client;
};

}  // namespace

class RemoteCoordinator::Pool {
 public:
  using Call = std::function<void(wire::CoordinatorClient&)>;

  Pool(Address address, Timeouts timeouts, std::optional<Secret> secret)
      : address_(std::move(address)), timeouts_(timeouts), secret_(secret), server_("the coordinator at " + address_.text()) {}

  // Runs `call` on a connection, at most twice.
  Result<> run(Repeat repeat, const Call& call) {
    auto result = run_once(call);
    if (result.outcome == Outcome::broken && result.may_repeat && repeat == Repeat::safe) result = run_once(call);
    if (result.outcome == Outcome::answered) return {};
    return result.error;
  }

  template <class T>
  Result<T> document(Repeat repeat, const std::function<void(wire::CoordinatorClient&, wire::ThriftStruct<T>&)>& call) {
    wire::ThriftStruct<T> got;
    const auto done = run(repeat, [&](wire::CoordinatorClient& client) { call(client, got); });
    if (!done) return done.error();
    return static_cast<T&&>(got);
  }
  template <class T>
  Result<std::vector<T>> list(const std::function<void(wire::CoordinatorClient&, std::vector<wire::ThriftStruct<T>>&)>& call) {
    std::vector<wire::ThriftStruct<T>> got;
    const auto done = run(Repeat::safe, [&](wire::CoordinatorClient& client) { call(client, got); });
    if (!done) return done.error();
    return std::vector<T>(std::make_move_iterator(got.begin()), std::make_move_iterator(got.end()));
  }

 private:
  CallResult run_once(const Call& call) {
    std::unique_ptr<Connection> connection = take();
    auto result = guarded(server_, [&] {
      if (!connection) connection = std::make_unique<Connection>(address_, timeouts_, secret_);
      call(connection->client);
    });
    if (result.outcome != Outcome::broken) put_back(std::move(connection));
    return result;
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
  const std::optional<Secret> secret_;
  const std::string server_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

RemoteCoordinator::RemoteCoordinator(Address address, Timeouts timeouts, std::optional<Secret> secret)
    : pool_(std::make_unique<Pool>(std::move(address), timeouts, secret)) {}
RemoteCoordinator::~RemoteCoordinator() = default;

Result<std::unique_ptr<RemoteCoordinator>> RemoteCoordinator::at(std::string_view text, Timeouts timeouts,
                                                                 std::optional<Secret> secret) {
  auto address = parse_address(text);
  if (!address) return address.error();
  return std::make_unique<RemoteCoordinator>(std::move(*address), timeouts, secret);
}

Result<Accepted> RemoteCoordinator::submit(const Submission& s) {
  return pool_->document<Accepted>(repeatable(s), [&](auto& client, auto& out) { client.submit(out, wire::Submission(s)); });
}

Result<PlanReport> RemoteCoordinator::plan(const Submission& s) {
  return pool_->document<PlanReport>(Repeat::safe, [&](auto& client, auto& out) { client.plan(out, wire::Submission(s)); });
}

Result<PipelineDescription> RemoteCoordinator::validate(const Submission& s) {
  return pool_->document<PipelineDescription>(Repeat::safe,
                                              [&](auto& client, auto& out) { client.validate(out, wire::Submission(s)); });
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

Result<JobExplanation> RemoteCoordinator::explain(const std::string& job, const std::string& what_if) {
  return pool_->document<JobExplanation>(Repeat::safe, [&](auto& client, auto& out) { client.explain(out, job, what_if); });
}

Result<Lineage> RemoteCoordinator::why(const std::string& module, const std::string& column, Micros time,
                                       const std::string& what_if) {
  return pool_->document<Lineage>(Repeat::safe, [&](auto& client, auto& out) { client.why(out, module, column, time, what_if); });
}

Result<ModuleResults> RemoteCoordinator::results(const std::string& module, TimeRange range, const std::string& what_if) {
  return pool_->document<ModuleResults>(
      Repeat::safe, [&](auto& client, auto& out) { client.results(out, module, range.from, range.to, what_if); });
}

Result<std::vector<ArchiveFile>> RemoteCoordinator::archive_files(const std::string& archive, TimeRange range) {
  return pool_->list<ArchiveFile>([&](auto& client, auto& out) { client.archive_files(out, archive, range.from, range.to); });
}

Result<ArchiveGaps> RemoteCoordinator::archive_gaps(const std::string& archive) {
  return pool_->document<ArchiveGaps>(Repeat::safe, [&](auto& client, auto& out) { client.archive_gaps(out, archive); });
}

Result<LoadHistory> RemoteCoordinator::load_history(TimeRange range) {
  return pool_->document<LoadHistory>(Repeat::safe,
                                      [&](auto& client, auto& out) { client.load_history(out, range.from, range.to); });
}

Result<Collection> RemoteCoordinator::collect_garbage(const CollectOptions& options) {
  return pool_->document<Collection>(
      Repeat::safe, [&](auto& client, auto& out) { client.collect_garbage(out, wire::CollectOptions(options)); });
}

Result<Accepted> RemoteCoordinator::archive_task(const Submission& s, const std::string& archive, RequestKind kind) {
  return pool_->document<Accepted>(
      repeatable(s), [&](auto& client, auto& out) { client.archive_task(out, wire::Submission(s), archive, kind); });
}

Result<TableDump> RemoteCoordinator::dump(const std::string& table, const std::string& from, std::uint32_t limit) {
  constexpr std::uint32_t max = std::numeric_limits<std::int32_t>::max();
  const auto sent = static_cast<std::int32_t>(std::min(limit, max));
  return pool_->document<TableDump>(Repeat::safe, [&](auto& client, auto& out) { client.dump(out, table, from, sent); });
}

Result<Registration> RemoteCoordinator::register_node(const NodeInfo& node) {
  return pool_->document<Registration>(Repeat::safe,
                                       [&](auto& client, auto& out) { client.register_node(out, wire::NodeInfo(node)); });
}

// Safe to repeat: tasks granted in a lost reply are not among `held` and are granted again.
Result<std::vector<task::Spec>> RemoteCoordinator::lease(const LeaseRequest& request) {
  auto got =
      pool_->document<Grants>(Repeat::safe, [&](auto& client, auto& out) { client.lease(out, wire::LeaseRequest(request)); });
  if (!got) return got.error();
  for (auto& spec : got->specs)
    for_each_plugin(spec, [&](task::PluginUse& use) {
      const auto known = got->sidecars.find(use.library.hex());
      if (use.sidecar.empty() && known != got->sidecars.end()) use.sidecar = known->second;
    });
  return std::move(got->specs);
}

Result<HeartbeatReply> RemoteCoordinator::heartbeat(const Heartbeat& heartbeat) {
  return pool_->document<HeartbeatReply>(Repeat::safe,
                                         [&](auto& client, auto& out) { client.heartbeat(out, wire::Heartbeat(heartbeat)); });
}

Result<> RemoteCoordinator::release(const std::string& node, const std::string& incarnation,
                                    const std::vector<std::string>& tasks) {
  return pool_->run(Repeat::safe, [&](auto& client) { client.release(node, incarnation, tasks); });
}

namespace {

// Keeps the libraries' digests, and the downloader's name and parameters, which are part of the names of files in caches.
void remove_plugins(task::Spec& spec) {
  const auto remove = [](task::PluginUse& use) { use = {.library = use.library}; };
  auto downloader = spec.archive ? spec.archive->downloader : task::PluginUse{};
  for_each_plugin(spec, remove);
  if (!spec.archive) return;
  spec.archive->downloader.name = std::move(downloader.name);
  spec.archive->downloader.params = std::move(downloader.params);
}

}  // namespace

Result<std::vector<Verdict>> RemoteCoordinator::complete(const std::vector<Completion>& completions) {
  std::vector<Verdict> verdicts;
  wire::Completions batch;
  std::size_t bytes = 0;
  const auto send = [&]() -> Result<> {
    std::vector<Verdict> got;
    const auto done = pool_->run(Repeat::safe, [&](auto& client) { client.complete(got, batch); });
    if (!done) return done.error();
    if (got.size() != batch.completions.size())
      return internal("the coordinator returned a wrong number of verdicts; see its log");
    for (const auto verdict : got)
      if (*name_of(verdict) == '\0') return internal("the coordinator returned an unknown verdict; update this program");
    verdicts.insert(verdicts.end(), got.begin(), got.end());
    batch.completions.clear();
    bytes = 0;
    return {};
  };
  for (auto completion : completions) {
    remove_plugins(completion.spec);
    const auto size = wire_size(completion);
    if (bytes + size > max_payload(request_bytes) && !batch.completions.empty())
      if (const auto done = send(); !done) return done.error();
    if (size > max_payload(request_bytes))
      return exhausted("the report of task " + completion.spec.id + " has " + std::to_string(size) +
                       " bytes; a message may have " + std::to_string(max_payload(request_bytes)) + "; use shorter blocks");
    bytes += size;
    batch.completions.push_back(std::move(completion));
  }
  if (!batch.completions.empty())
    if (const auto done = send(); !done) return done.error();
  return verdicts;
}

Result<std::uint64_t> RemoteCoordinator::put_blob(const Digest& digest, std::uint64_t offset, std::string_view bytes,
                                                  std::uint64_t total) {
  if (bytes.size() > piece_bytes) return invalid("a piece of a blob may have at most 1 MiB; send smaller pieces");
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
