#include "coordinator/leases/stager.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace mole::coordinator::leases {
namespace {

constexpr std::uint64_t file_bytes = 1000;

Digest key_of(std::size_t file) { return digest_of("file " + std::to_string(file)); }

// `tapes` tapes with `files` files in all. sequential: filled one after the other; otherwise in turn.
struct Archive {
  std::size_t files = 500, tapes = 12;
  bool sequential = true;

  Medium medium(std::size_t file) const {
    const auto tape = sequential ? file * tapes / files : file % tapes;
    return {"library", "T" + std::to_string(tape)};
  }
  MediumFile file(std::size_t number) const { return {key_of(number), medium(number), number, file_bytes, "flows"}; }
};

// Blocks of `length` files, of which the last one is the first file of the next block.
std::vector<WantedBlock> blocks_of(const Archive& archive, std::size_t first, std::size_t end, std::size_t length = 6) {
  std::vector<WantedBlock> blocks;
  for (auto from = first; from < end; from += length) {
    WantedBlock block{{0, static_cast<std::int64_t>(from)}, {}};
    for (auto f = from; f < std::min(from + length + 1, archive.files); ++f) block.files.push_back(archive.file(f));
    blocks.push_back(std::move(block));
  }
  return blocks;
}

// A node with a cache, and a library with drives. A file takes one unit of time, as does a block; `drives` batches run at a time.
class Simulation {
 public:
  Simulation(const Archive& archive, std::uint64_t cache_files, std::uint32_t drives = 2)
      : archive_(archive), limit_(cache_files * file_bytes), drives_(drives) {
    stager.set_node("n", limit_);
    stager.set_drives("library", drives);
  }

  void request(std::uint64_t id, std::vector<WantedBlock> blocks, std::int32_t priority = 0, bool in_order = false) {
    for (const auto& block : blocks) open_[id][block.ref] = block;
    in_order_[id] = in_order;
    stager.set_request(id, priority, in_order, std::move(blocks));
  }
  void withdraw(std::uint64_t id) {
    open_.erase(id);
    stager.drop(id);
    std::erase_if(running_, [&](const auto& batch) {
      if (stager.is_wanted(batch.number)) return false;
      stager.end(batch.number);
      return true;
    });
  }

  // One unit of time. Returns false if nothing happened.
  bool step() {
    bool moved = false;
    while (const auto batch = stager.next("n", 0, running_.empty() && !can_run())) {
      running_.push_back(*batch);
      for (const auto& other : running_)
        if (other.number != batch->number) EXPECT_NE(other.medium, batch->medium);
      const bool all_cached =
          std::ranges::all_of(batch->files, [&](const Digest& f) { return std::ranges::find(cache_, f) != cache_.end(); });
      if (!all_cached && std::find(mounted_.begin(), mounted_.end(), batch->medium.name) == mounted_.end()) {
        ++mounts;
        ++mounts_of[batch->medium.name];
        mounted_.push_front(batch->medium.name);
        if (mounted_.size() > drives_) {
          const auto idle = std::find_if(mounted_.rbegin(), mounted_.rend(), [&](const auto& name) {
            return std::none_of(running_.begin(), running_.end(), [&](const auto& r) { return r.medium.name == name; });
          });
          EXPECT_NE(idle, mounted_.rend()) << "more tapes are in use than there are drives";
          if (idle != mounted_.rend()) mounted_.erase(std::next(idle).base());
        }
      }
      moved = true;
    }
    EXPECT_LE(running_.size(), drives_);
    for (auto batch = running_.begin(); batch != running_.end();) {
      if (!batch->files.empty()) {
        fetch(batch->files.front());
        batch->files.erase(batch->files.begin());
        moved = true;
      }
      if (batch->files.empty()) {
        stager.end(batch->number);
        batch = running_.erase(batch);
      } else {
        ++batch;
      }
    }
    return run_one() || moved;
  }
  void finish() {
    while (step()) ++time;
  }

