// The figure of what nodes did over time.
#include "cli/plot/load_lines.hpp"

#include "cli/plot/plot.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace mole::cli {
namespace {

using coordinator::LoadHistory;
using coordinator::LoadSample;

constexpr Micros start = 1190484000 * second_us;  // 2007-09-22T18:00:00Z

LoadSample minute(int i, double cache, std::uint64_t fetched = 0, std::uint64_t flows = 0) {
  return {.from = start + i * minute_us,
          .to = start + (i + 1) * minute_us,
          .heartbeats = 6,
          .measured_seconds = 60,
          .cache_bytes = cache,
          .cache_limit = 1'000,
          .cache_most = static_cast<std::uint64_t>(cache),
          .fetched_bytes = fetched,
          .decoded_flows = flows};
}

const Series& find(const std::vector<Series>& lines, const std::string& column, const std::string& group) {
  static const Series none;
  for (const auto& line : lines)
    if (line.column == column && line.group == group) return line;
  ADD_FAILURE() << "no line " << column << " of " << group;
  return none;
}

TEST(LoadLines, AreOneOfEachKindAndNode) {
  const LoadHistory history{{{"a", {minute(0, 100, 600, 60), minute(1, 200)}}, {"b", {minute(0, 300), minute(1, 300)}}}};
  const auto lines = load_lines(history);
  EXPECT_EQ(lines.size(), 7u) << "one limit for both";
  EXPECT_EQ(*find(lines, "cache", "a").points.at(1).value, 200);
  EXPECT_EQ(find(lines, "cache", "a").unit, "B");
  EXPECT_EQ(*find(lines, "cache", "limit").points.at(1).value, 1'000);
  EXPECT_EQ(find(lines, "cache", "limit").points.size(), 2u);
  EXPECT_EQ(*find(lines, "fetched", "a").points.at(0).value, 10);
  EXPECT_EQ(find(lines, "fetched", "a").unit, "B/s");
  EXPECT_EQ(*find(lines, "decoded", "a").points.at(0).value, 1);
  EXPECT_EQ(*find(lines, "decoded", "b").points.at(0).value, 0);
  const auto svg = plot_svg(lines, {.title = "caches"});
  for (const char* text : {">cache [kB]<", ">fetched [B/s]<", ">decoded [flow/s]<", ">limit<", ">a<", ">b<"})
    EXPECT_NE(svg.find(text), std::string::npos) << text << "\n" << svg;
}

TEST(LoadLines, LimitsThatDifferAreLinesOfTheirOwn) {
  LoadHistory history{{{"a", {minute(0, 100)}}, {"b", {minute(0, 300)}}}};
  history.nodes[1].samples[0].cache_limit = 500;
  const auto lines = load_lines(history);
  EXPECT_EQ(lines.size(), 8u);
  EXPECT_EQ(*find(lines, "cache", "limit of b").points.at(0).value, 500);
}

TEST(LoadLines, AMinuteThatWasNotMeasuredIsAGap) {
  auto unheard = minute(2, 0, 600);
  unheard.heartbeats = unheard.measured_seconds = 0;
  const LoadHistory history{{{"a", {minute(0, 100), unheard, minute(5, 100)}}}};
  const auto lines = load_lines(history);
  EXPECT_FALSE(find(lines, "cache", "a").points.at(1).value);
  EXPECT_FALSE(find(lines, "decoded", "a").points.at(1).value) << "nothing is known, which is not zero";
  EXPECT_EQ(*find(lines, "fetched", "a").points.at(1).value, 10) << "reported later";
  EXPECT_EQ(gaps_of(find(lines, "cache", "a"), {start, start + 6 * minute_us}),
            (std::vector<TimeRange>{{start + minute_us, start + 5 * minute_us}}));
}

TEST(LoadLines, AnHourOfWhichAPartWasMeasuredHasThatCoverage) {
  LoadSample hour{.from = start,
                  .to = start + hour_us,
                  .heartbeats = 90,
                  .measured_seconds = 900,
                  .cache_bytes = 100,
                  .cache_limit = 1'000,
                  .fetched_bytes = 9'000};
  const auto lines = load_lines({{{"a", {hour}}}});
  EXPECT_EQ(find(lines, "cache", "a").points.at(0).coverage, 0.25);
  EXPECT_EQ(*find(lines, "fetched", "a").points.at(0).value, 10) << "while it was heard";
}

TEST(LoadLines, AbsurdSamplesStillMakeAFigure) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  LoadSample absurd{.from = start,
                    .to = start + minute_us,
                    .heartbeats = most,
                    .measured_seconds = most,
                    .cache_bytes = std::numeric_limits<double>::infinity(),
                    .cache_limit = -1,
                    .cache_most = most,
                    .fetched_bytes = most,
                    .decoded_flows = most};
  const LoadSample backwards{.from = start + hour_us, .to = start, .heartbeats = 1};
  const auto svg = plot_svg(load_lines({{{"<a & b>", {absurd, minute(1, 100), backwards}}, {"", {}}}}));
  EXPECT_TRUE(svg.starts_with("<svg")) << svg.substr(0, 100);
  EXPECT_TRUE(svg.find("</svg>") != std::string::npos);
  EXPECT_EQ(svg.find("<a &"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  EXPECT_TRUE(load_lines({}).empty());
}

}  // namespace
}  // namespace mole::cli
