#include "cli/plot/plot.hpp"

#include "cli/export/column.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <limits>

namespace mole::cli {
namespace {

constexpr Micros start = 1190484000 * second_us;  // 2007-09-22T18:00:00Z
constexpr Micros quarter = 15 * minute_us;

Point point(int i, std::optional<double> value, double coverage = 1) {
  return {start + i * quarter, start + (i + 1) * quarter, value, coverage};
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++found;
  return found;
}

// Returns the path data of the first path of this class.
std::string path(const std::string& svg, const std::string& name) {
  const auto mark = svg.find("\" class=\"" + name + "\"");
  if (mark == std::string::npos) return "";
  const auto begin = svg.rfind("d=\"", mark) + 3;
  return svg.substr(begin, mark - begin);
}

// Checks that tags are nested correctly, attributes are quoted, and text has no unescaped markup.
bool well_formed(const std::string& svg) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < svg.size();) {
    if (svg[at] != '<') {
      if (svg[at] == '>') return false;
      if (svg[at] == '&' && svg.find(';', at) > at + 6) return false;
      ++at;
      continue;
    }
    const auto end = svg.find('>', at);
    if (end == std::string::npos) return false;
    const auto tag = svg.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos || count(tag, "\"") % 2 != 0) return false;
    const auto name = tag.substr(tag[0] == '/', tag.find_first_of(" /", 1) - (tag[0] == '/'));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    at = end + 1;
  }
  return open.empty();
}

TEST(Plot, DrawsOneLineWithoutGaps) {
  const std::vector<Series> series{{"bytes", "B", "", {point(0, 1), point(1, 2), point(2, 3)}}};
  const auto svg = plot_svg(series, {.title = "traffic"});
  EXPECT_TRUE(well_formed(svg));
  EXPECT_EQ(path(svg, "whole"), "M178.67 185.33L420 118.67L661.33 52");
  EXPECT_EQ(count(svg, "class=\"gap\""), 0u);
  EXPECT_EQ(count(svg, "class=\"coverage\""), 0u);
  EXPECT_EQ(count(svg, "class=\"partial\""), 0u);
  EXPECT_NE(svg.find(">bytes [B]<"), std::string::npos);
  EXPECT_NE(svg.find(">2007-09-22 18:00 to 2007-09-22 18:45 UTC<"), std::string::npos);
}

TEST(Plot, BreaksTheLineAtEveryKindOfGap) {
  const std::vector<Point> absent{point(0, 1), point(1, 2), point(3, 3), point(4, 4)};
  const std::vector<Point> null{point(0, 1), point(1, 2), point(2, std::nullopt), point(3, 3), point(4, 4)};
  const std::vector<Point> uncovered{point(0, 1), point(1, 2), point(2, 0, 0), point(3, 3), point(4, 4)};
  const std::vector<Point> infinite{point(0, 1), point(1, 2), point(2, std::numeric_limits<double>::infinity()), point(3, 3),
                                    point(4, 4)};
  for (const auto& points : {absent, null, uncovered, infinite}) {
    const std::vector<Series> series{{"x", "", "", points}};
    const auto svg = plot_svg(series);
    EXPECT_EQ(count(path(svg, "whole"), "M"), 2u);
    EXPECT_EQ(count(path(svg, "whole"), "L"), 2u);
    EXPECT_EQ(count(svg, "<rect x=\"347.6\" y=\"52\" width=\"144.8\" height=\"200\" class=\"gap\""), 1u);
  }
}

TEST(Plot, ShadesTimesOfTheRangeWithoutPoints) {
  const std::vector<Series> series{{"x", "", "", {point(1, 1), point(2, 2)}}};
  const auto svg = plot_svg(series, {.range = {start, start + 4 * quarter}});
  EXPECT_EQ(count(svg, "class=\"gap\""), 2u);
}

TEST(Plot, DrawsPartialCoverageLighterWithAStrip) {
  const std::vector<Series> series{{"x", "", "", {point(0, 1), point(1, 2), point(2, 3, 0.5), point(3, 4), point(4, 5)}}};
  const auto svg = plot_svg(series);
  EXPECT_EQ(count(path(svg, "partial"), "L"), 2u);
  EXPECT_EQ(count(path(svg, "whole"), "L"), 2u);
  EXPECT_EQ(count(svg, "class=\"hollow\""), 1u);
  EXPECT_EQ(count(svg, "class=\"coverage\""), 5u);  // complete, a mixed pixel, half, a mixed pixel, complete
  EXPECT_NE(svg.find("part of the input is missing"), std::string::npos);
}

