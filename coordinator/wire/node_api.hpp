// The coordinator as nodes use it: they lease tasks, send heartbeats and report what they completed.
#pragma once

#include "coordinator/wire/blob_api.hpp"
#include "sdk/model/task.hpp"
#include "sdk/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mole::coordinator {

struct NodeInfo {
  std::string name, incarnation, address;
  std::uint32_t slots = 1, threads = 1;
  std::uint64_t cache_limit = 0;
  std::vector<Digest> cached = {};
  std::uint64_t copy_limit = 0;
  std::vector<SandboxPart> sandbox = {};

  static constexpr auto table = document(
      "NodeInfo", "A node that registers.",  //
      field("name", &NodeInfo::name, "Unique; the persistent id of the node's folder"),
      field("incarnation", &NodeInfo::incarnation, "128 random bits, new at every start of the daemon"),
      field("address", &NodeInfo::address,
            "Where other nodes fetch its states and files: `tcp:127.0.0.1:9191` or `unix:/path`; empty: it serves none"),
      field("slots", &NodeInfo::slots, "Tasks it runs in parallel"), field("threads", &NodeInfo::threads, "Threads of a task"),
      field("cache_limit", &NodeInfo::cache_limit, "Size of its file cache; absent: it runs no tasks of kind `fetch`")
          .unit("B")
          .optional(),
      field("cached", &NodeInfo::cached, "Names of the files in its cache ([cache.md](cache.md)), at most 50,000").optional(),
      field("copy_limit", &NodeInfo::copy_limit,
            "Size of its file cache if it does not reach archives on media: it copies their files from other nodes")
          .unit("B")
          .optional(),
      field("sandbox", &NodeInfo::sandbox, "What separates its workers from the rest of its machine").optional());
};

struct Registration {
  std::uint64_t epoch = 0;
  Micros lease = 0, heartbeat = 0;

  static constexpr auto table = document(
      "Registration", "The reply to a node that registers.",  //
      field("epoch", &Registration::epoch, "Number of starts of the coordinator"),
      duration_field("lease", &Registration::lease, "A lease ends this long after the last heartbeat the coordinator received"),
      duration_field("heartbeat", &Registration::heartbeat, "Interval between heartbeats"));
};

struct TaskProgress {
  std::string task, phase;
  std::uint64_t bytes_done = 0, bytes_total = 0, flows = 0;
  std::vector<std::uint32_t> ready = {};

  static constexpr auto table = document(
      "TaskProgress", "The progress of a task.",  //
      field("task", &TaskProgress::task, "Id of the task"),
      field("phase", &TaskProgress::phase, "`fetch`, `run`, `seal` or `upload`"),
      field("bytes_done", &TaskProgress::bytes_done, "Bytes of its files read").unit("B"),
      field("bytes_total", &TaskProgress::bytes_total, "Size of its files").unit("B"),
      field("flows", &TaskProgress::flows, "Flows decoded"),
      field("ready", &TaskProgress::ready, "`fetch`: numbers of the files of its spec that are in the node's cache").optional());
};

struct LeaseRequest {
  std::string node, incarnation;
  std::uint32_t free_slots = 0;
  std::vector<std::string> held;
  std::uint32_t free_fetches = 0;

  static constexpr auto table = document(
      "LeaseRequest", "A request for tasks.",  //
      field("node", &LeaseRequest::node, "Its name"), field("incarnation", &LeaseRequest::incarnation, "Its incarnation"),
      field("free_slots", &LeaseRequest::free_slots, "Number of tasks it can accept"),
      field("held", &LeaseRequest::held,
            "Tasks this incarnation holds. A granted task that is not among them was lost in transit and is sent again"),
      field("free_fetches", &LeaseRequest::free_fetches, "Number of tasks of kind `fetch` it can accept in addition").optional());
};

struct NodeLoad {
  std::uint64_t cache_bytes = 0, cache_limit = 0;
  std::uint32_t slots = 0, busy_slots = 0, fetches = 0, busy_fetches = 0;

