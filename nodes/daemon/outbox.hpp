// Delivers finished tasks to the coordinator. A task is stored on disk (finished/) until the coordinator has acknowledged it,
// even if the node or the coordinator restarts. One thread uploads and completes tasks in batches, and retries while the
// coordinator is unreachable. Thread-safe.
#pragma once

#include "nodes/daemon/attempt.hpp"
#include "sdk/model/mutex.hpp"

#include <condition_variable>
#include <deque>
#include <thread>

namespace mole::nodes {

class Outbox {
 public:
  // Loads the tasks that an earlier run left in `folder`. Sends nothing before `start`.
  Outbox(std::filesystem::path folder, coordinator::NodeApi& coordinator, std::string node, std::string incarnation);
  ~Outbox();  // stops; unsent tasks stay in the folder

  // Durable when this returns. exhausted: the disk is full. Other errors: the disk fails.
  Result<> add(const FinishedTask& finished);
  // For a task that cannot be stored: reports it as failed.
  void add_failure(const FinishedTask& finished, const Error& error);
  // Removes a task that the coordinator no longer needs.
  void remove(const std::string& task);
  // Returns the tasks of this run that the coordinator has not acknowledged.
  std::vector<std::string> held() const;

  // Starts sending; call it when registered. Another call retries immediately.
  void start();
  void stop();
  // Waits until every task is acknowledged or the coordinator is unreachable. Returns whether all were acknowledged.
  bool flush();

 private:
  struct Entry {
    std::string task;
    bool from_this_run = false;
    std::optional<coordinator::Completion> unstored;  // in memory only, because it could not be stored
  };
  using Batch = std::vector<std::pair<std::string, coordinator::Completion>>;

  std::filesystem::path folder_of(const std::string& task) const { return folder_ / task; }
  Result<> store(const FinishedTask& finished) const;
  void run();
  Result<> deliver();
  Batch next_batch();
  Result<> upload(const std::string& task, const coordinator::Completion& completion);
  Result<> put(const Digest& digest, const std::filesystem::path& file);
  Result<> complete(Batch batch);
  Result<> complete_one_by_one(const Batch& batch);

  const std::filesystem::path folder_;
  coordinator::NodeApi& coordinator_;
  const std::string node_, incarnation_;

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Entry> entries_ MOLE_GUARDED_BY(mutex_);
  bool retry_now_ MOLE_GUARDED_BY(mutex_) = false, stopping_ MOLE_GUARDED_BY(mutex_) = false;
  bool sending_ MOLE_GUARDED_BY(mutex_) = false, unreachable_ MOLE_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mole::nodes