TEST(Plot, DrawsPointsBelowTheLimitLighterAndKeepsTheStrip) {
  std::vector<Series> series{{"x", "", "", {point(0, 1, 0.2), point(1, 2, 0.5), point(2, 3, 0.6), point(3, 4, 0.7)}}};
  series[0].pale_below = 0;
  auto svg = plot_svg(series);
  EXPECT_EQ(path(svg, "partial"), "");
  EXPECT_EQ(count(path(svg, "whole"), "L"), 3u);
  EXPECT_GT(count(svg, "class=\"coverage\""), 2u);
  EXPECT_EQ(svg.find("part of the input is missing"), std::string::npos);
  EXPECT_NE(svg.find(">strips below the plot: coverage<"), std::string::npos);
  series[0].pale_below = 0.4;
  svg = plot_svg(series);
  EXPECT_EQ(count(path(svg, "partial"), "L"), 1u);
  EXPECT_EQ(count(path(svg, "whole"), "L"), 2u);
}

TEST(Plot, DrawsASinglePointAsACircle) {
  const std::vector<Series> series{{"x", "", "", {point(0, 1), point(2, 2, 0.5)}}};
  const auto svg = plot_svg(series);
  EXPECT_EQ(count(svg, "<circle"), 3u);  // filled, hollow, and the one in the notes
  EXPECT_EQ(path(svg, "whole"), "");
}

TEST(Plot, UsesTheSameColourForAGroupInEveryPanel) {
  std::vector<Series> series;
  for (const auto* column : {"bytes", "flows"})
    for (const auto* group : {"r1", "r2"}) series.push_back({column, "", group, {point(0, 1), point(1, 2)}});
  const auto svg = plot_svg(series);
  EXPECT_EQ(count(svg, "class=\"series\" stroke=\"#0072b2\""), 2u);
  EXPECT_EQ(count(svg, "class=\"series\" stroke=\"#d55e00\""), 2u);
  EXPECT_EQ(count(svg, ">r1<"), 1u);
}

TEST(Plot, DistinguishesGapsOfOneGroupFromGapsOfAll) {
  const std::vector<Series> series{{"x", "", "a", {point(0, 1), point(1, 1), point(3, 1)}},
                                   {"x", "", "b", {point(0, 1), point(3, 1)}}};
  const auto svg = plot_svg(series);
  EXPECT_EQ(count(svg, "class=\"some-gap\""), 1u);
  EXPECT_EQ(count(svg, "class=\"gap\""), 1u);
}

std::vector<Series> one_line() { return {{"x", "", "", {point(0, 1), point(1, 2)}}}; }

// Position of the text that contains `what`.
std::pair<double, double> text_at(const std::string& svg, const std::string& what) {
  const auto begin = svg.rfind("<text x=\"", svg.find(what, svg.find("</title>")));
  double x = 0, y = 0;
  EXPECT_EQ(std::sscanf(svg.c_str() + begin, "<text x=\"%lf\" y=\"%lf\"", &x, &y), 2);
  return {x, y};
}

TEST(Plot, WritesTheRangeBesideAShortTitle) {
  const auto svg = plot_svg(one_line(), {.title = "border/traffic"});
  EXPECT_EQ(text_at(svg, "border/traffic").second, text_at(svg, "2007-09-22 18:00 to").second);
}

TEST(Plot, WritesTheRangeBelowATitleThatReachesIt) {
  const auto title = "border/mean, with --set modules.mean.window=1d";
  const auto svg = plot_svg(one_line(), {.title = title});
  EXPECT_GE(text_at(svg, "2007-09-22 18:00 to").second, text_at(svg, title).second + 15);
  EXPECT_TRUE(well_formed(svg));
}

