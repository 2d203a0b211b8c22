// A node: leases tasks, runs each in its own processes, delivers the results, and serves states and files to other nodes.
//
//   auto node = NodeDaemon::open(options, coordinator);
//   if (!node) return node.error();
//   if (auto started = (*node)->start(); !started) return started.error();
//   ...                    // SIGTERM: (*node)->drain(); again: (*node)->abort();
//   (*node)->wait();
//
// Threads: one registers and sends heartbeats, one leases tasks, one per slot runs a task, some run fetch tasks, one delivers
// results. While the coordinator is unreachable, running tasks continue, and finished ones are kept on disk and reported later.
#pragma once

#include "nodes/daemon/attempt.hpp"
#include "nodes/daemon/disk_space.hpp"
#include "nodes/daemon/outbox.hpp"
#include "sdk/model/mutex.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

namespace mole::coordinator {
class FrameServer;
}

namespace mole::nodes {

class NodeDaemon {
 public:
  // Locks the folder. `coordinator` must outlive the daemon. invalid: the folder or the listening address cannot be used.
  static Result<std::unique_ptr<NodeDaemon>> open(Options options, coordinator::NodeApi& coordinator);
  ~NodeDaemon();  // aborts
  NodeDaemon(const NodeDaemon&) = delete;
  NodeDaemon& operator=(const NodeDaemon&) = delete;

  Result<> start();
  // Leases no more tasks; running ones may finish within Options::drain_limit. Thread-safe, as are the following.
  void drain();
  // Kills the running tasks and returns them to the coordinator.
  void abort();
  // Waits until the node has drained: no task runs, and results are delivered or, if the coordinator is unreachable, on disk.
  void wait();

  const std::string& name() const { return folder_.name(); }
  std::string address() const;  // where it serves states and files

 private:
  NodeDaemon(Options options, coordinator::NodeApi& coordinator, NodeFolder folder);

  void heartbeat_loop();
  Micros send_heartbeat();
  coordinator::NodeLoad load() const MOLE_REQUIRES(mutex_);
  void count_cached_bytes();
  bool register_node();
  void apply(const coordinator::HeartbeatReply& reply);
  void lease_loop();
  bool can_lease() const MOLE_REQUIRES(mutex_);
  bool has_space();
  bool lease_tasks();
  void accept(std::vector<task::Spec> specs);
  void slot_loop(bool fetches);
  std::uint32_t free_slots(bool fetches) const MOLE_REQUIRES(mutex_);
  bool take_waiting(bool fetches, task::Spec& spec) MOLE_REQUIRES(mutex_);
  void run_task(task::Spec spec) MOLE_REQUIRES(mutex_);
  bool keep(FinishedTask finished);
  std::vector<std::string> held_tasks() const MOLE_REQUIRES(mutex_);
  void release(const std::vector<std::string>& tasks);
  void join_threads();

  const Options options_;
  coordinator::NodeApi& coordinator_;
  const NodeFolder folder_;
  const std::string incarnation_;
  KnownPlugins plugins_;
  StateStore states_;
  CachedFiles files_;
  Outbox outbox_;
  const NodeContext context_;
  std::uint64_t cached_bytes_ = 0;                          // used by the thread that sends heartbeats
  std::chrono::steady_clock::time_point count_again_ = {};  // the same: not before this time
  std::unique_ptr<coordinator::FrameServer> server_;

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  bool registered_ MOLE_GUARDED_BY(mutex_) = false, unreachable_ MOLE_GUARDED_BY(mutex_) = false;
  bool remote_drain_ MOLE_GUARDED_BY(mutex_) = false, draining_ MOLE_GUARDED_BY(mutex_) = false;
  bool aborting_ MOLE_GUARDED_BY(mutex_) = false, stopping_ MOLE_GUARDED_BY(mutex_) = false;
  Micros heartbeat_interval_ MOLE_GUARDED_BY(mutex_) = 10 * second_us;
  std::deque<task::Spec> waiting_ MOLE_GUARDED_BY(mutex_);  // leased, not yet started
  // Each attempt is shared with the slot thread that runs it.
  std::map<std::string, std::shared_ptr<Attempt>> running_ MOLE_GUARDED_BY(mutex_);
  std::vector<std::string> unfinished_ MOLE_GUARDED_BY(mutex_);  // stopped by drain or abort, to be released
  DiskSpace disk_ MOLE_GUARDED_BY(mutex_);
  std::string no_work_ MOLE_GUARDED_BY(mutex_);  // why it takes no tasks; empty: it takes some
  std::uint32_t idle_slots_ MOLE_GUARDED_BY(mutex_) = 0, idle_fetches_ MOLE_GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> threads_ MOLE_GUARDED_BY(mutex_);
};

}  // namespace mole::nodes