  Stager stager;
  std::size_t mounts = 0, fetched = 0, most_in_cache = 0, done = 0, time = 0, vanished = 0;
  std::map<std::string, std::size_t> mounts_of;
  std::map<std::uint64_t, std::size_t> done_at;  // by request: when its last block was done
  std::size_t left() const {
    std::size_t count = 0;
    for (const auto& [id, blocks] : open_) count += blocks.size();
    return count;
  }

 private:
  void fetch(const Digest& key) {
    if (std::ranges::find(cache_, key) != cache_.end()) {
      stager.add_ready("n", key);
      return;
    }
    ++fetched;
    // Files for which no space is reserved are evicted first, as in the cache of a node.
    while ((cache_.size() + 1) * file_bytes > limit_) {
      const auto victim = std::find_if(cache_.begin(), cache_.end(), [&](const Digest& file) { return !is_wanted(file); });
      vanished += victim == cache_.end();
      cache_.erase(victim == cache_.end() ? cache_.begin() : victim);
    }
    cache_.push_back(key);
    most_in_cache = std::max(most_in_cache, cache_.size());
    stager.add_ready("n", key);
  }
  bool is_wanted(const Digest& key) const {
    for (const auto& [id, blocks] : open_)
      for (const auto& [ref, block] : blocks)
        if (stager.has_space("n", id, ref))
          for (const auto& file : block.files)
            if (file.key == key) return true;
    return false;
  }
  bool may_run(std::uint64_t id, BlockRef ref) const {
    if (in_order_.at(id) && ref != open_.at(id).begin()->first) return false;
    return stager.may_run("n", id, ref);
  }
  bool can_run() const {
    for (const auto& [id, blocks] : open_)
      for (const auto& [ref, block] : blocks)
        if (may_run(id, ref)) return true;
    return false;
  }
  bool run_one() {
    for (auto& [id, blocks] : open_)
      for (auto& [ref, block] : blocks) {
        if (!may_run(id, ref)) continue;
        stager.finish(id, ref, true);
        blocks.erase(ref);
        ++done;
        done_at[id] = time;
        return true;
      }
    return false;
  }

  const Archive archive_;
  const std::uint64_t limit_;
  const std::uint32_t drives_;
  std::map<std::uint64_t, std::map<BlockRef, WantedBlock>> open_;
  std::map<std::uint64_t, bool> in_order_;
  std::vector<Batch> running_;
  std::deque<std::string> mounted_;
  std::vector<Digest> cache_;
};

TEST(Stager, MountsEachTapeOnceWithAnAmpleCache) {
  for (const bool sequential : {true, false}) {
    const Archive archive{500, 12, sequential};
    Simulation run(archive, 1000);
    run.request(1, blocks_of(archive, 0, 500));
    run.finish();
    EXPECT_EQ(run.left(), 0U);
    EXPECT_EQ(run.fetched, 500U);
    EXPECT_LE(run.mounts, 13U);
  }
}

TEST(Stager, FinishesInASmallCacheWithinItsLimit) {
  for (const bool sequential : {true, false})
    for (const bool in_order : {true, false})
      for (const std::size_t percent : {15, 3}) {
        const Archive archive{500, 12, sequential};
        Simulation run(archive, 5 * percent);
        run.request(1, blocks_of(archive, 0, 500), 0, in_order);
        run.finish();
        EXPECT_EQ(run.left(), 0U) << percent << " %";
        EXPECT_LE(run.most_in_cache, 5 * percent);
        EXPECT_EQ(run.vanished, 0U);
        EXPECT_LE(run.stager.reserved("n"), 0U);
        if (sequential) EXPECT_LE(run.mounts, percent == 15 ? 13U : 16U) << percent << " %";
      }
}

TEST(Stager, FetchesAFileOnceForTwoRequestsAndMountsItsTapeOnce) {
  const Archive archive;
  Simulation run(archive, 1000);
  run.request(1, blocks_of(archive, 0, 300));
  run.request(2, blocks_of(archive, 120, 420, 12));
  run.finish();
  EXPECT_EQ(run.left(), 0U);
  EXPECT_EQ(run.fetched, 421U);
  for (const auto& [tape, mounts] : run.mounts_of) EXPECT_EQ(mounts, 1U) << tape;
}

TEST(Stager, ServesALaterRequestWithTheMountOfAnEarlierOne) {
  const Archive archive{120, 3, true};
  Simulation run(archive, 1000);
  run.request(1, blocks_of(archive, 0, 120));
  for (int i = 0; i < 10; ++i) run.step();
  run.request(2, blocks_of(archive, 0, 120, 12));
  run.finish();
  EXPECT_EQ(run.fetched, 120U);
  EXPECT_EQ(run.mounts, 3U);
}

TEST(Stager, TakesTheTapeForWhichMostBlocksWait) {
  const Archive archive{60, 3, true};
  Stager stager;
  stager.set_node("n", 1'000'000);
  stager.set_request(1, 0, false, blocks_of(archive, 0, 6));
  stager.set_request(2, 0, false, blocks_of(archive, 22, 38, 4));
  const auto batch = stager.next("n", 0);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->medium.name, "T1");
  EXPECT_EQ(batch->files.front(), key_of(22));
  EXPECT_EQ(batch->files.size(), 17U);
}

