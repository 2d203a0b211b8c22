#include "coordinator/requests/range_coverage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mole::coordinator::requests {
namespace {

constexpr std::int64_t max_intervals = 4'000'000;
constexpr double tolerance = 1e-9;  // of sums over a window

struct Mean {
  double sum = 0, time = 0;

  void add(double coverage, Micros length) {
    sum += coverage * static_cast<double>(length);
    time += static_cast<double>(length);
  }
  std::optional<double> value() const { return time > 0 ? std::optional(std::clamp(sum / time, 0.0, 1.0)) : std::nullopt; }
};

TimeRange overlap(TimeRange a, TimeRange b) { return {std::max(a.from, b.from), std::min(a.to, b.to)}; }

// Whether the module or one it reads begins at its `since`.
std::vector<bool> chained_modules(const dag::Graph& graph) {
  std::vector<bool> chained;
  for (const auto& module : graph.modules) {
    bool any = module.since.has_value();
    for (const auto& input : module.inputs) any = any || (input.kind != InputKind::flows && chained[input.source]);
    chained.push_back(any);
  }
  return chained;
}

struct Summary {
  const store::Records& records;
  const jobs::Plan& plan;
  TimeRange asked;
  AttainableCoverage attainable{plan};
  Mean judged = {}, judged_windowed = {}, plain = {}, windowed = {};
  bool lacks = false, any = false;
  std::string too_late = {};

  void add(std::size_t m, TimeRange range, double coverage, double coverage_min) {
    const auto part = overlap(range, asked);
    if (part.empty()) return;
    const double possible = attainable.at(m, range.from);
    const double of_possible = coverage >= possible - tolerance ? 1 : coverage / possible;
    judged.add(of_possible, part.to - part.from);
    (attainable.has_window(m) ? windowed : plain).add(coverage, part.to - part.from);
    if (attainable.has_window(m)) judged_windowed.add(of_possible, part.to - part.from);
    lacks = lacks || coverage_min < (possible < 1 ? possible - tolerance : 1);
  }

  void add_block(std::size_t m, TimeRange block, const store::CatalogueRow& row) {
    any = true;
    const bool whole = overlap(block, asked) == block && (!attainable.has_window(m) || block.from >= attainable.full_from(m));
    if (row.coverage_min >= 1 || whole) return add(m, block, row.coverage, row.coverage_min);
    const auto lineage = records.job_row(store::Table::lineage, plan.graph->modules[m].fingerprint, block.from);
    const auto ranges = lineage.is_object() ? lineage.find("incomplete") : lineage.end();
    if (!lineage.is_object() || ranges == lineage.end()) return add(m, block, row.coverage, row.coverage_min);
    Micros complete_from = block.from;
    for (const auto& stored : *ranges) {
      const auto part = read_document<task::CoverageRange>(stored);
      if (!part) continue;
      add(m, {complete_from, part->range.from}, 1, 1);
      add(m, part->range, part->coverage, part->coverage_min);
      complete_from = part->range.to;
    }
    add(m, {complete_from, block.to}, 1, 1);
  }

  void add_module(std::size_t m, bool chained) {
    const auto& mine = plan.modules[m];
    const auto& grid = plan.grid(m);
    if (std::ranges::none_of(mine.flags, [](std::uint8_t flags) { return flags & jobs::requested; })) return;
    std::uint64_t counted = 0, late = 0;
    Micros expected = chained ? std::max(asked.from, grid.start(mine.begin)) : asked.from;  // the next row
    records.scan_catalogue(
        plan.graph->modules[m].fingerprint, {grid.start(mine.first), grid.start(mine.last())},
        [&](Micros from, const store::CatalogueRow& row) {
          const auto b = grid.number(from);
          if (!(mine.flags_at(b) & jobs::requested) || row.rows_blob.empty() || row.result_key != mine.result_key(b)) return;
          add(m, {expected, from}, 0, 0);
          add_block(m, grid.block(b), row);
          counted += row.flows_counted;
          late += row.flows_late;
          expected = grid.start(b + 1);
        });
    add(m, {expected, asked.to}, 0, 0);
    check_late(plan.graph->modules[m], counted, late);
  }

