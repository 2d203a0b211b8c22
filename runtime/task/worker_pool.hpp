// Threads that process the items of a batch together with the calling thread.
//
//   WorkerPool pool(4);                                  // three threads and the caller
//   pool.run(items.size(), [&](std::size_t i) { ... });  // returns when all items are done
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mole::runtime {

// Call run() from one thread only.
class WorkerPool {
 public:
  // With 0 or 1, no thread is started, and run() is a loop.
  explicit WorkerPool(unsigned threads);
  ~WorkerPool();

  std::size_t threads() const { return helpers_.size() + 1; }
  // Calls body(i) once for every i below `count`, starting in ascending order, on any thread. body must not throw or call run().
  void run(std::size_t count, const std::function<void(std::size_t)>& body);

 private:
  void run_helper();
  void work();

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  bool open_ = false, stop_ = false;  // open: there may be items left
  std::size_t working_ = 0;           // helpers in work()
  const std::function<void(std::size_t)>* body_ = nullptr;
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_{0};
  std::vector<std::thread> helpers_;
};

}  // namespace mole::runtime
