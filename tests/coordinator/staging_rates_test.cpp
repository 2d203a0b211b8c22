// Rates that are learned from the times of completed tasks.
#include "coordinator/leases/task_times.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace mole::coordinator::leases {
namespace {

std::vector<StagedBatch> log_of(const StagingRates& truth, std::size_t batches, unsigned seed, double noise) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> error(1, noise);
  std::vector<StagedBatch> log;
  for (std::size_t i = 0; i < batches; ++i) {
    StagedBatch batch{random() % 3 != 0, 1 + random() % 40, 0, 0};
    batch.bytes = batch.files * (5'000'000 + random() % 50'000'000);
    batch.seconds = seconds_of(truth, batch.mounts, batch.files, batch.bytes) * std::max(0.1, error(random));
    log.push_back(batch);
  }
  return log;
}

double sum_of(const StagingRates& learned, const std::vector<StagedBatch>& log) {
  double sum = 0;
  for (const auto& batch : log) sum += seconds_of(learned, batch.mounts, batch.files, batch.bytes);
  return sum;
}
double sum_of(const std::vector<StagedBatch>& log) {
  double sum = 0;
  for (const auto& batch : log) sum += batch.seconds;
  return sum;
}

TEST(StagingRates, AreLearnedFromBatches) {
  for (const StagingRates& truth : {StagingRates{120, 2, 80e6}, StagingRates{20, 30, 10e6}, StagingRates{0.1, 1, 300e6}}) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      const auto log = log_of(truth, 60, seed, 0.15);
      const auto learned = learn_rates(log);
      EXPECT_EQ(learned.batches, 60u);
      EXPECT_LE(learned.low, 1);
      EXPECT_GE(learned.high, 1);
      const auto later = log_of(truth, 200, seed + 100, 0.15);
      EXPECT_NEAR(sum_of(learned, later) / sum_of(later), 1, 0.12) << "seed " << seed;
    }
    // Other batches than those they were learned from: one mount for each file.
    const auto learned = learn_rates(log_of(truth, 100, 7, 0.02));
    const std::vector<StagedBatch> single(50, {true, 1, 20'000'000, 0});
    EXPECT_NEAR(sum_of(learned, single) / sum_of(truth, single), 1, 0.3);
  }
}

TEST(StagingRates, FollowAChangedLoad) {
  auto log = log_of({60, 5, 40e6}, 100, 1, 0.1);
  const auto slow = log_of({120, 10, 20e6}, 100, 2, 0.1);
  log.insert(log.end(), slow.begin(), slow.end());
  EXPECT_NEAR(sum_of(learn_rates(log), slow) / sum_of(slow), 1, 0.12);
}

