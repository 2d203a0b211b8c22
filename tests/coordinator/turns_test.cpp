#include "coordinator/turns.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>

namespace mole::test {
namespace {

using coordinator::Turns;

TEST(Turns, AreAwaitedIfTheyHaveBegunBefore) {
  Turns turns;
  turns.await();  // none
  std::optional<std::future<void>> waiting;
  std::atomic<bool> ended = false, seen_ended = false;
  {
    const Turns::Turn turn(turns);
    waiting = std::async(std::launch::async, [&] {
      turns.await();
      seen_ended = ended.load();
    });
    EXPECT_EQ(waiting->wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
    ended = true;
  }
  waiting->get();
  EXPECT_TRUE(seen_ended);
}

TEST(Turns, ThatBeginLaterHoldNobody) {
  Turns turns;
  std::optional<std::future<void>> waiting;
  std::optional<Turns::Turn> first, later;
  first.emplace(turns);
  waiting = std::async(std::launch::async, [&] { turns.await(); });
  EXPECT_EQ(waiting->wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  later.emplace(turns);
  first.reset();
  waiting->get();
}

TEST(Turns, OfWhoFailedHoldNobody) {
  Turns turns;
  const auto failing = [&] {
    const Turns::Turn turn(turns);
    throw std::runtime_error("no memory");
  };
  EXPECT_THROW(failing(), std::runtime_error);
  turns.await();
}

}  // namespace
}  // namespace mole::test
