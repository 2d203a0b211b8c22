// Samples of what nodes do, and what they say about the bound.
#include "coordinator/leases/node_load.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mole::coordinator::leases {
namespace {

constexpr Micros noon = 1'000'000 * hour_us;

LoadSample sum_of(const Minutes& minutes) {
  LoadSample out;
  for (const auto& [from, sample] : minutes) merge(sample, out);
  return out;
}

task::FetchReport fetched(std::uint64_t bytes, double wait, double transfer) {
  task::FetchReport out;
  out.size = out.bytes = bytes;
  out.outcome = task::FetchOutcome::fetched;
  out.wait_seconds = wait;
  out.transfer_seconds = transfer;
  return out;
}

TEST(NodeLoad, IsASampleOfItsMinute) {
  const auto minutes =
      minutes_of({.cache_bytes = 30, .cache_limit = 40, .slots = 4, .busy_slots = 3, .fetches = 2, .busy_fetches = 1},
                 {.waiting = true}, noon + 59 * second_us);
  ASSERT_EQ(minutes.size(), 1u);
  const auto& sample = minutes.at(noon);
  EXPECT_EQ(sample.from, noon);
  EXPECT_EQ(sample.to, noon + minute_us);
  EXPECT_EQ(sample.heartbeats, 1u);
  EXPECT_EQ(sample.measured_seconds, 60u);
  EXPECT_EQ(sample.cache_bytes, 30);
  EXPECT_EQ(sample.cache_most, 30u);
  EXPECT_EQ(sample.cache_limit, 40);
  EXPECT_EQ(sample.busy_slots, 3);
  EXPECT_EQ(sample.busy_fetches, 1);
  EXPECT_EQ(sample.waiting, 1);
  EXPECT_EQ(sample.unfetched, 0);
}

TEST(NodeLoad, SamplesOfAMinuteHaveMeansAndTheLargestSize) {
  LoadSample minute{.from = noon, .to = noon + minute_us};
  for (const std::uint64_t bytes : {10, 40, 10})
    for (const auto& [from, sample] :
         minutes_of({.cache_bytes = bytes, .cache_limit = 100, .slots = 2, .busy_slots = 1}, {}, noon))
      merge(sample, minute);
  EXPECT_EQ(minute.heartbeats, 3u);
  EXPECT_DOUBLE_EQ(minute.cache_bytes, 20);
  EXPECT_EQ(minute.cache_most, 40u);
  EXPECT_DOUBLE_EQ(minute.busy_slots, 1);
  EXPECT_EQ(minute.measured_seconds, 60u);
}

TEST(NodeLoad, MinutesOfAnHourAddUp) {
  LoadSample hour{.from = noon, .to = noon + hour_us};
  for (int m = 0; m < 30; ++m) {
    LoadSample minute{.from = noon + m * minute_us, .to = noon + (m + 1) * minute_us, .fetched_bytes = 7};
    for (int beat = 0; beat < (m < 10 ? 6 : 0); ++beat)
      for (const auto& [from, sample] : minutes_of({.cache_bytes = 5, .slots = 1}, {}, minute.from)) merge(sample, minute);
    merge(minute, hour);
  }
  EXPECT_EQ(hour.heartbeats, 60u);
  EXPECT_EQ(hour.measured_seconds, 600u) << "minutes without heartbeats were not measured";
  EXPECT_DOUBLE_EQ(hour.cache_bytes, 5) << "and do not count as an empty cache";
  EXPECT_EQ(hour.fetched_bytes, 210u);
}

TEST(NodeLoad, TransfersAreDatedBackwardsFromTheReport) {
  task::Report report;
  report.fetched = {fetched(600, 90, 60), fetched(1'000, 30, 120)};
  const auto minutes = minutes_of(report, noon);
  const auto all = sum_of(minutes);
  EXPECT_EQ(all.fetched_bytes, 1'600u);
  EXPECT_NEAR(all.wait_seconds, 120, 1e-6);
  EXPECT_NEAR(all.transfer_seconds, 180, 1e-6);
  EXPECT_EQ(minutes.at(noon - minute_us).fetched_bytes, 500u);
  EXPECT_EQ(minutes.at(noon - 2 * minute_us).fetched_bytes, 500u);
  EXPECT_EQ(minutes.at(noon - 3 * minute_us).fetched_bytes, 300u) << "30 s of wait after 30 s of the first transfer";
  EXPECT_EQ(minutes.at(noon - 4 * minute_us).fetched_bytes, 300u);
  EXPECT_EQ(minutes.size(), 5u);
  EXPECT_EQ(all.heartbeats, 0u);
  EXPECT_EQ(all.measured_seconds, 0u);
}

TEST(NodeLoad, PartsAddUpToTheWhole) {
  for (const std::uint64_t bytes : {1ull, 7ull, 1'000'003ull, 999'999'999'999ull}) {
    task::Report report;
    report.fetched = {fetched(bytes, 0.001, 12'345.678)};
    EXPECT_EQ(sum_of(minutes_of(report, noon + 17)).fetched_bytes, bytes);
  }
}

TEST(NodeLoad, DecodedFilesCountOverTheRunOfTheTask) {
  task::Report report;
  report.seconds = 120;
  report.files.resize(3);
  report.files[0].size = report.files[1].size = report.files[2].size = 100;
  report.files[0].flows = report.files[1].flows = report.files[2].flows = 10;
  report.files[0].source = report.files[1].source = task::FlowSource::archive;
  report.files[2].source = task::FlowSource::columns;
  const auto minutes = minutes_of(report, noon);
  EXPECT_EQ(minutes.size(), 2u);
  EXPECT_EQ(minutes.at(noon - minute_us).decoded_bytes, 100u);
  EXPECT_EQ(minutes.at(noon - minute_us).decoded_flows, 10u);
  EXPECT_EQ(sum_of(minutes).decoded_bytes, 200u) << "columns are not decoded again";
}

TEST(NodeLoad, AbsurdValuesAreLimited) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  constexpr auto slots = std::numeric_limits<std::uint32_t>::max();
  LoadSample hour{.from = noon, .to = noon + hour_us};
  for (int i = 0; i < 100; ++i) {
    for (const auto& [from, sample] : minutes_of(
             {.cache_bytes = most, .cache_limit = 1, .slots = 1, .busy_slots = slots, .fetches = slots, .busy_fetches = slots},
             {}, noon))
      merge(sample, hour);
    task::Report report;
    report.seconds = -std::numeric_limits<double>::infinity();
    report.files.resize(2);
    for (auto& file : report.files) file = {.size = most, .flows = most, .source = task::FlowSource::archive};
    report.fetched = {fetched(most, std::nan(""), 1e300), fetched(most, -1, std::numeric_limits<double>::infinity())};
    const auto minutes = minutes_of(report, noon);
    EXPECT_LE(minutes.size(), 1'442u) << "at most a day";
    for (const auto& [from, sample] : minutes) merge(sample, hour);
  }
  EXPECT_EQ(hour.cache_most, std::uint64_t{1} << 60);
  EXPECT_EQ(hour.fetched_bytes, std::uint64_t{1} << 60);
  EXPECT_EQ(hour.decoded_flows, std::uint64_t{1} << 60);
  EXPECT_TRUE(std::isfinite(hour.cache_bytes) && hour.cache_bytes > 0);
  EXPECT_EQ(hour.busy_slots, 1) << "no more than there are";
  EXPECT_TRUE(std::isfinite(hour.wait_seconds) && std::isfinite(hour.transfer_seconds));
}

struct BoundCase {
  const char* what;
  LoadSample recent;
  double wait_seconds, transfer_seconds;  // in the last hour
  Bound bound;
};

TEST(BoundOf, FollowsItsTable) {
  constexpr std::uint64_t beats = 30;
  const std::vector<BoundCase> cases = {
      {"nothing is known", {}, 0, 0, Bound::unknown},
      {"too few heartbeats", {.heartbeats = 5, .slots = 4, .busy_slots = 4}, 0, 0, Bound::unknown},
      {"a node without slots", {.heartbeats = beats, .fetches = 4, .waiting = 1}, 0, 0, Bound::unknown},
      {"all slots compute", {.heartbeats = beats, .slots = 4, .busy_slots = 4}, 0, 0, Bound::cpu},
      {"also if files are on tapes",
       {.heartbeats = beats, .slots = 4, .busy_slots = 3, .waiting = 1, .unfetched = 1},
       9,
       0,
       Bound::cpu},
      {"nothing to do", {.heartbeats = beats, .slots = 4}, 9, 9, Bound::idle},
      {"a last task", {.heartbeats = beats, .slots = 4, .busy_slots = 0.01}, 9, 9, Bound::idle},
      {"one task after the other", {.heartbeats = beats, .slots = 32, .busy_slots = 1}, 0, 0, Bound::cpu},
      {"tapes are read",
       {.heartbeats = beats, .slots = 4, .busy_slots = 1, .fetches = 4, .busy_fetches = 2, .waiting = 1},
       90,
       10,
       Bound::tape},
      {"nothing was transferred yet",
       {.heartbeats = beats, .slots = 4, .fetches = 4, .busy_fetches = 2, .waiting = 1},
       0,
       0,
       Bound::tape},
      {"transfers take longer",
       {.heartbeats = beats, .slots = 4, .fetches = 4, .busy_fetches = 2, .waiting = 1},
       10,
       90,
       Bound::network},
      {"drives are free, slots are not",
       {.heartbeats = beats, .slots = 4, .fetches = 2, .busy_fetches = 2, .waiting = 1, .unfetched = 1},
       90,
       10,
       Bound::network},
      {"drives and slots are free",
       {.heartbeats = beats, .slots = 4, .busy_slots = 2, .fetches = 4, .busy_fetches = 1, .waiting = 1, .unfetched = 0.8},
       90,
       10,
       Bound::cache},
      {"no node fetches", {.heartbeats = beats, .slots = 4, .waiting = 1, .unfetched = 1}, 0, 0, Bound::unknown},
      {"only for moments",
       {.heartbeats = beats, .slots = 4, .fetches = 4, .busy_fetches = 1, .waiting = 1, .unfetched = 0.2},
       90,
       10,
       Bound::tape},
  };
  for (const auto& each : cases) {
    const LoadSample hour{.wait_seconds = each.wait_seconds, .transfer_seconds = each.transfer_seconds};
    EXPECT_EQ(name_of(bound_of(each.recent, hour)), std::string(name_of(each.bound))) << each.what;
  }
}

}  // namespace
}  // namespace mole::coordinator::leases
