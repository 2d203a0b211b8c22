// Whether the time of the rest is estimated well after a first week was staged from a library that others use, too.
#include "coordinator/leases/staging_forecast.hpp"
#include "coordinator/leases/task_times.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numbers>
#include <random>

namespace mole::coordinator::leases {
namespace {

constexpr double hour = 3600;
constexpr std::size_t files_per_block = 24, blocks_per_week = 14, weeks = 4;
constexpr std::size_t files = weeks * blocks_per_week * files_per_block;  // of two routers, one an hour each
constexpr std::size_t tapes = 24;
constexpr double decoded_per_second = 25e6;  // by one slot

// What other users do. Each takes a drive for a tape, 10 minutes on average.
struct Others {
  double per_hour = 0;    // tapes, on average
  double by_day = 0;      // how much more at noon and less at midnight, 0..1
  double disorder = 0;    // standard deviation of the logarithm of an hourly factor, which has a half-life of 6.6 hours
  double trend = 1;       // factor after a day
  double slow_reads = 0;  // the same for the rate of the transfers
};

// Four drives, of which two may be used. Times as in `mole archive tape-library`.
class Library {
 public:
  Library(const Others& others, unsigned seed) : others_(others), random_(seed) {}

  // Returns the times at which the files of a batch are there.
  std::vector<double> read(double now, const std::string& tape, const std::vector<const MediumFile*>& batch) {
    admit_others(now);
    auto drive = std::ranges::find_if(drives_, [&](const Drive& d) { return d.tape == tape && d.free_at <= now; });
    double at = now;
    if (drive == drives_.end()) {
      drive = std::ranges::min_element(drives_, {}, &Drive::free_at);
      at = std::max(now, drive->free_at) + mount(*drive);
      drive->tape = tape;
      drive->position = 0;
    }
    std::vector<double> ends;
    for (const auto* file : batch) {
      const auto position = static_cast<double>(file->position) / static_cast<double>(files);
      at += 4 + 90 * std::abs(position - drive->position);
      at += static_cast<double>(file->size) / (10e6 * factor_at(at, others_.slow_reads, reads_));
      drive->position = position;
      ends.push_back(at);
    }
    drive->free_at = at;
    return ends;
  }

 private:
  struct Drive {
    std::string tape;
    double free_at = 0, position = 0;
  };

  double mount(const Drive& drive) { return (drive.tape.empty() ? 0 : 35 + 60 * drive.position) + 35; }

  // A factor that changes every hour, and is related to the one before it.
  double factor_at(double time, double disorder, std::vector<double>& hours) {
    std::normal_distribution<double> normal;
    while (static_cast<double>(hours.size()) * hour <= time)
      hours.push_back(hours.empty() ? normal(random_) : 0.9 * hours.back() + std::sqrt(1 - 0.81) * normal(random_));
    return std::exp(disorder * hours[static_cast<std::size_t>(time / hour)]);
  }

  double load_at(double time) {
    return others_.per_hour * (1 + others_.by_day * std::sin(2 * std::numbers::pi * time / (24 * hour))) *
           std::pow(others_.trend, time / (24 * hour)) * factor_at(time, others_.disorder, loads_);
  }

  // Others wait for a drive like everyone else.
  void admit_others(double now) {
    if (others_.per_hour == 0) return;
    std::exponential_distribution<double> hold(1 / 600.0), one(1);
    while (next_other_ <= now) {
      auto& drive = *std::ranges::min_element(drives_, {}, &Drive::free_at);
      drive.free_at = std::max(next_other_, drive.free_at) + mount(drive) + hold(random_);
      drive.tape = "other";
      drive.position = std::uniform_real_distribution<double>(0, 1)(random_);
      next_other_ += one(random_) * hour / std::max(0.1, load_at(next_other_));
    }
  }

