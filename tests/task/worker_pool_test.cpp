#include "runtime/task/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

namespace mole::runtime {
namespace {

TEST(WorkerPool, RunsEveryItemOnce) {
  for (const unsigned threads : {0u, 1u, 2u, 5u}) {
    WorkerPool pool(threads);
    for (const std::size_t count : {0u, 1u, 2u, 7u, 1000u}) {
      std::vector<std::atomic<int>> done(count);
      pool.run(count, [&](std::size_t i) { ++done[i]; });
      for (const auto& d : done) EXPECT_EQ(d, 1);
    }
  }
}

TEST(WorkerPool, SeparatesConsecutiveRuns) {
  WorkerPool pool(4);
  for (int round = 0; round < 5000; ++round) {
    std::atomic<int> sum = 0;
    pool.run(3, [&](std::size_t i) { sum += static_cast<int>(i) + 1; });
    ASSERT_EQ(sum, 6);
  }
}

TEST(WorkerPool, UsesSeveralThreads) {
  WorkerPool pool(2);
  std::atomic<int> arrived = 0;
  pool.run(2, [&](std::size_t) {  // ends only if both items run at the same time
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

}  // namespace
}  // namespace mole::runtime
