#include "coordinator/leases/staging_forecast.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace mole::coordinator::leases {
namespace {

constexpr std::uint64_t file_bytes = 20'000'000;

MediumFile file_of(std::size_t number, std::size_t files, std::size_t tapes, bool sequential = true) {
  const auto tape = sequential ? number * tapes / files : number % tapes;
  return {digest_of("file " + std::to_string(number)), {"library", "T" + std::to_string(tape)}, number, file_bytes, "flows"};
}

std::vector<WantedBlock> blocks_of(std::size_t files, std::size_t tapes, bool sequential = true) {
  constexpr std::size_t length = 6;
  std::vector<WantedBlock> out;
  for (std::size_t from = 0; from < files; from += length) {
    auto& block = out.emplace_back(WantedBlock{{0, static_cast<std::int64_t>(from)}, {}});
    for (auto f = from; f < std::min(from + length + 1, files); ++f) block.files.push_back(file_of(f, files, tapes, sequential));
  }
  return out;
}

constexpr StagingRates rates{60, 4, 20e6, 1, 1, 100};

ForecastInput input_of(std::vector<WantedBlock> blocks, std::uint64_t cache = 1'000 * file_bytes, std::uint32_t drives = 2) {
  return {.blocks = std::move(blocks),
          .nodes = {{"n", cache, 4}},
          .drives = [drives](const std::string&, double) { return drives; },
          .rates = {{"library", rates}},
          .compute_seconds_per_byte = 1 / 100e6};
}

TEST(StagingForecast, WithAnAmpleCacheDrivesAreTheLimit) {
  for (const bool sequential : {true, false}) {
    double before = 1e18;
    for (const std::uint32_t drives : {1u, 2u, 3u, 6u}) {
      const auto out = forecast(input_of(blocks_of(500, 12, sequential), 1'000 * file_bytes, drives));
      EXPECT_TRUE(out.complete);
      EXPECT_EQ(out.files, 500u);
      EXPECT_EQ(out.bytes, 500 * file_bytes);
      EXPECT_EQ(out.media, 12u);
      EXPECT_GE(out.mounts, 12u);
      EXPECT_LE(out.mounts, 13u);
      const double drive_seconds = static_cast<double>(out.mounts) * 60 + 500 * (4 + 1);
      EXPECT_NEAR(out.drive_seconds, drive_seconds, 1);
      EXPECT_GE(out.staged_seconds, drive_seconds / drives - 1);
      EXPECT_LE(out.staged_seconds, 1.15 * drive_seconds / drives + 60) << drives;
      EXPECT_LT(out.staged_seconds, before) << "another drive makes it faster";
      EXPECT_GE(out.elapsed_seconds, out.staged_seconds);
      before = out.staged_seconds;
    }
  }
}

TEST(StagingForecast, ASmallCacheIsNeverExceeded) {
  for (const std::uint64_t files : {15u, 75u}) {
    const auto out = forecast(input_of(blocks_of(500, 12), files * file_bytes));
    EXPECT_EQ(out.media, 12u);
    EXPECT_GE(out.files, 500u);
    EXPECT_GT(out.cache_bytes, 0u);
    EXPECT_LE(out.cache_bytes, files * file_bytes);
  }
}

TEST(StagingForecast, SlowComputationIsTheLimit) {
  auto input = input_of(blocks_of(120, 4));
  input.compute_seconds_per_byte = 1e-5;  // 1,400 s a block, longer than all transfers
  auto more = input;
  const auto one = forecast(std::move(input));
  EXPECT_GT(one.elapsed_seconds, 2 * one.staged_seconds);
  EXPECT_NEAR(one.elapsed_seconds, one.compute_seconds / 4, 2'000) << "four slots";
  more.nodes.push_back({"m", 1'000 * file_bytes, 4});
  EXPECT_LT(forecast(std::move(more)).elapsed_seconds, 0.7 * one.elapsed_seconds);
}

TEST(StagingForecast, NothingToFetchCostsNothing) {
  const auto out = forecast(input_of({}));
  EXPECT_EQ(out.files + out.mounts + out.media + out.cache_bytes, 0u);
  EXPECT_EQ(out.elapsed_seconds, 0);
}

TEST(StagingForecast, OfMoreBlocksThanAreSimulatedIsInProportion) {
  const auto out = forecast(input_of(blocks_of(6 * 2 * max_forecast_blocks, 400), UINT64_MAX / 4));
  EXPECT_FALSE(out.complete);
  EXPECT_NEAR(static_cast<double>(out.files), 12.0 * max_forecast_blocks, 20);
}

TEST(StagingForecast, FilesThatNodesHoldCostNothing) {
  const auto blocks = blocks_of(500, 12);
  const auto all = forecast(input_of(blocks));
  auto half = input_of(blocks);
  for (std::size_t f = 0; f < 250; ++f) half.held.emplace_back(f % 2 ? "n" : "a node that has left", file_of(f, 500, 12).key);
  const auto rest = forecast(std::move(half));
  EXPECT_EQ(rest.files, 250u);
  EXPECT_EQ(rest.media, 6u);
  EXPECT_NEAR(rest.drive_seconds, all.drive_seconds / 2, 100);
  EXPECT_NEAR(rest.compute_seconds, all.compute_seconds, 1) << "they are decoded";
  auto held = input_of(blocks);
  for (std::size_t f = 0; f < 500; ++f) held.held.emplace_back("n", file_of(f, 500, 12).key);
  const auto computing = forecast(std::move(held));
  EXPECT_EQ(computing.files, 0u);
  EXPECT_NEAR(computing.elapsed_seconds, computing.compute_seconds / 4, 10) << "four slots";
}

TEST(StagingForecast, DrivesMayDependOnTheTimeOfDay) {
  constexpr double day = 86'400;
  const auto blocks = blocks_of(500, 12);
  auto input = input_of(blocks);
  const double always = forecast(std::move(input)).elapsed_seconds;
  input = input_of(blocks);
  input.drives = [](const std::string&, double seconds) { return std::fmod(seconds, day) < day / 2 ? 0u : 2u; };
  EXPECT_NEAR(forecast(std::move(input)).elapsed_seconds, day / 2 + always, 600);
  input = input_of(blocks);
  input.drives = [](const std::string&, double seconds) { return seconds < 600 ? 2u : 1u; };
  EXPECT_GT(forecast(std::move(input)).elapsed_seconds, 1.4 * always);
  input = input_of(blocks);
  input.drives = [](const std::string&, double) { return 0u; };
  EXPECT_EQ(forecast(std::move(input)).files, 0u) << "it ends";
}

TEST(StagingForecast, BlocksLargerThanEveryCacheFetchTheirFilesThemselves) {
  const auto out = forecast(input_of(blocks_of(60, 2), 5 * file_bytes));
  EXPECT_GE(out.files, 60u);
  EXPECT_EQ(out.media, 2u);
  EXPECT_GE(out.mounts, 10u) << "each mounts its tape";
  EXPECT_GT(out.elapsed_seconds, out.drive_seconds / 4);
}

TEST(StagingForecast, LibrariesHaveTheirOwnRates) {
  const auto both = [](const std::string& slow) {
    auto input = input_of(blocks_of(60, 2));
    for (std::size_t b = 5; b < input.blocks.size(); ++b)
      for (auto& file : input.blocks[b].files) file.medium.library = "other";
    input.rates["other"] = rates;
    input.rates[slow].file_seconds *= 10;
    return forecast(std::move(input));
  };
  const auto first = both("library"), second = both("other");
  EXPECT_NEAR(first.drive_seconds + second.drive_seconds, 6 * 60 + 60 * (41 + 5), 10);
  EXPECT_EQ(first.files, second.files);
}

}  // namespace
}  // namespace mole::coordinator::leases