TEST(Stager, PrefersTheTapeOfAHigherPriority) {
  const Archive archive{60, 3, true};
  Stager stager;
  stager.set_node("n", 1'000'000);
  stager.set_request(1, 0, false, blocks_of(archive, 0, 18));
  stager.set_request(2, 3, false, blocks_of(archive, 42, 48));
  EXPECT_EQ(stager.next("n", 0)->medium.name, "T2");
}

TEST(Stager, DoesNotLetARequestOfLowPriorityWaitForEver) {
  const Archive archive{4000, 40, true};
  Simulation run(archive, 60, 1);
  run.request(1, blocks_of(archive, 3990, 3996), -2);
  std::uint64_t id = 2;
  for (std::size_t i = 0; i < 600 && run.done_at[1] == 0; ++i) {
    // The requests of a higher priority, each for a tape of its own, keep the only drive busy.
    if (i % 25 == 0) {
      run.request(id, blocks_of(archive, id % 39 * 100 + 8, id % 39 * 100 + 32), 0);
      ++id;
    }
    run.step();
    ++run.time;
  }
  EXPECT_GT(run.done_at[1], 0U) << "still waiting after " << id << " other requests";
}

TEST(Stager, ReservesAllFilesOfABlockBeforeTheFirstOneIsFetched) {
  // Two blocks, each with files on both tapes; only one fits.
  Stager stager;
  stager.set_node("n", 6 * file_bytes);
  const auto block = [](std::int64_t number, std::size_t first) {
    WantedBlock out{{0, number}, {}};
    for (std::size_t f = first; f < first + 4; ++f)
      out.files.push_back({key_of(f), {"library", f % 2 == 0 ? "A" : "B"}, f, file_bytes, "flows"});
    return out;
  };
  stager.set_request(1, 0, false, {block(0, 0), block(1, 4)});
  const auto first = stager.next("n", 0), second = stager.next("n", 0);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->medium, second->medium);
  auto files = first->files;
  files.insert(files.end(), second->files.begin(), second->files.end());
  std::ranges::sort(files);
  std::vector<Digest> expected{key_of(0), key_of(1), key_of(2), key_of(3)};
  std::ranges::sort(expected);
  EXPECT_EQ(files, expected);
  EXPECT_EQ(stager.reserved("n"), 4 * file_bytes);
  EXPECT_FALSE(stager.next("n", 0));
}

