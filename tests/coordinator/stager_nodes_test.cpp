// The stager with several nodes.
#include "coordinator/leases/stager.hpp"

#include <gtest/gtest.h>

namespace mole::coordinator::leases {
namespace {

constexpr std::uint64_t file_bytes = 1000;

Digest key_of(std::size_t file) { return digest_of("file " + std::to_string(file)); }

// Blocks of `length` files, of which the last one is the first file of the next block; 20 files on each tape.
std::vector<WantedBlock> blocks_of(std::size_t first, std::size_t end, std::size_t length = 6) {
  std::vector<WantedBlock> blocks;
  for (auto from = first; from < end; from += length) {
    WantedBlock block{{0, static_cast<std::int64_t>(from)}, {}};
    for (auto f = from; f <= from + length; ++f)
      block.files.push_back({key_of(f), {"library", "T" + std::to_string(f / 20)}, f, file_bytes, "flows"});
    blocks.push_back(std::move(block));
  }
  return blocks;
}

TEST(StagerWithNodes, ReservesNoMoreThanItsCacheWhileTheDrivesAreBusy) {
  Stager stager;
  stager.set_node("a", 30 * file_bytes);
  stager.set_node("b", 30 * file_bytes);
  stager.set_drives("library", 1);
  stager.set_request(1, 0, false, blocks_of(0, 600));
  const auto batch = stager.next("a", 0, true);
  ASSERT_TRUE(batch);
  for (const auto& key : batch->files) {
    stager.add_ready("a", key);
    EXPECT_FALSE(stager.next("b", 0, true)) << "the drive is in use";
    ASSERT_LE(stager.reserved("b"), 30 * file_bytes);
  }
}

TEST(StagerWithNodes, FetchesAFileToOneNodeOnlyForTwoRequests) {
  Stager stager;
  stager.set_node("a", 1'000'000);
  stager.set_node("b", 1'000'000);
  stager.set_request(1, 0, false, blocks_of(0, 5, 5));
  const auto batch = stager.next("a", 0, true);
  ASSERT_TRUE(batch);
  stager.set_request(2, 0, false, blocks_of(0, 5, 5));
  for (const auto& key : batch->files) stager.add_ready("a", key);
  stager.end(batch->number);
  EXPECT_FALSE(stager.next("b", 0, true)) << "node a has the files";
}

TEST(StagerWithNodes, ABlockForALargerCacheDoesNotHoldBackTheOthers) {
  Stager stager;
  stager.set_node("small", 10 * file_bytes);
  stager.set_node("large", 100 * file_bytes);
  stager.set_request(1, 5, false, blocks_of(0, 19, 19));
  stager.set_request(2, 0, false, blocks_of(40, 46));
  const auto batch = stager.next("small", 0);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->medium.name, "T2");
}

TEST(StagerWithNodes, ReleasesWhatWasKeptForASecondRequestThatUsedTheSameTask) {
  Stager stager;
  stager.set_node("a", 1'000'000);
  for (const std::uint64_t request : {1, 2}) stager.set_request(request, 0, false, blocks_of(0, 6));
  const auto batch = stager.next("a", 0);
  ASSERT_TRUE(batch);
  for (const auto& key : batch->files) stager.add_ready("a", key);
  stager.end(batch->number);
  EXPECT_EQ(stager.shared_files("a", 1, {0, 0}).size(), 7U);
  for (const std::uint64_t request : {1, 2}) stager.finish(request, {0, 0}, true);
  EXPECT_EQ(stager.take_released("a", "flows").size(), 7U);
}

TEST(StagerWithNodes, ForgetsWhatALostNodeHeld) {
  Stager stager;
  stager.set_node("a", 1'000'000);
  stager.set_request(1, 0, false, blocks_of(0, 6));
  ASSERT_TRUE(stager.next("a", 0));
  for (std::size_t f = 0; f < 7; ++f) stager.add_ready("a", key_of(f));
  EXPECT_TRUE(stager.may_run("a", 1, {0, 0}));
  stager.remove_node("a");
  stager.set_node("b", 1'000'000);
  const auto batch = stager.next("b", 0);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->files.size(), 7U);
}

TEST(StagerWithNodes, KnowsWhatANodeHeldWhenItRegistered) {
  Stager stager;
  stager.set_node("a", 1'000'000);
  stager.set_node("b", 1'000'000);
  stager.set_cached("a", {key_of(5), key_of(0), key_of(1), key_of(2), key_of(6), key_of(77)});
  stager.set_request(1, 0, false, blocks_of(0, 6, 2));
  EXPECT_TRUE(stager.may_run("a", 1, {0, 0}));
  stager.set_cached("a", {key_of(3), key_of(4)});
  EXPECT_EQ(stager.take_staged().size(), 3U) << "when the request came, and when the others were named";
  EXPECT_FALSE(stager.next("b", 0)) << "node a has all files";
  stager.remove_node("a");
  const auto batch = stager.next("b", 0);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->files.size(), 7U);
}

TEST(StagerWithNodes, StopsTheNewestBatchesIfFewerDrivesMayBeUsed) {
  Stager stager;
  stager.set_node("a", 1'000'000);
  stager.set_request(1, 0, false, blocks_of(0, 60));
  stager.set_drives("library", 2);
  const auto first = stager.next("a", 0), second = stager.next("a", 0);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(stager.limit_batches("library", 2));
  EXPECT_TRUE(stager.limit_batches("library", 1));
  EXPECT_TRUE(stager.is_wanted(first->number));
  EXPECT_FALSE(stager.is_wanted(second->number));
  EXPECT_FALSE(stager.limit_batches("library", 1)) << "the second one ends already";
}

}  // namespace
}  // namespace mole::coordinator::leases