TEST(Plot, WrapsALongTitleAtSpaces) {
  std::string title = "border/mean, with";
  for (int i = 0; i < 12; ++i) title += " --set modules.mean.window=" + std::to_string(i) + "d";
  for (const int width : {400, 800}) {
    const auto svg = plot_svg(one_line(), {.title = title, .width = width});
    double last = 0;
    for (int i = 0; i < 12; ++i) {
      const auto y = text_at(svg, "window=" + std::to_string(i) + "d").second;
      EXPECT_GE(y, last) << i;
      last = y;
    }
    EXPECT_GT(last, 40);
    EXPECT_GE(text_at(svg, "2007-09-22 18:00 to").second, last);
    for (auto at = svg.find("font-weight=\"bold\">"); at != std::string::npos; at = svg.find("font-weight=\"bold\">", at + 1))
      EXPECT_LT((svg.find('<', at) - at - 19) * 8, static_cast<std::size_t>(width)) << svg.substr(at, 200);
  }
}

TEST(Plot, SplitsATitleWithoutSpacesBetweenCharacters) {
  std::string title;
  for (int i = 0; i < 200; ++i) title += "\u00fc";
  const auto svg = plot_svg(one_line(), {.title = title});
  EXPECT_TRUE(well_formed(svg));
  EXPECT_EQ(count(svg, "\ufffd"), 0u);
  EXPECT_EQ(count(svg, "\u00fc"), 400u);  // the title of the document has them too
}

TEST(Plot, EscapesAllText) {
  const std::vector<Series> series{{"<script>", "\"&\"", std::string("\x01\xff", 2), {point(0, 1)}}};
  const auto svg = plot_svg(series, {.title = "</svg>"});
  EXPECT_TRUE(well_formed(svg));
  EXPECT_EQ(count(svg, "<script"), 0u);
  EXPECT_EQ(count(svg, "</svg>"), 1u);
  EXPECT_EQ(count(svg, "\xff"), 0u);
}

TEST(Plot, ReportsThatThereIsNoData) {
  EXPECT_NE(plot_svg({}).find(">no data<"), std::string::npos);
  const std::vector<Series> empty{{"x", "B", "", {}}};
  EXPECT_NE(plot_svg(empty).find(">no data<"), std::string::npos);
  const std::vector<Series> gap{{"x", "B", "", {point(0, 7, 0)}}};
  EXPECT_NE(plot_svg(gap).find(">no data<"), std::string::npos);
}

