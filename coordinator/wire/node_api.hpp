// The coordinator as nodes use it: they lease tasks, send heartbeats and report what they completed.
#pragma once

#include "coordinator/wire/blob_api.hpp"
#include "coordinator/wire/documents/table.hpp"
#include "sdk/model/task.hpp"
#include "sdk/model/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mole::coordinator {

struct NodeInfo {
  std::string name;           // unique; the persistent id of the node's folder
  std::string incarnation;    // 128 random bits, new at every start of the daemon
  std::string address;        // where other nodes fetch its states: "tcp:127.0.0.1:9191" or "unix:/path"; empty: it serves none
  std::uint32_t slots = 1;    // tasks it runs in parallel
  std::uint32_t threads = 1;  // threads of a task
};

struct Registration {
  std::uint64_t epoch = 0;  // number of starts of the coordinator
  Micros lease = 0;         // a lease ends this long after the last heartbeat the coordinator received
  Micros heartbeat = 0;     // how often to send one
};

struct TaskProgress {
  std::string task;   // task::Spec::id
  std::string phase;  // "fetch", "run", "seal", "upload"
  std::uint64_t bytes_done = 0, bytes_total = 0, flows = 0;
};

struct LeaseRequest {
  std::string node, incarnation;
  std::uint32_t free_slots = 0;
  // Ids of the tasks that this incarnation holds. A granted task that is not among them was lost in transit and is sent again.
  std::vector<std::string> held;
};

struct Heartbeat {
  std::string node, incarnation;
  std::vector<TaskProgress> tasks;
  bool draining = false;
};

struct HeartbeatReply {
  std::vector<std::string> cancel;  // stop these tasks and drop their results
  bool drain = false;               // take no more tasks
  bool reregister = false;          // the coordinator does not know this incarnation (it restarted): call register_node again
};

// The result of one task, sent after its blobs have been uploaded. A completion from an earlier epoch is accepted if its keys are
// still needed.
struct Completion {
  std::string node, incarnation;
  task::Spec spec;  // as it was leased
  task::Report report;
};

enum class Verdict : std::uint8_t { accepted, duplicate, stale };
inline constexpr EnumValue verdict_names[] = {
    {"accepted", "its results are stored"},
    {"duplicate", "the same results were stored before"},
    {"stale", "not wanted: drop the results"},
};
template <>
struct EnumNamesOf<Verdict> {
  static constexpr EnumNames value{"Verdict", verdict_names};
};

// Thread-safe.
class NodeApi : public virtual BlobApi {
 public:
  virtual Result<Registration> register_node(const NodeInfo&) = 0;
  virtual Result<std::vector<task::Spec>> lease(const LeaseRequest&) = 0;
  virtual Result<HeartbeatReply> heartbeat(const Heartbeat&) = 0;
  // Gives tasks back unfinished; this does not count as a failed attempt.
  virtual Result<> release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) = 0;
  // Takes results. Idempotent. Returns a verdict for each completion, in order.
  virtual Result<std::vector<Verdict>> complete(const std::vector<Completion>&) = 0;
};

}  // namespace mole::coordinator