  Others others_;
  std::mt19937_64 random_;
  std::array<Drive, 4> drives_;
  std::vector<double> loads_, reads_;
  double next_other_ = 1;
};

// A node that computes blocks, and fetches their files as the stager says.
class Run {
 public:
  Run(const Others& others, unsigned seed) : library_(others, seed), random_(seed + 1000) {
    std::lognormal_distribution<double> size(std::log(200e6), 0.3);
    for (std::size_t f = 0; f < files; ++f) {
      const auto router = f % 2, hours = f / 2;
      const auto tape = router * tapes / 2 + hours * tapes / files;
      files_.push_back({digest_of("file " + std::to_string(f)),
                        {"library", "T" + std::to_string(tape)},
                        hours * tapes % files,
                        static_cast<std::uint64_t>(size(random_)),
                        "flows"});
      by_key_.emplace(files_.back().key, f);
    }
    stager.set_node("n", cache);
    stager.set_drives("library", 2);
  }

  // The blocks of some weeks. Each reads the first hour after it, too.
  std::vector<WantedBlock> blocks_of(std::size_t first_week, std::size_t end) const {
    std::vector<WantedBlock> out;
    for (auto b = first_week * blocks_per_week; b < end * blocks_per_week; ++b) {
      auto& block = out.emplace_back(WantedBlock{{0, static_cast<std::int64_t>(b)}, {}});
      for (auto f = b * files_per_block; f < std::min(files, (b + 1) * files_per_block + 2); ++f)
        block.files.push_back(files_[f]);
    }
    return out;
  }

  // Runs a request to its end. Returns how long it took. `half_way`: called when half of its blocks have run.
  double run(std::uint64_t request, const std::vector<WantedBlock>& blocks, const std::function<void()>& half_way = {}) {
    const double begin = now_;
    std::map<BlockRef, std::uint64_t> waiting;
    for (const auto& block : blocks)
      for (const auto& file : block.files) waiting[block.ref] += file.size;
    stager.set_request(request, 0, false, blocks);
    std::vector<Computing> computing;
    std::size_t done = 0;
    while (done < blocks.size()) {
      for (auto block = waiting.begin(); block != waiting.end() && computing.size() < 4;) {
        if (!stager.may_run("n", request, block->first)) {
          ++block;
          continue;
        }
        const double seconds = static_cast<double>(block->second) / decoded_per_second * noise_(random_);
        times.add({"", "", false, 26, block->second, seconds, 0});
        computing.push_back({block->first, now_ + seconds});
        block = waiting.erase(block);
      }
      while (transfers_.size() < 2) {
        auto batch = stager.next("n", static_cast<Micros>(now_ * 1e6), computing.empty() && transfers_.empty());
        if (!batch) break;
        std::vector<const MediumFile*> of_batch;
        for (const auto& key : batch->files) of_batch.push_back(&files_[by_key_.at(key)]);
        auto ends = library_.read(now_, batch->medium.name, of_batch);
        transfers_.push_back({std::move(*batch), std::move(ends), 0, now_});
      }
      double next = 1e18;
      for (const auto& transfer : transfers_) next = std::min(next, transfer.ends[transfer.at]);
      for (const auto& block : computing) next = std::min(next, block.ends);
      if (next == 1e18) {
        ADD_FAILURE() << "nothing happens";
        return 0;
      }
      now_ = next;
      std::erase_if(transfers_, [&](Transfer& transfer) { return advance(transfer); });
      std::erase_if(computing, [&](const Computing& block) {
        if (block.ends > now_) return false;
        stager.finish(request, block.ref, true);
        if (++done == blocks.size() / 2 && half_way) half_way();
        return true;
      });
    }
    return now_ - begin;
  }

  double estimate(const std::vector<WantedBlock>& blocks) const { return estimate(blocks, times.rates_of("library")); }
  double estimate(std::vector<WantedBlock> blocks, const StagingRates& rates) const {
    const auto out = forecast({.blocks = std::move(blocks),
                               .nodes = {{"n", cache, 4}},
                               .held = stager.held(),
                               .drives = [](const std::string&, double) { return 2u; },
                               .rates = {{"library", rates}},
                               .compute_seconds_per_byte = 1 / times.decode_rate().bytes_per_second});
    return out.elapsed_seconds;
  }

