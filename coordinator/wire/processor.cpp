#include "coordinator/wire/processor.hpp"

#include "Coordinator.h"
#include "coordinator/wire/convert.hpp"
#include "coordinator/wire/dispatch.hpp"
#include "coordinator/wire/limits.hpp"

namespace mole::coordinator {
namespace {

// Unwraps an answer, or throws it as the Failure the interface declares.
template <class T>
T answer(Result<T> result) {
  if (!result) throw to_wire(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// A document larger than a client accepts would only break its connection.
std::string document(Result<nlohmann::json> result) {
  auto text = json_text(answer(std::move(result)));
  if (text.size() > room(reply_bytes))
    throw to_wire(exhausted("the answer has " + std::to_string(text.size()) + " bytes, more than the " +
                            std::to_string(reply_bytes) + " of a message; ask for a shorter range"));
  return text;
}

Digest digest(const std::string& hex) { return answer(Digest::from_hex(hex)); }

std::uint64_t position(std::int64_t value) {
  if (value < 0) throw to_wire(invalid("an offset or size is negative"));
  return static_cast<std::uint64_t>(value);
}

class Handler final : public wire::CoordinatorIf {
 public:
  explicit Handler(Api& api) : api_(api) {}

  void submit(std::string& out, const wire::Submission& s) override { out = document(api_.submit(from_wire(s))); }
  void plan(std::string& out, const wire::Submission& s) override { out = document(api_.plan(from_wire(s))); }
  void validate(std::string& out, const wire::Submission& s) override { out = document(api_.validate(from_wire(s))); }
  void request(std::string& out, const std::string& id) override { out = document(api_.request(id)); }
  void requests(std::string& out) override { out = document(api_.requests()); }
  void cancel(std::string& out, const std::string& id) override { out = document(api_.cancel(id)); }
  void status(std::string& out) override { out = document(api_.status()); }
  void explain(std::string& out, const std::string& job) override { out = document(api_.explain(job)); }
  void why(std::string& out, const std::string& module, const std::string& column, std::int64_t time) override {
    out = document(api_.why(module, column, time));
  }
  void results(std::string& out, const std::string& module, std::int64_t from, std::int64_t to) override {
    out = document(api_.results(module, {from, to}));
  }
  void archive(std::string& out, const std::string& archive, const std::string& what) override {
    out = document(api_.archive(archive, what));
  }
  void archive_task(std::string& out, const wire::Submission& s, const std::string& archive, const std::string& what) override {
    out = document(api_.archive_task(from_wire(s), archive, what));
  }
  void dump(std::string& out, const std::string& table, const std::string& start, std::int32_t limit) override {
    out = document(api_.dump(table, start, static_cast<std::uint32_t>(position(limit))));
  }

  void register_node(wire::Registration& out, const wire::NodeInfo& node) override {
    out = to_wire(answer(api_.register_node(answer(from_wire(node)))));
  }
  void lease(wire::Grants& out, const wire::LeaseRequest& ask) override;
  void heartbeat(wire::HeartbeatReply& out, const wire::Heartbeat& beat) override {
    out = to_wire(answer(api_.heartbeat(from_wire(beat))));
  }
  void release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) override {
    answer(api_.release(node, incarnation, tasks));
  }
  void complete(std::vector<std::string>& out, const wire::Completions& completions) override {
    out = answer(api_.complete(answer(from_wire(wire::Completions(completions)))));
  }

  std::int64_t put_blob(const std::string& hex, std::int64_t offset, const std::string& bytes, std::int64_t total) override {
    if (bytes.size() > piece_bytes) throw to_wire(invalid("a piece of a blob has at most 1 MiB"));
    return static_cast<std::int64_t>(answer(api_.put_blob(digest(hex), position(offset), bytes, position(total))));
  }
  void get_blob(std::string& out, const std::string& hex, std::int64_t offset, std::int32_t limit) override {
    const auto most = std::min<std::uint64_t>(position(limit), piece_bytes);
    out = answer(api_.get_blob(digest(hex), position(offset), static_cast<std::uint32_t>(most)));
  }

 private:
  Api& api_;
};

// What does not fit into one reply is granted again at the node's next ask, as after a lost reply.
void Handler::lease(wire::Grants& out, const wire::LeaseRequest& ask) {
  Outgoing message;
  for (const auto& spec : answer(api_.lease(answer(from_wire(ask))))) {
    auto sent = to_wire(spec, message);
    if (message.bytes > room(reply_bytes) && !out.specs.empty()) break;
    out.specs.push_back(std::move(sent));
  }
  out.sidecars = std::move(message.sidecars);
}

}  // namespace

FrameHandler serve_coordinator(Api& api) {
  return frames_to(std::make_shared<wire::CoordinatorProcessor>(std::make_shared<Handler>(api)));
}

}  // namespace mole::coordinator
