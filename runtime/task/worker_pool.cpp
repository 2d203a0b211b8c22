#include "runtime/task/worker_pool.hpp"

#include "runtime/host/call_record.hpp"

namespace mole::runtime {

WorkerPool::WorkerPool(unsigned threads) {
  for (unsigned i = 1; i < threads; ++i) helpers_.emplace_back([this] { run_helper(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (auto& helper : helpers_) helper.join();
}

void WorkerPool::work() {
  for (std::size_t i = next_.fetch_add(1, std::memory_order_relaxed); i < count_;
       i = next_.fetch_add(1, std::memory_order_relaxed))
    (*body_)(i);
}

void WorkerPool::run_helper() {
  const FaultStack stack;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return open_ || stop_; });
    if (stop_) return;
    ++working_;
    lock.unlock();
    work();
    lock.lock();
    open_ = false;  // no items are left
    if (--working_ == 0) idle_.notify_one();
  }
}

// A helper that wakes too late finds no items left, and run() does not wait for it.
void WorkerPool::run(std::size_t count, const std::function<void(std::size_t)>& body) {
  if (helpers_.empty() || count < 2) {
    for (std::size_t i = 0; i < count; ++i) body(i);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    body_ = &body;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    open_ = true;
  }
  wake_.notify_all();
  work();
  std::unique_lock lock(mutex_);
  open_ = false;
  idle_.wait(lock, [&] { return working_ == 0; });
}

}  // namespace mole::runtime
