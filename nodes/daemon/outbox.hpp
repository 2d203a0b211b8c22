// Finished work on its way to the coordinator. What is added is kept on disk (finished/) until the coordinator has answered for
// it, through restarts of either side. One thread uploads and completes, in batches, and tries again while the coordinator
// is away. Thread-safe.
#pragma once

#include "nodes/daemon/attempt.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace mole::nodes {

class Outbox {
 public:
  // Takes over what an earlier life left in `folder`. Sends nothing before `start`.
  Outbox(std::filesystem::path folder, coordinator::NodeApi& coordinator, std::string node, std::string incarnation);
  ~Outbox();  // stops; what was not sent stays in the folder

  // Durable when this returns; should the disk be full, the task is reported as failed for that reason instead.
  void add(const Finished& finished);
  // The coordinator no longer wants it.
  void drop(const std::string& task);
  // Tasks of this life that wait to be confirmed.
  std::vector<std::string> held() const;

  // Begins to send; call when registered. Again: try now.
  void start();
  void stop();
  // Until everything is confirmed, or the coordinator turns out to be away. True: everything.
  bool settle();

 private:
  struct Entry {
    std::string task;
    bool of_this_life = false;
    std::optional<coordinator::Completion> kept;  // only in memory: the disk was full
  };
  using Batch = std::vector<std::pair<std::string, coordinator::Completion>>;

  std::filesystem::path place(const std::string& task) const { return folder_ / task; }
  Result<> store(const Finished& finished) const;
  void run();
  Result<> deliver();
  Batch next_batch();
  Result<> upload(const std::string& task, const coordinator::Completion& completion);
  Result<> put(const Digest& digest, const std::filesystem::path& file);
  Result<> complete(Batch batch);
  Result<> complete_one_by_one(const Batch& batch);
  void forget(const std::string& task);

  const std::filesystem::path folder_;
  coordinator::NodeApi& coordinator_;
  const std::string node_, incarnation_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;
  bool try_now_ = false, stopping_ = false, sending_ = false, away_ = false;
  std::thread thread_;
};

}  // namespace mole::nodes
