// A node: takes leases, runs each task in processes of its own, gives the results back, and keeps states for others.
//
//   auto node = NodeDaemon::open(options, coordinator);
//   if (!node) return node.error();
//   if (auto started = (*node)->start(); !started) return started.error();
//   ...                    // SIGTERM: (*node)->drain(); again: (*node)->abort();
//   (*node)->wait();
//
// Threads: one beats (and registers), one asks for work, one per slot runs a task, one delivers results. A coordinator that
// is away stops none of them: running tasks go on, finished ones wait on disk, and all is reported when it is back.
#pragma once

#include "nodes/daemon/attempt.hpp"
#include "nodes/daemon/outbox.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace mole::coordinator {
class FrameServer;
}

namespace mole::nodes {

class NodeDaemon {
 public:
  // Takes the folder. `coordinator` outlives the daemon. invalid: folder or listening address are not to be had.
  static Result<std::unique_ptr<NodeDaemon>> open(Options options, coordinator::NodeApi& coordinator);
  ~NodeDaemon();  // aborts
  NodeDaemon(const NodeDaemon&) = delete;
  NodeDaemon& operator=(const NodeDaemon&) = delete;

  Result<> start();
  // No new leases; what runs may finish within Options::drain_limit. From any thread, as are the following.
  void drain();
  // Ends at once: kills what runs and gives it back to the coordinator.
  void abort();
  // Until it has drained: nothing runs, and results are delivered or, with the coordinator away, safe on disk.
  void wait();

  const std::string& name() const { return folder_.name(); }
  std::string address() const;  // where it serves states

 private:
  NodeDaemon(Options options, coordinator::NodeApi& coordinator, NodeFolder folder);

  void beat();
  Micros beat_once();
  bool enroll();
  void obey(const coordinator::HeartbeatReply& reply);
  void ask_for_work();
  bool may_ask() const;
  bool ask_once();
  void take(std::vector<task::Spec> specs);
  void work();
  void run_one(std::unique_lock<std::mutex>& lock);
  std::vector<std::string> held() const;
  void give_back(const std::vector<std::string>& tasks);
  void end_threads();

  const Options options_;
  coordinator::NodeApi& coordinator_;
  const NodeFolder folder_;
  const std::string incarnation_;
  KnownPlugins plugins_;
  StateStore states_;
  Outbox outbox_;
  const Surroundings here_;
  std::unique_ptr<coordinator::FrameServer> server_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool registered_ = false, away_ = false, remote_drain_ = false;
  bool draining_ = false, aborting_ = false, ending_ = false;
  Micros heartbeat_ = 10 * second_us;
  std::deque<task::Spec> waiting_;                           // leased, not yet taken by a slot
  std::map<std::string, std::shared_ptr<Attempt>> running_;  // shared with the slot thread that runs it
  std::vector<std::string> unfinished_;                      // ended by drain or abort: to be given back
  std::uint32_t idle_slots_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace mole::nodes