TEST(StagingRates, OfUnusualLogsAreFinite) {
  const StagingRates assumed;
  EXPECT_EQ(learn_rates({}).batches, 0u);
  EXPECT_EQ(learn_rates({}).mount_seconds, assumed.mount_seconds);
  for (const StagedBatch& batch :
       {StagedBatch{}, StagedBatch{true, 0, 0, 0}, StagedBatch{false, 0, 0, 5}, StagedBatch{true, 1, 0, 1e9},
        StagedBatch{false, 1, 1'000, 0}, StagedBatch{true, UINT32_MAX, UINT64_MAX / 2, 1e-9}}) {
    for (const std::size_t batches : {1u, 40u}) {
      const auto learned = learn_rates(std::vector<StagedBatch>(batches, batch));
      const double seconds = seconds_of(learned, true, 10, 1'000'000);
      EXPECT_TRUE(std::isfinite(seconds) && seconds >= 0) << seconds;
      EXPECT_TRUE(std::isfinite(learned.low) && std::isfinite(learned.high));
    }
  }
}

TEST(StagingRates, TellHowMuchTimesDiffer) {
  const StagingRates truth{60, 5, 40e6};
  const auto steady = learn_rates(log_of(truth, 200, 1, 0)), noisy = learn_rates(log_of(truth, 200, 1, 0.6));
  EXPECT_NEAR(steady.low, 1, 0.01);
  EXPECT_NEAR(steady.high, 1, 0.01);
  EXPECT_LT(noisy.low, 0.9);
  EXPECT_GT(noisy.high, 1.1);
}

TEST(DecodeRate, IsThatOfTheLatestTasks) {
  std::vector<StagedBatch> log(100, {false, 1, 100'000, 1});
  EXPECT_NEAR(learn_decode_rate(log).bytes_per_second, 100'000, 1e-3);
  EXPECT_NEAR(learn_decode_rate(log).high, 1, 1e-6);
  log.insert(log.end(), 150, {false, 1, 100'000, 2});
  const auto rate = learn_decode_rate(log);
  EXPECT_NEAR(rate.bytes_per_second, 50'000, 5'000);
  EXPECT_EQ(rate.tasks, 250u);
  EXPECT_LT(rate.low, 0.6) << "some tasks took half as long";
  EXPECT_EQ(learn_decode_rate({}).tasks, 0u);
}

class FetchTime : public testing::Test {
 protected:
  FetchTime() {
    grant.kind = task::Kind::fetch;
    grant.library = "library";
    grant.medium = "T1";
    grant.mounts = true;
    grant.files.resize(3);
    for (const double seconds : {90, 5, 6}) {
      auto& file = report.fetched.emplace_back();
      file.size = file.bytes = 1'000;
      file.outcome = task::FetchOutcome::fetched;
      file.wait_seconds = seconds;
      file.transfer_seconds = 1;
    }
  }
  std::optional<TimedTask> time() const { return fetch_time_of(grant, report); }

  tasks::Grant grant;
  task::Report report;
};

TEST_F(FetchTime, IsTheSumOfWaitsAndTransfers) {
  ASSERT_TRUE(time());
  EXPECT_EQ(time()->library, "library");
  EXPECT_EQ(time()->medium, "T1");
  EXPECT_TRUE(time()->mounts);
  EXPECT_EQ(time()->files, 3u);
  EXPECT_EQ(time()->bytes, 3'000u);
  EXPECT_EQ(time()->seconds, 104);
}

TEST_F(FetchTime, CountsOnlyTransferredFiles) {
  report.fetched[0].outcome = task::FetchOutcome::cached;
  report.fetched[2].outcome = task::FetchOutcome::columns;
  ASSERT_TRUE(time());
  EXPECT_EQ(time()->files, 1u);
  EXPECT_EQ(time()->bytes, 1'000u);
  EXPECT_EQ(time()->seconds, 6);
  report.fetched[1].bytes = 2'500;  // it was transferred again: the file counts once, with all of the time
  EXPECT_EQ(time()->bytes, 1'000u);
}

TEST_F(FetchTime, IsUnknownIfTheTaskCannotBeComparedWithOthers) {
  const auto whole = report;
  report.fetched[1].outcome = task::FetchOutcome::failed;
  EXPECT_FALSE(time()) << "a file failed";
  report = whole;
  report.code = task::FailureCode::cancelled;
  EXPECT_FALSE(time()) << "cancelled";
  report = whole;
  for (auto& file : report.fetched) file.outcome = task::FetchOutcome::cached;
  EXPECT_FALSE(time()) << "nothing was transferred";
  report = {};
  EXPECT_FALSE(time()) << "an empty report";
  for (const double impossible : {-1.0, 1e9, std::nan(""), std::numeric_limits<double>::infinity()}) {
    report = whole;
    report.fetched[2].transfer_seconds = impossible;
    EXPECT_FALSE(time()) << impossible;
  }
  report = whole;
  grant.files.clear();
  EXPECT_FALSE(time()) << "granted before a restart: whether it mounted the tape is not known";
}

TEST(DecodeTime, IsThatOfTasksThatDecodedAllFiles) {
  task::Spec spec;
  task::Report report;
  report.files.resize(2);
  for (auto& file : report.files) file.source = task::FlowSource::archive;
  report.bytes_read = 1'000;
  report.seconds = 2;
  ASSERT_TRUE(decode_time_of(spec, report));
  EXPECT_EQ(decode_time_of(spec, report)->library, "");
  EXPECT_EQ(decode_time_of(spec, report)->bytes, 1'000u);
  EXPECT_EQ(decode_time_of(spec, report)->seconds, 2);
  spec.files.resize(1);
  spec.files[0].medium = "T1";
  EXPECT_FALSE(decode_time_of(spec, report)) << "it may have waited for the tape";
  spec.staged = {0};
  EXPECT_TRUE(decode_time_of(spec, report));
  report.files[1].source = task::FlowSource::columns;
  EXPECT_FALSE(decode_time_of(spec, report)) << "columns are read much faster";
  report.files.pop_back();
  report.code = task::FailureCode::crashed;
  EXPECT_FALSE(decode_time_of(spec, report));
  report.code = task::FailureCode::none;
  report.bytes_read = 0;
  EXPECT_FALSE(decode_time_of(spec, report)) << "a merge reads no files";
}

TimedTask of(const std::string& library, double seconds) { return {library, "T1", true, 1, 1'000, seconds, 0}; }

TEST(TaskTimes, KeepTheLatestTasksOfEachLibrary) {
  TaskTimes times;
  for (std::size_t i = 0; i < TaskTimes::max_tasks; ++i) EXPECT_TRUE(times.add(of("a", 100)).dropped.empty());
  EXPECT_TRUE(times.add(of("b", 10)).dropped.empty());
  const auto added = times.add(of("a", 100));
  EXPECT_EQ(added.number, TaskTimes::max_tasks + 2);
  EXPECT_EQ(added.dropped, std::vector<std::uint64_t>{1});
  EXPECT_EQ(times.rates_of("a").batches, TaskTimes::max_tasks);
  EXPECT_EQ(times.rates_of("b").batches, 1u);
  EXPECT_EQ(times.rates_of("c").batches, 0u);
  EXPECT_EQ(times.rates_of("").batches, 0u);
  EXPECT_GT(times.rates_of("a").mount_seconds, times.rates_of("b").mount_seconds);
}

TEST(TaskTimes, ForgetTheLibraryThatWasNotUsedForTheLongestTime) {
  TaskTimes times;
  times.add({"", "", false, 1, 1'000, 1, 0});
  for (std::size_t i = 0; i < TaskTimes::max_libraries; ++i) times.add(of("library " + std::to_string(i), 1));
  times.add(of("library 0", 1));
  EXPECT_EQ(times.add(of("another", 1)).dropped, std::vector<std::uint64_t>{3});
  EXPECT_EQ(times.rates_of("library 1").batches, 0u);
  EXPECT_EQ(times.rates_of("library 0").batches, 2u);
  EXPECT_EQ(times.decode_rate().tasks, 1u);
}

TEST(TaskTimes, AreTheSameAfterARestart) {
  TaskTimes before, after;
  std::vector<std::pair<std::uint64_t, TimedTask>> rows;
  for (std::size_t i = 0; i < 40; ++i) {
    const auto task = of("a", 50 + static_cast<double>(i));
    rows.emplace_back(before.add(task).number, nlohmann::json(task).get<TimedTask>());
  }
  for (const auto& [number, task] : rows) EXPECT_TRUE(after.restore(number, task).empty());
  EXPECT_EQ(after.rates_of("a").mount_seconds, before.rates_of("a").mount_seconds);
  EXPECT_EQ(after.add(of("a", 1)).number, 41u);
}

}  // namespace
}  // namespace mole::coordinator::leases