  bool operator==(const NodeLoad&) const = default;
  static constexpr auto table = document("NodeLoad", "What a node does at the moment.",  //
                                         field("cache_bytes", &NodeLoad::cache_bytes,
                                               "Size of the files and columns in its cache, and of the space reserved for others")
                                             .unit("B"),
                                         field("cache_limit", &NodeLoad::cache_limit, "Size of its cache").unit("B"),
                                         field("slots", &NodeLoad::slots, "Slots for tasks of all kinds but `fetch`"),
                                         field("busy_slots", &NodeLoad::busy_slots, "Those that run a task"),
                                         field("fetches", &NodeLoad::fetches, "Slots for tasks of kind `fetch`"),
                                         field("busy_fetches", &NodeLoad::busy_fetches, "Those that run a task"));
};

struct Heartbeat {
  std::string node, incarnation;
  std::vector<TaskProgress> tasks;
  bool draining = false;
  std::optional<NodeLoad> load = {};
  std::string no_work = {};

  static constexpr auto table = document(
      "Heartbeat", "The periodic report of a node.",  //
      field("node", &Heartbeat::node, "Its name"), field("incarnation", &Heartbeat::incarnation, "Its incarnation"),
      field("tasks", &Heartbeat::tasks, "Tasks it runs"), field("draining", &Heartbeat::draining, "It accepts no more tasks"),
      field("load", &Heartbeat::load, "What it does; absent: not known").optional(),
      field("no_work", &Heartbeat::no_work, "Why it takes no tasks for the moment, such as a full disk; absent: it takes some")
          .optional());
};

struct HeartbeatReply {
  std::vector<std::string> cancel;
  bool drain = false, reregister = false;

  static constexpr auto table = document("HeartbeatReply", "The reply to a heartbeat.",  //
                                         field("cancel", &HeartbeatReply::cancel, "Stop these tasks and drop their results"),
                                         field("drain", &HeartbeatReply::drain, "Accept no more tasks"),
                                         field("reregister", &HeartbeatReply::reregister,
                                               "The coordinator has restarted and lost this registration: register again"));
};

// The result of one task, sent after its blobs have been uploaded. A completion from an earlier epoch is accepted if its keys are
// still needed.
struct Completion {
  std::string node, incarnation;
  task::Spec spec;
  task::Report report;

  static constexpr auto table = document(
      "Completion", "The result of one task.",  //
      field("node", &Completion::node, "Node that ran it"), field("incarnation", &Completion::incarnation, "Its incarnation"),
      field("spec", &Completion::spec,
            "As it was leased; of plugins only the digest is needed, of the downloader also name and parameters"),
      field("report", &Completion::report, "Report"));
};

enum class Verdict : std::uint8_t { accepted, duplicate, stale };

// Thread-safe.
class NodeApi : public virtual BlobApi {
 public:
  virtual Result<Registration> register_node(const NodeInfo&) = 0;
  virtual Result<std::vector<task::Spec>> lease(const LeaseRequest&) = 0;
  virtual Result<HeartbeatReply> heartbeat(const Heartbeat&) = 0;
  // Returns unfinished tasks to the coordinator; this does not count as a failed attempt.
  virtual Result<> release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) = 0;
  // Accepts results. Idempotent. Returns a verdict for each completion, in order.
  virtual Result<std::vector<Verdict>> complete(const std::vector<Completion>&) = 0;
};

}  // namespace mole::coordinator

namespace mole {

template <>
inline constexpr auto name_table<coordinator::Verdict> = [] {
  using enum coordinator::Verdict;
  return names<coordinator::Verdict>("Verdict", "a verdict",
                                     {{accepted, "accepted", "its results are stored"},
                                      {duplicate, "duplicate", "the same results are already stored"},
                                      {stale, "stale", "not needed: drop the results"}});
}();

}  // namespace mole
