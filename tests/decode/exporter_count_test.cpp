#include "runtime/decode/exporter_count.hpp"

#include <gtest/gtest.h>

namespace mole::runtime {
namespace {

TEST(ExporterCount, CountsExportersWhoseDatagramsAlternate) {
  ExporterCount count;
  EXPECT_EQ(count.count(), 0u);
  for (int minute = 0; minute < 60; ++minute)
    for (std::uint32_t exporter = 0; exporter < 3; ++exporter) count.add(exporter, minute * minute_us);
  EXPECT_EQ(count.count(), 3u);
}

TEST(ExporterCount, CountsARestartedExporterOnce) {
  ExporterCount count;
  for (int minute = 0; minute < 60; ++minute) count.add(minute < 30 ? 0 : 1, minute * minute_us);
  count.add(0, 31 * minute_us);  // overtaken
  EXPECT_EQ(count.count(), 1u);
}

TEST(ExporterCount, LeavesOutSingleDatagrams) {
  ExporterCount count;
  for (int minute = 0; minute < 60; ++minute) count.add(0, minute * minute_us);
  count.add(7, 0);
  count.add(7, 59 * minute_us);
  count.add(1'000'000, 30 * minute_us);
  EXPECT_EQ(count.count(), 1u);
}

}  // namespace
}  // namespace mole::runtime
