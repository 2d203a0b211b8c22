// Several nodes that read the same tapes with few drives.
#include "coordinator/leases/stager.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

namespace mole::coordinator::leases {
namespace {

constexpr std::size_t files = 500, tapes = 12;

MediumFile file(std::size_t number) {
  return {digest_of("file " + std::to_string(number)), {"library", "T" + std::to_string(number % tapes)}, number, 1000, "flows"};
}

// Blocks of six files and the first one of the next block, on all tapes in turn.
std::vector<WantedBlock> blocks() {
  std::vector<WantedBlock> out;
  for (std::size_t from = 0; from < files; from += 6) {
    WantedBlock block{{0, static_cast<std::int64_t>(from)}, {}};
    for (auto f = from; f < std::min(from + 7, files); ++f) block.files.push_back(file(f));
    out.push_back(std::move(block));
  }
  return out;
}

// Two nodes share two drives; one batch ends each second.
TEST(StagerWithNodes, LeavesATapeInItsDriveToTheNodeThatReadsItNext) {
  Stager stager;
  for (const auto* node : {"a", "b"}) stager.set_node(node, 1'000'000);
  stager.set_drives("library", 2);
  stager.set_request(1, 0, false, blocks());
  std::vector<Batch> running;
  std::deque<std::string> in_drives;
  std::size_t mounts = 0, fetched = 0;
  Micros now = 0;
  for (bool moved = true; moved; now += second_us) {
    moved = false;
    for (const auto* node : {"a", "b"})
      while (const auto batch = stager.next(node, now)) {
        moved = true;
        running.push_back(*batch);
        if (std::ranges::find(in_drives, batch->medium.name) != in_drives.end()) continue;
        ++mounts;
        in_drives.push_front(batch->medium.name);
        if (in_drives.size() <= 2) continue;
        const auto idle = std::find_if(in_drives.rbegin(), in_drives.rend(), [&](const auto& name) {
          return std::ranges::none_of(running, [&](const Batch& r) { return r.medium.name == name; });
        });
        ASSERT_NE(idle, in_drives.rend());
        in_drives.erase(std::next(idle).base());
      }
    EXPECT_LE(running.size(), 2U);
    if (running.empty()) break;
    // One batch ends; the node that read it asks first.
    for (const auto& file : running.front().files) stager.add_ready(running.front().node, file);
    fetched += running.front().files.size();
    stager.end(running.front().number);
    running.erase(running.begin());
    moved = true;
  }
  EXPECT_GE(fetched, files);
  EXPECT_LE(fetched, files + 2);  // files on the border of two blocks may be read by both nodes
  EXPECT_LE(mounts, 13U);         // 12 tapes
}

TEST(StagerWithNodes, DoesNotWaitLongForANodeThatDoesNotAsk) {
  Stager stager;
  for (const auto* node : {"a", "silent"}) stager.set_node(node, 1'000'000);
  stager.set_drives("library", 1);
  stager.set_request(1, 0, false, blocks());
  const auto batch = stager.next("a", 0);
  ASSERT_TRUE(batch);
  for (const auto& file : batch->files) stager.add_ready("a", file);
  stager.end(batch->number);
  EXPECT_FALSE(stager.next("a", second_us));  // the other node is to read the rest of the tape
  EXPECT_TRUE(stager.next("a", minute_us));
}

}  // namespace
}  // namespace mole::coordinator::leases