TEST(Plot, StaysSmallForAYearOfMinutes) {
  Series series{"x", "B", "", {}};
  for (int i = 0; i < 365 * 1440; ++i)
    series.points.push_back({start + i * minute_us, start + (i + 1) * minute_us, static_cast<double>(i % 1000 * 7919 % 1000), 1});
  const auto svg = plot_svg({&series, 1});
  EXPECT_LT(svg.size(), 100'000u);
  EXPECT_EQ(svg, plot_svg({&series, 1}));
}

TEST(Plot, ListsOnlyTheFirstOfManyGroupsInTheLegend) {
  std::vector<Series> series;
  for (int i = 0; i < 30; ++i) series.push_back({"x", "", "group " + std::to_string(i), {point(0, i), point(1, i)}});
  const auto svg = plot_svg(series);
  EXPECT_NE(svg.find(">and 6 more<"), std::string::npos);
  EXPECT_EQ(count(svg, "class=\"series\""), 30u);
}

std::vector<Series> two_by_two() {
  std::vector<Series> series;
  for (const auto* column : {"bytes", "flows"})
    for (const auto* group : {"in", "out"})
      series.push_back({column, *column == 'b' ? "B" : "flow", group, {point(0, 10), point(1, *group == 'i' ? 20 : 90)}});
  return series;
}

TEST(Plot, DistributesLinesOverPanels) {
  const auto panels = [](PanelOf of) {
    const auto svg = plot_svg(two_by_two(), {.panel_of = of});
    EXPECT_TRUE(well_formed(svg));
    EXPECT_EQ(count(svg, "class=\"series\""), 4u);
    std::string headings;
    for (auto at = svg.find("font-weight=\"bold\">", svg.find("font-size=\"15\"") + 40); at != std::string::npos;
         at = svg.find("font-weight=\"bold\">", at + 1))
      headings += svg.substr(at + 19, svg.find('<', at) - at - 19) + "; ";
    return headings;
  };
  EXPECT_EQ(panels(PanelOf::column), "bytes [B]; flows [flow]; ");
  EXPECT_EQ(panels(PanelOf::group), "in [B]; out [B]; in [flow]; out [flow]; ");  // units are never mixed
  EXPECT_EQ(panels(PanelOf::each), "bytes, in [B]; bytes, out [B]; flows, in [flow]; flows, out [flow]; ");
  EXPECT_EQ(panels(PanelOf::all), "[B]; [flow]; ");
}

TEST(Plot, SharesTheValueAxisOfPanelsWithTheSameColumns) {
  const auto svg = plot_svg(two_by_two(), {.panel_of = PanelOf::each, .across = 2});
  EXPECT_EQ(count(svg, ">100<"), 4u);  // also in panels with values up to 20
  EXPECT_EQ(count(svg, ">15<"), 0u);
}

TEST(Plot, PutsPanelsSideBySideAndLabelsTimesBelowTheLowestPanels) {
  std::vector<Series> series;
  for (int i = 0; i < 7; ++i) series.push_back({"c" + std::to_string(i), "", "", {point(0, 1), point(1, 2)}});
  const auto svg = plot_svg(series, {.across = 3});
  EXPECT_TRUE(well_formed(svg));
  EXPECT_EQ(count(svg, ">18:00<"), 3u);
  EXPECT_LT(plot_svg(series, {.across = 7}).size(), svg.size() + 2000);
}

TEST(Plot, PutsEqualRatiosAtEqualDistancesOnALogarithmicAxis) {
  const std::vector<Series> series{{"x", "", "", {point(0, 1), point(1, 100), point(2, 10'000)}}};
  const auto svg = plot_svg(series, {.log = true});
  EXPECT_EQ(path(svg, "whole"), "M178.67 252L420 152L661.33 52");
}

TEST(Plot, DrawsZeroAsAWedgeOnALogarithmicAxis) {
  const std::vector<Series> series{
      {"x", "", "", {point(0, 1), point(1, 10), point(2, 0), point(3, -5), point(4, 10), point(5, 1)}}};
  const auto svg = plot_svg(series, {.log = true});
  EXPECT_EQ(count(svg, "class=\"wedge\""), 2u);
  EXPECT_EQ(count(path(svg, "whole"), "M"), 2u);
  EXPECT_NE(svg.find(">zero or below<"), std::string::npos);
  EXPECT_EQ(count(svg, "class=\"gap\""), 0u);  // there is a value
  const std::vector<Series> nothing{{"x", "", "", {point(0, 0)}}};
  EXPECT_TRUE(well_formed(plot_svg(nothing, {.log = true})));
}

TEST(Plot, DrawsABandWhereBothEdgesExist) {
  std::vector<Series> series{{"x", "B", "", {point(0, 5), point(1, 5), point(2, 5), point(3, 5), point(4, 5)}}};
  const std::vector<Series> low{{"low", "B", "", {point(0, 4), point(1, 4), point(3, 4), point(4, 0)}}},
      high{{"high", "B", "", {point(0, 6), point(1, 6), point(2, 6), point(3, 6), point(4, 10)}}};
  ASSERT_TRUE(add_band(series, low, high, "normal"));
  const auto svg = plot_svg(series);
  EXPECT_EQ(path(svg, "band").find("Z"), path(svg, "band").rfind("M") - 1);  // two areas, separated by the gap
  EXPECT_EQ(count(path(svg, "band"), "L"), 6u);
  EXPECT_EQ(count(svg, ">normal<"), 1u);
  EXPECT_EQ(count(svg, ">x</text>"), 1u);                              // the legend also lists the line
  EXPECT_NE(svg.find(">10<"), std::string::npos);                      // the axis includes the band
  EXPECT_EQ(add_band(series, low, high).error().code, Code::invalid);  // the only column of that unit already has a band
}

TEST(Plot, RingsMarkedPoints) {
  std::vector<Series> series{{"x", "B", "a", {point(0, 5), point(1, 5), point(2, std::nullopt)}}, {"x", "B", "b", {point(1, 5)}}};
  const std::vector<Series> flags{{"odd", "", "a", {point(0, 0), point(1, 1), point(2, 1)}},
                                  {"odd", "", "b", {point(1, std::nullopt)}}};
  add_marks(series, flags, 0);
  const auto svg = plot_svg(series, {.marks = {"odd"}});
  EXPECT_TRUE(well_formed(svg));
  EXPECT_EQ(count(svg, "class=\"mark\""), 2u);
  for (const auto* name : {">odd<", ">a<", ">b<"}) EXPECT_EQ(count(svg, name), 1u) << name;
}

TEST(Plot, RingsOnlyTheFirstColumnAndFramesDensePoints) {
  Series value{"x", "B", "", {}}, expected{"y", "B", "", {}}, flags{"odd", "", "", {}};
  for (int i = 0; i < 600; ++i) {
    value.points.push_back(point(i, 5));
    expected.points.push_back(point(i, 6));
    flags.points.push_back(point(i, i < 300));
  }
  std::vector<Series> series{value, expected};
  add_marks(series, {flags}, 0);
  const auto svg = plot_svg(series, {.panel_of = PanelOf::all, .marks = {"odd"}});
  EXPECT_TRUE(well_formed(svg));
  EXPECT_EQ(count(svg, "class=\"marks\""), 1u);  // 1.2 pixels apart: one frame, labelled with their count
  EXPECT_EQ(count(svg, ">300</text>"), 1u);
  EXPECT_EQ(count(svg, "class=\"mark\""), 0u);
}

TEST(Plot, FramesNeighbouringMarksAndRingsTheOthers) {
  Series value{"x", "B", "", {}};
  for (int i = 0; i < 200; ++i) {
    value.points.push_back(point(i, 5));
    value.points.back().marks = i == 20 || (i >= 100 && i < 103) || i == 180;
  }
  const auto svg = plot_svg({&value, 1}, {.marks = {"odd"}});
  EXPECT_EQ(count(svg, "class=\"mark\""), 2u);
  EXPECT_EQ(count(svg, "class=\"marks\""), 1u);
  EXPECT_EQ(count(svg, "class=\"mark-count\""), 1u);
  EXPECT_EQ(count(svg, ">3</text>"), 1u);
}

TEST(Plot, KeepsDatesInsideTheFigure) {
  const std::vector<Series> series{{"x", "B", "", {point(0, 5), point(23, 6)}}};  // 18:00 to midnight
  const auto svg = plot_svg(series);
  const auto date = svg.find(">23 Sep 2007</text>");
  ASSERT_NE(date, std::string::npos);
  const auto x = std::stod(svg.substr(svg.rfind("x=\"", date) + 3));
  EXPECT_LT(x + 11 * 6.4 / 2, 800);
  EXPECT_NE(svg.find(">00:00</text>"), std::string::npos);
}

TEST(Plot, ShadesTimeRangesWithoutOverlappingLabels) {
  const std::vector<Series> series{{"x", "", "", {point(0, 1), point(9, 2)}}};
  const std::vector<Shade> shades{{"a name of some length", {start, start + quarter}},
                                  {"<scan>", {start + quarter, start + 2 * quarter}},
                                  {"outside", {0, quarter}}};
  const auto svg = plot_svg(series, {.shades = shades});
  EXPECT_TRUE(well_formed(svg));
  EXPECT_EQ(count(svg, "class=\"shade\""), 2u);
  EXPECT_EQ(count(svg, "class=\"shade-label\""), 2u);
  EXPECT_EQ(count(svg, "y=\"64\" class=\"shade-label\""), 1u);
  EXPECT_EQ(count(svg, "y=\"76\" class=\"shade-label\""), 1u);
}

TEST(Plot, OverlaysWeeksFromMondayToSunday) {
  // Three weeks of hours from 2007-09-22T18:00, a Saturday, with a gap in the second week.
  Series series{"flows", "flow", "", {}};
  for (int h = 0; h < 3 * 168; ++h)
    if (h < 200 || h >= 230) series.points.push_back({start + h * hour_us, start + (h + 1) * hour_us, h, 1});
  const auto svg = plot_svg({&series, 1}, {.overlay = Cycle::week});
  EXPECT_TRUE(well_formed(svg));
  EXPECT_EQ(count(svg, "class=\"series\""), 4u);  // the first and the last week are incomplete
  for (const auto* name : {">17 Sep 2007<", ">24 Sep 2007<", ">8 Oct 2007<", ">Mon<", ">Sun<"})
    EXPECT_EQ(count(svg, name), 1u) << name;
  EXPECT_EQ(count(svg, "class=\"gap\""), 0u);  // every hour has a value in some week
  // Later lines are drawn on top and are thinner, so none is hidden.
  double width = 5;
  for (auto at = svg.find("class=\"whole\""); at != std::string::npos; at = svg.find("class=\"whole\"", at + 1)) {
    const auto next = std::stod(svg.substr(svg.find("stroke-width=\"", at) + 14));
    EXPECT_LT(next, width);
    EXPECT_GE(next, 1);
    width = next;
  }
  EXPECT_LT(width, 1.5);
  EXPECT_EQ(count(svg, "class=\"coverage\""), 0u);
  const auto lines = overlaid({&series, &series + 1}, Cycle::week);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].points.front().from, cycle_range(Cycle::week).from + 5 * day_us + 18 * hour_us);
  EXPECT_EQ(lines[1].points.front().from, cycle_range(Cycle::week).from);
  EXPECT_EQ(lines[1].points.size(), 168u);
  EXPECT_EQ(lines[2].points.size(), 138u);
  EXPECT_EQ(count(path(plot_svg({&lines[2], 1}), "whole"), "M"), 2u);   // interrupted by the gap
  EXPECT_EQ(overlaid({&series, &series + 1}, Cycle::day).size(), 22u);  // the gap covers no full day
}

TEST(Plot, ColoursManyWeeksFromLightToDark) {
  Series series{"flows", "", "", {}};
  for (int d = 0; d < 7 * 12; ++d) series.points.push_back({start + d * day_us, start + (d + 1) * day_us, d, 1});
  const auto svg = plot_svg({&series, 1}, {.overlay = Cycle::week});
  EXPECT_NE(svg.find("stroke=\"#9ecae1\""), std::string::npos);
  EXPECT_NE(svg.find("stroke=\"#540863\""), std::string::npos);
}

TEST(SeriesOf, BuildsOneLinePerGroup) {
  using I = std::vector<std::int64_t>;
  runtime::RowTable rows;
  rows.columns = {{"interval_start", "time", "", "", I{start, start, start + quarter}, {}},
                  {"interval_end", "time", "", "", I{start + quarter, start + quarter, start + 2 * quarter}, {}},
                  {"router", "text", "", "", std::vector<std::string>{"r1", "r2", "r1"}, {}},
                  {"port", "u64", "", "", std::vector<std::uint64_t>{80, 80, 80}, {}},
                  {"bytes", "u64", "B", "", std::vector<std::uint64_t>{1, 2, 3}, {1, 0, 1}},
                  {"coverage", "f64", "1", "", std::vector<double>{1, 0.5, 0.25}, {}}};
  const auto series = series_of(rows, {"router", "port"}, {"bytes"});
  ASSERT_TRUE(series) << series.error().message;
  ASSERT_EQ(series->size(), 2u);
  EXPECT_EQ(series->at(0).group, "r1, 80");
  EXPECT_EQ(series->at(0).unit, "B");
  ASSERT_EQ(series->at(0).points.size(), 2u);
  EXPECT_EQ(series->at(0).points[1].value, 3.0);
  EXPECT_EQ(series->at(0).points[1].coverage, 0.25);
  EXPECT_FALSE(series->at(1).points[0].value);
  EXPECT_EQ(series_of(rows, {"router"}, {"octets"}).error().message,
            "no column is named 'octets'; available: interval_start, interval_end, router, port, bytes and coverage");
  EXPECT_EQ(series_of(rows, {"router"}, {"router"}).error().code, Code::invalid);
  rows.columns.push_back({"odd", "bool", "", "", I{0, 1, 1}, {}});
  EXPECT_EQ(series_of(rows, {}, {"odd"})->at(0).points[1].value, 1.0);
  rows.columns.push_back({"label", "text", "", "", std::vector<std::string>{"", "dns", ""}, {}});
  const auto labels = series_of(rows, {"label"}, {"bytes"});
  ASSERT_EQ(labels->size(), 2u);
  EXPECT_EQ(labels->at(0).group, "(none)");
  EXPECT_EQ(labels->at(1).group, "dns");
}

// A value of an open dimension that has no row in an interval with coverage did not occur: that is not a gap.
TEST(SeriesOf, GroupsWithoutARowInACoveredIntervalHaveNoGap) {
  using I = std::vector<std::int64_t>;
  const auto at = [](int i) { return start + i * quarter; };
  const auto rows_of = [&](std::vector<std::string> routers) {
    runtime::RowTable rows;
    // Group 47 has no row in intervals 1 to 3; nothing was read in interval 2; interval 4 has no row at all.
    rows.columns = {{"interval_start", "time", "", "", I{at(0), at(0), at(1), at(2), at(3), at(5), at(5)}, {}},
                    {"interval_end", "time", "", "", I{at(1), at(1), at(2), at(3), at(4), at(6), at(6)}, {}},
                    {"router", "text", "", "", std::move(routers), {}},
                    {"protocol", "u64", "", "", std::vector<std::uint64_t>{6, 47, 6, 6, 6, 6, 47}, {}},
                    {"bytes", "u64", "B", "", std::vector<std::uint64_t>{1, 2, 3, 0, 4, 5, 6}, {}},
                    {"coverage", "f64", "1", "", std::vector<double>{1, 1, 0.5, 0, 1, 1, 1}, {}}};
    return rows;
  };
  const TimeRange range{at(0), at(6)};
  const auto gaps = [&](const std::vector<std::string>& by, std::vector<std::string> routers) {
    const auto series = *series_of(rows_of(std::move(routers)), by, {"bytes"});
    EXPECT_EQ(series.back().points.size(), 2u);
    return gaps_of(series.back(), range);
  };
  const std::vector<TimeRange> real{{at(2), at(3)}, {at(4), at(5)}};
  EXPECT_EQ(gaps({"protocol"}, std::vector<std::string>(7, "")), real);
  EXPECT_EQ(gaps({"router", "protocol"}, std::vector<std::string>(7, "r1")), real);
  // The rows of another router say nothing about this one.
  EXPECT_EQ(gaps({"router", "protocol"}, {"r2", "r1", "r2", "r2", "r2", "r2", "r1"}), (std::vector<TimeRange>{{at(1), at(5)}}));

  const auto series = *series_of(rows_of(std::vector<std::string>(7, "")), {"protocol"}, {"bytes"});
  EXPECT_EQ(coverage_levels({&series.back()}, 6, range), (std::vector<int>{10, 5, 0, 10, 0, 10}));
  const auto svg = plot_svg(series, {});
  EXPECT_EQ(count(svg, "class=\"gap\""), 2u);
  EXPECT_EQ(count(svg, "class=\"some-gap\""), 2u) << "no further ones of group 47";
}

TEST(SeriesOf, FindsTheColumnsThatDistinguishRows) {
  using I = std::vector<std::int64_t>;
  using U = std::vector<std::uint64_t>;
  using T = std::vector<std::string>;
  const Micros later = start + quarter;
  runtime::RowTable rows;
  rows.columns = {{"interval_start", "time", "", "", I{start, start, start, start, later}, {}},
                  {"interval_end", "time", "", "", I{later, later, later, later, later + quarter}, {}},
                  {"direction", "text", "", "", T{"in", "in", "in", "in", "out"}, {}},
                  {"kind", "text", "", "", T{"top", "top", "top", "top", "top"}, {}},
                  {"side", "text", "", "", T{"src", "src", "dst", "dst", "src"}, {}},
                  {"share", "f64", "1", "", std::vector<double>{1, 2, 3, 4, 5}, {}},
                  {"rank", "u64", "", "", U{1, 2, 1, 2, 1}, {}},
                  {"flows_lost", "u64", "", "", U{1, 2, 3, 4, 5}, {}}};
  EXPECT_FALSE(one_row_per_group(rows, {"direction"}));
  EXPECT_TRUE(one_row_per_group(rows, {"direction", "side", "rank"}));
  EXPECT_EQ(distinguishing_columns(rows, {"direction"}), (T{"side", "rank"}));
  EXPECT_EQ(distinguishing_columns(rows, {"direction", "side"}), T{"rank"});
  EXPECT_EQ(distinguishing_columns(rows, {"direction", "side", "rank"}), T{});
  EXPECT_EQ(value_text(*rows.find("rank"), 1), "2");
  rows.columns[6].values = U{1, 1, 1, 1, 1};
  EXPECT_EQ(distinguishing_columns(rows, {}), T{});  // no columns distinguish them
}

}  // namespace
}  // namespace mole::cli
