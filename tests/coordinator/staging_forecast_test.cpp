#include "coordinator/leases/staging_forecast.hpp"

#include <gtest/gtest.h>

#include <algorithm>

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

constexpr StagingRates rates{60, 4, 20e6};

ForecastInput input_of(std::vector<WantedBlock> blocks, std::uint64_t cache = 1'000 * file_bytes, std::uint32_t drives = 2) {
  return {std::move(blocks), false, {{"n", cache, 4}}, drives, rates, 1 / 100e6};
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

}  // namespace
}  // namespace mole::coordinator::leases
