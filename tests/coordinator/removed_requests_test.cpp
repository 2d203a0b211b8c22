#include "coordinator/store/removed_requests.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace mole::test {
namespace {

using coordinator::store::RemovedRequests;

TEST(RemovedRequests, AreKeptAsRanges) {
  RemovedRequests removed("");
  for (const auto number : {3, 1, 2, 9, 7, 8, 5}) removed.add(static_cast<std::uint64_t>(number));
  EXPECT_EQ(removed.text(), "1-3 5-5 7-9");
}

TEST(RemovedRequests, ContainWhatWasAddedInAnyOrder) {
  std::mt19937 chance(5);
  std::set<std::uint64_t> added;
  RemovedRequests removed("");
  for (int i = 0; i < 2000; ++i) {
    const auto number = 1 + chance() % 500;
    added.insert(number);
    removed.add(number);
    if (i % 100 == 0) removed = RemovedRequests(removed.text());
    for (std::uint64_t n = 0; n <= 501; n += 1 + chance() % 50)
      ASSERT_EQ(removed.contains(n), added.contains(n)) << removed.text();
  }
}

}  // namespace
}  // namespace mole::test