TEST(Stager, ReleasesWhatOnlyAWithdrawnRequestWants) {
  const Archive archive{60, 3, true};
  Stager stager;
  stager.set_node("n", 1'000'000);
  stager.set_request(1, 0, false, blocks_of(archive, 0, 12));
  const auto batch = stager.next("n", 0);
  ASSERT_TRUE(batch);
  for (std::size_t f = 0; f < 9; ++f) stager.add_ready("n", key_of(f));
  stager.set_request(2, 0, false, blocks_of(archive, 6, 12));
  EXPECT_TRUE(stager.next("n", 0) == std::nullopt) << "the tape is in use";
  EXPECT_TRUE(stager.is_wanted(batch->number));
  stager.drop(1);
  EXPECT_TRUE(stager.is_wanted(batch->number)) << "request 2 wants the rest";
  const auto released = stager.take_released("n", "flows");
  const std::vector<Digest> expected{key_of(0), key_of(1), key_of(2), key_of(3), key_of(4), key_of(5)};
  for (const auto& key : expected) EXPECT_NE(std::ranges::find(released, key, &MediumFile::key), released.end());
  for (std::size_t f = 6; f < 9; ++f) EXPECT_EQ(std::ranges::find(released, key_of(f), &MediumFile::key), released.end());
  stager.drop(2);
  EXPECT_FALSE(stager.is_wanted(batch->number)) << "it fetches nothing that nobody wants";
  EXPECT_EQ(stager.reserved("n"), 0U);
}

TEST(Stager, ContinuesABatchOfWhichSomeFilesWereUsed) {
  const Archive archive{60, 1, true};
  Stager stager;
  stager.set_node("n", 1'000'000);
  stager.set_request(1, 0, false, blocks_of(archive, 0, 12));
  const auto batch = stager.next("n", 0);
  ASSERT_TRUE(batch);
  for (std::size_t f = 0; f < 7; ++f) stager.add_ready("n", key_of(f));
  stager.finish(1, {0, 0}, true);
  EXPECT_TRUE(stager.is_wanted(batch->number)) << "files 0 to 5 were used, the others are still to be fetched";
  stager.finish(1, {0, 6}, true);
  EXPECT_FALSE(stager.is_wanted(batch->number)) << "files 7 to 12 are to be fetched, but nobody wants them";
}

TEST(Stager, KeepsTheLimitOfDrivesOverNodesAndAfterARestart) {
  const Archive archive;
  Stager stager;
  stager.set_node("a", 1'000'000);
  stager.set_node("b", 1'000'000);
  stager.adopt("c", {"library", "T5"});
  stager.set_request(1, 0, false, blocks_of(archive, 0, 500));
  const auto batch = stager.next("a", 0);
  ASSERT_TRUE(batch);
  EXPECT_NE(batch->medium.name, "T5");
  EXPECT_FALSE(stager.next("b", 0));
  stager.end(batch->number);
  EXPECT_FALSE(stager.next("b", 0)) << "its tape is left to node a for a while";
  EXPECT_TRUE(stager.next("b", minute_us));
}

TEST(Stager, TriesAFileThreeTimesThenLetsItsBlockRun) {
  const Archive archive{6, 1, true};
  Stager stager;
  stager.set_node("n", 1'000'000);
  stager.set_request(1, 0, false, blocks_of(archive, 0, 6));
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto now = attempt * 100;
    const auto batch = stager.next("n", now);
    ASSERT_TRUE(batch) << attempt;
    for (const auto& key : batch->files)
      if (key == key_of(3))
        EXPECT_EQ(stager.add_failure(key, now + 50, false), attempt < 3);
      else
        stager.add_ready("n", key);
    stager.end(batch->number);
    EXPECT_FALSE(stager.next("n", now + 10)) << "too early";
  }
  EXPECT_TRUE(stager.may_run("n", 1, {0, 0}));
}

}  // namespace
}  // namespace mole::coordinator::leases
