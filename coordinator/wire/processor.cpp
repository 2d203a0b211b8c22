#include "coordinator/wire/processor.hpp"

#include "Coordinator.h"
#include "coordinator/wire/dispatch.hpp"
#include "coordinator/wire/failure.hpp"
#include "coordinator/wire/limits.hpp"

namespace mole::coordinator {
namespace {

// Returns the value, or throws the error as the Failure that the services declare.
template <class T>
T answer(Result<T> result) {
  if (!result) throw to_wire(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// A reply larger than a client accepts would break its connection.
void check_size(std::size_t bytes) {
  if (bytes > max_payload(reply_bytes))
    throw to_wire(exhausted("the reply has " + std::to_string(bytes) + " bytes; a message may have " +
                            std::to_string(reply_bytes) + "; request a shorter range"));
}

template <class T>
void reply(wire::ThriftStruct<T>& out, Result<T> result) {
  static_cast<T&>(out) = answer(std::move(result));
  check_size(wire_size(static_cast<const T&>(out)));
}

template <class T>
void reply(std::vector<wire::ThriftStruct<T>>& out, Result<std::vector<T>> result) {
  auto items = answer(std::move(result));
  check_size(wire_size(items));
  for (auto& item : items) out.emplace_back(std::move(item));
}

Digest digest(const std::string& hex) { return answer(Digest::from_hex(hex)); }

std::uint64_t position(std::int64_t value) {
  if (value < 0) throw to_wire(invalid("an offset or size is negative; it must be at least 0"));
  return static_cast<std::uint64_t>(value);
}

class Handler final : public wire::CoordinatorIf {
 public:
  explicit Handler(Api& api) : api_(api) {}

  void submit(wire::Accepted& out, const wire::Submission& s) override { reply(out, api_.submit(s)); }
  void plan(wire::PlanReport& out, const wire::Submission& s) override { reply(out, api_.plan(s)); }
  void validate(wire::PipelineDescription& out, const wire::Submission& s) override { reply(out, api_.validate(s)); }
  void request(wire::RequestStatus& out, const std::string& id) override { reply(out, api_.request(id)); }
  void requests(std::vector<wire::RequestStatus>& out) override { reply(out, api_.requests()); }
  void cancel(wire::RequestStatus& out, const std::string& id) override { reply(out, api_.cancel(id)); }
  void status(wire::ClusterStatus& out) override { reply(out, api_.status()); }
  void explain(wire::JobExplanation& out, const std::string& job, const std::string& what_if) override {
    reply(out, api_.explain(job, what_if));
  }
  void why(wire::Lineage& out, const std::string& module, const std::string& column, std::int64_t time,
           const std::string& what_if) override {
    reply(out, api_.why(module, column, time, what_if));
  }
  void results(wire::ModuleResults& out, const std::string& module, std::int64_t from, std::int64_t to,
               const std::string& what_if) override {
    reply(out, api_.results(module, {from, to}, what_if));
  }
  void archive_files(std::vector<wire::ArchiveFile>& out, const std::string& archive, std::int64_t from,
                     std::int64_t to) override {
    reply(out, api_.archive_files(archive, {from, to}));
  }
  void archive_gaps(wire::ArchiveGaps& out, const std::string& archive) override { reply(out, api_.archive_gaps(archive)); }
  void load_history(wire::LoadHistory& out, std::int64_t from, std::int64_t to) override {
    reply(out, api_.load_history({from, to}));
  }
  void collect_garbage(wire::Collection& out, const wire::CollectOptions& options) override {
    reply(out, api_.collect_garbage(options));
  }
  void archive_task(wire::Accepted& out, const wire::Submission& s, const std::string& archive, RequestKind kind) override {
    reply(out, api_.archive_task(s, archive, kind));
  }
  void dump(wire::TableDump& out, const std::string& table, const std::string& start, std::int32_t limit) override {
    reply(out, api_.dump(table, start, static_cast<std::uint32_t>(position(limit))));
  }

  void register_node(wire::Registration& out, const wire::NodeInfo& node) override { reply(out, api_.register_node(node)); }
  void lease(wire::Grants& out, const wire::LeaseRequest& request) override;
  void heartbeat(wire::HeartbeatReply& out, const wire::Heartbeat& sent) override { reply(out, api_.heartbeat(sent)); }
  void release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) override {
    answer(api_.release(node, incarnation, tasks));
  }
  void complete(std::vector<Verdict>& out, const wire::Completions& sent) override {
    out = answer(api_.complete(sent.completions));
  }

  std::int64_t put_blob(const std::string& hex, std::int64_t offset, const std::string& bytes, std::int64_t total) override {
    if (bytes.size() > piece_bytes) throw to_wire(invalid("a piece of a blob may have at most 1 MiB; send smaller pieces"));
    return static_cast<std::int64_t>(answer(api_.put_blob(digest(hex), position(offset), bytes, position(total))));
  }
  void get_blob(std::string& out, const std::string& hex, std::int64_t offset, std::int32_t limit) override {
    const auto size = std::min<std::uint64_t>(position(limit), piece_bytes);
    out = answer(api_.get_blob(digest(hex), position(offset), static_cast<std::uint32_t>(size)));
  }

 private:
  Api& api_;
};

// Specs that do not fit into one reply are granted again at the node's next call, as after a lost reply.
void Handler::lease(wire::Grants& out, const wire::LeaseRequest& request) {
  std::size_t bytes = 0;
  for (auto& spec : answer(api_.lease(request))) {
    for_each_plugin(spec, [&](task::PluginUse& use) {
      const auto [known, added] = out.sidecars.try_emplace(use.library.hex(), use.sidecar);
      if (added) bytes += wire_size(known->first) + wire_size(known->second);
      if (known->second == use.sidecar) use.sidecar.clear();
    });
    bytes += wire_size(spec);
    if (bytes > max_payload(reply_bytes) && !out.specs.empty()) break;
    out.specs.push_back(std::move(spec));
  }
}

}  // namespace

FrameHandler serve_coordinator(Api& api) {
  return make_frame_handler(std::make_shared<wire::CoordinatorProcessor>(std::make_shared<Handler>(api)));
}

}  // namespace mole::coordinator