  Stager stager;
  TaskTimes times;
  double now() const { return now_; }

 private:
  static constexpr std::uint64_t cache = files * std::uint64_t{200'000'000} / 4;
  struct Transfer {
    Batch batch;
    std::vector<double> ends;
    std::size_t at = 0;
    double begin = 0;
  };
  struct Computing {
    BlockRef ref;
    double ends;
  };

  bool advance(Transfer& transfer) {
    if (transfer.ends[transfer.at] > now_) return false;
    stager.add_ready("n", transfer.batch.files[transfer.at]);
    if (++transfer.at < transfer.ends.size()) return false;
    stager.end(transfer.batch.number);
    std::uint64_t bytes = 0;
    for (const auto& key : transfer.batch.files) bytes += files_[by_key_.at(key)].size;
    times.add({"library", transfer.batch.medium.name, transfer.batch.mounts, transfer.batch.files.size(), bytes,
               now_ - transfer.begin, 0});
    return true;
  }

  Library library_;
  std::mt19937_64 random_;
  std::lognormal_distribution<double> noise_{0, 0.1};
  std::vector<MediumFile> files_;
  std::map<Digest, std::size_t> by_key_;
  std::vector<Transfer> transfers_;
  double now_ = 0;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// The medians, over several seeds, of the relative errors of estimates.
struct Errors {
  double learned = 0;   // of the rest, after the first week
  double half_way = 0;  // of what is left when half of the rest is done
  double assumed = 0;   // as `learned`, with the assumptions
};

Errors errors_with(const Others& others) {
  std::vector<double> learned, half_way, assumed;
  for (unsigned seed = 1; seed <= 11; ++seed) {
    Run run(others, seed);
    run.run(1, run.blocks_of(0, 1));
    const auto rest = run.blocks_of(1, weeks);
    const double first = run.estimate(rest), without = run.estimate(rest, StagingRates{});
    double second = 0, begin = 0;
    const double seconds = run.run(2, rest, [&] {
      auto left = rest;
      std::erase_if(left, [&](const WantedBlock& block) { return !run.stager.waits(2, block.ref); });
      EXPECT_EQ(left.size(), rest.size() / 2);
      second = run.estimate(left);
      begin = run.now();
    });
    learned.push_back(std::abs(first / seconds - 1));
    assumed.push_back(std::abs(without / seconds - 1));
    half_way.push_back(std::abs(second / (run.now() - begin) - 1));
  }
  return {median(learned), median(half_way), median(assumed)};
}

class StagingEstimate : public testing::TestWithParam<Others> {};

TEST_P(StagingEstimate, AfterAFirstWeekIsRightForTheRest) {
  const auto errors = errors_with(GetParam());
  std::printf("median error %.1f %%, half way %.1f %%; with the assumptions %.1f %%\n", 100 * errors.learned,
              100 * errors.half_way, 100 * errors.assumed);
  EXPECT_LE(errors.learned, 0.2);
  EXPECT_LE(errors.half_way, 0.2);
  EXPECT_GT(errors.assumed, 0.3) << "the test is too easy";
}

constexpr Others nobody{}, constant{.per_hour = 8, .slow_reads = 0.1},
    changing{.per_hour = 8, .by_day = 0.8, .disorder = 0.5, .slow_reads = 0.2},
    growing{.per_hour = 4, .by_day = 0.5, .disorder = 0.5, .trend = 1.5, .slow_reads = 0.2};

INSTANTIATE_TEST_SUITE_P(Loads, StagingEstimate, testing::Values(nobody, constant, changing, growing));

}  // namespace
}  // namespace mole::coordinator::leases