  // Of whole blocks: rows do not count their flows.
  void check_late(const dag::Module& module, std::uint64_t counted, std::uint64_t late) {
    const auto& archive = plan.graph->grid(module);
    const double share = late > 0 ? static_cast<double>(late) / (static_cast<double>(counted) + static_cast<double>(late)) : 0;
    if (share <= archive.max_late || !too_late.empty()) return;
    too_late = fmt::format(
        "{:.1f} % of the flows that \"{}\" reads are not counted, because they were exported more than {} after their interval; "
        "raise \"lateness\" of the archive \"{}\", or check that its \"files\" give the start of each file, not the end; "
        "\"max_late\" sets the share that is accepted ({:g})",
        share * 100, module.name, format_duration(archive.lateness), archive.name, archive.max_late);
  }
};

}  // namespace

AttainableCoverage::AttainableCoverage(const jobs::Plan& plan) : plan_(plan) {
  for (const auto& module : plan.graph->modules) {
    Micros begin = INT64_MIN, reach = 0;
    for (const auto& input : module.inputs) {
      if (input.kind == InputKind::context) continue;  // does not count in the coverage
      if (input.kind == InputKind::flows) {
        const auto span = plan.indexes[input.source]->span(plan.routers(begins_.size()));
        begin = std::max(begin, span ? span->from : 0);
      } else {
        begin = std::max(begin, begins_[input.source]);
        reach = std::max(reach, reach_[input.source]);
      }
    }
    if (const auto m = begins_.size(); module.since) begin = std::max(begin, plan.grid(m).start(plan.modules[m].begin));
    begins_.push_back(begin);
    reach_.push_back(reach + module.window);
    auto& mine = coverage_.emplace_back();
    if (module.window == 0 && reach == 0) continue;
    const auto length = module.window > 0 ? module.window / module.interval : 1;
    const auto count = reach_.back() / module.interval;
    if (count > max_intervals) continue;  // then every interval counts as attainable
    std::vector<double> sums{0};          // of the inputs
    for (std::int64_t i = 0; i < count; ++i) {
      double least = 1;
      for (const auto& input : module.inputs)
        if (input.kind == InputKind::rows) {
          const auto& source = coverage_[input.source];
          if (i < static_cast<std::int64_t>(source.size())) least = std::min(least, source[static_cast<std::size_t>(i)]);
        }
      sums.push_back(sums.back() + least);
      const auto from = std::max<std::int64_t>(0, i + 1 - length);
      mine.push_back((sums.back() - sums[static_cast<std::size_t>(from)]) / static_cast<double>(length));
    }
  }
}

double AttainableCoverage::at(std::size_t module, Micros from) const {
  const auto interval = plan_.graph->modules[module].interval;
  const auto first = ceil_to(begins_[module], interval);
  if (from < begins_[module] || coverage_[module].empty()) return 1;
  const auto i = static_cast<std::size_t>((from - first) / interval);
  return i < coverage_[module].size() ? coverage_[module][i] : 1;
}

std::optional<RangeCoverage> coverage_in(const store::Records& records, const jobs::Plan& plan, TimeRange asked) {
  Summary summary{records, plan, asked};
  const auto chained = chained_modules(*plan.graph);
  for (std::size_t m = 0; m < plan.modules.size(); ++m) summary.add_module(m, chained[m]);
  if (!summary.any) return std::nullopt;
  const double mean = summary.judged.value().value_or(1);
  RangeCoverage out{summary.lacks ? std::min(mean, std::nextafter(1.0, 0.0)) : 1, {}, {}, summary.too_late};
  if (summary.windowed.value() < summary.judged_windowed.value()) {
    out.without_windows = summary.plain.value();
    out.with_windows = summary.windowed.value();
  }
  return out;
}

}  // namespace mole::coordinator::requests
