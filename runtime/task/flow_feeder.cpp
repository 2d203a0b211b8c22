#include "runtime/task/flow_feeder.hpp"

#include <algorithm>
#include <numeric>

namespace mole::runtime {
namespace {

bool same_lookup(const task::Step& a, const task::Step& b) {
  return a.load == b.load && std::equal(a.routes.begin(), a.routes.end(), b.routes.begin(), b.routes.end(),
                                        [](const task::RouteTableRef& x, const task::RouteTableRef& y) {
                                          return x.used.from == y.used.from && x.blob == y.blob && x.format == y.format;
                                        });
}

}  // namespace

AsLookup* AsLookups::add(const task::Step& step, ColumnSet& wanted) {
  const bool src = wanted[MOLE_COLUMN_SRC_AS], dst = wanted[MOLE_COLUMN_DST_AS];
  if (step.routes.empty() || (!src && !dst)) return nullptr;
  auto found = std::find_if(lookups_.begin(), lookups_.end(), [&](const auto& known) { return same_lookup(*known->step, step); });
  if (found == lookups_.end()) {
    const int time_column = step.load == Load::end ? MOLE_COLUMN_END : MOLE_COLUMN_START;
    lookups_.push_back(
        std::make_unique<AsLookup>(AsLookup{&step, AsColumns(step.routes, tables_), time_column, false, false, {}, {}}));
    found = std::prev(lookups_.end());
  }
  AsLookup& lookup = **found;
  lookup.reads_src = lookup.reads_src || src;
  lookup.reads_dst = lookup.reads_dst || dst;
  wanted.reset(MOLE_COLUMN_SRC_AS).reset(MOLE_COLUMN_DST_AS).set(static_cast<std::size_t>(lookup.time_column));
  if (src) wanted.set(MOLE_COLUMN_SRC_ADDR);
  if (dst) wanted.set(MOLE_COLUMN_DST_ADDR);
  return &lookup;
}

void AsLookups::look_up(const FlowBatch& flows) {
  for (auto& lookup : lookups_) {
    if (lookup->error) continue;
    const AsColumns::Rows rows{flows.rows, flows.address_family, flows.column<Micros>(lookup->time_column).data(),
                               lookup->reads_src ? flows.columns[MOLE_COLUMN_SRC_ADDR] : nullptr,
                               lookup->reads_dst ? flows.columns[MOLE_COLUMN_DST_ADDR] : nullptr};
    if (auto done = lookup->columns.look_up(rows); !done) {
      lookup->error = done.error();
      continue;
    }
    lookup->view = flows;
    if (lookup->reads_src) lookup->view.columns[MOLE_COLUMN_SRC_AS] = lookup->columns.src();
    if (lookup->reads_dst) lookup->view.columns[MOLE_COLUMN_DST_AS] = lookup->columns.dst();
  }
}

std::vector<std::uint32_t> FlowFeeder::watermarks_of(const FlowGrouping& grouping) const {
  std::vector<std::uint32_t> out(spec_.files.size() + 1, grouping.grid().size());
  for (std::size_t n = spec_.files.size(); n-- > 0;)
    out[n] = spec_.files[n].present ? std::min(out[n + 1], grouping.first_interval(spec_.files[n])) : out[n + 1];
  return out;
}

// Finds or creates the group of a step. A step that reads no AS numbers can join a group with any source of them.
FlowFeeder::StepGroup* FlowFeeder::group_for(GroupingPlan plan, bool reads_as, const AsLookup* as, StepRun& run) {
  auto group = std::find_if(groups_.begin(), groups_.end(), [&](const StepGroup& g) {
    return g.grouping.plan() == plan && g.scale == run.scale() && (!reads_as || !g.reads_as || g.as == as);
  });
  if (group == groups_.end()) {
    auto grid = IntervalGrid::over(plan.range, plan.interval);
    if (!grid) {
      run.fail(grid.error());
      return nullptr;
    }
    group = groups_.insert(groups_.end(), StepGroup{FlowGrouping(std::move(plan), *grid)});
    group->scale = run.scale();
    group->watermarks = watermarks_of(group->grouping);
  }
  group->reads_as = group->reads_as || reads_as;
  if (as) group->as = as;
  return &*group;
}

// Returns the converter of a scale, which all groups share.
CounterScale* FlowFeeder::counters_for(Scale scale) {
  const auto known = std::ranges::find(scales_, scale, &CounterScale::scale);
  return known != scales_.end() ? &*known : &scales_.emplace_back(scale, spec_.archive->sampling);
}

void FlowFeeder::add(StepRun& run, const std::vector<std::string>& routers) {
  auto plan = run.grouping_plan(spec_.archive->lateness);
  ColumnSet wanted = run.record_columns();
  const bool reads_as = wanted[MOLE_COLUMN_SRC_AS] || wanted[MOLE_COLUMN_DST_AS];
  const AsLookup* as = as_.add(run.step(), wanted);
  columns_ |= wanted;
  StepGroup* group = group_for(std::move(plan), reads_as, as, run);
  if (!group) return;
  if (run.converts_counters()) group->counters = counters_for(run.scale());
  run.start(group->grouping, group->counts, routers);
  group->steps.push_back(&run);
}

bool FlowFeeder::any_running() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const StepGroup& group) {
    return std::any_of(group.steps.begin(), group.steps.end(), [](const StepRun* run) { return run->running(); });
  });
}

bool FlowFeeder::start_file(const task::File& file) {
  reading_.clear();
  for (auto& group : groups_) {
    if (!group.grouping.start_file(file)) continue;
    reading_.push_back(&group);
    for (auto* run : group.steps) run->absent().start_file();
  }
  for (auto& scale : scales_) scale.start_file(file.router);
  return !reading_.empty();
}

void FlowFeeder::end_file(const task::File& file, const std::string& decoder, const ColumnPresence& presence) {
  for (StepGroup* group : reading_)
    for (auto* run : group->steps)
      if (run->running()) run->absent().end_file(file, decoder, presence);
}

void FlowFeeder::fail_readers(const Error& error) {
  for (StepGroup* group : reading_)
    for (auto* run : group->steps)
      if (run->running()) run->fail(error);
}

Result<> FlowFeeder::close_intervals(std::size_t files_read) {
  std::vector<std::pair<StepRun*, std::uint32_t>> steps;
  for (auto& group : groups_)
    for (auto* run : group.steps)
      if (run->running()) steps.emplace_back(run, group.watermarks[files_read]);
  std::vector<Result<>> outcomes(steps.size());
  pool_.run(steps.size(), [&](std::size_t i) { outcomes[i] = steps[i].first->close(steps[i].second); });
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (outcomes[i]) continue;
    const Code code = outcomes[i].error().code;
    if (code == Code::transient || code == Code::cancelled) return outcomes[i];  // not caused by the module
    steps[i].first->fail(outcomes[i].error());
  }
  return {};
}

// ---- a batch

void FlowFeeder::assign(StepGroup& group) {
  group.arranged = false;
  if (group.as && group.as->error) {
    group.assignment = *group.as->error;
    return;
  }
  group.assignment = group.grouping.assign(group.view);
  if (!group.assignment || group.assignment->empty) return;
  if (group.counters) group.counts.add(*group.counters, *group.assignment);
  group.arranged = group.runs.arrange(group.view, *group.assignment, group.grouping.slots().size());
}

// Copies the columns that arranged groups need, each once.
void FlowFeeder::gather_columns() {
  std::vector<std::pair<StepGroup*, int>> columns;
  for (StepGroup* group : reading_) {
    if (!group->arranged) continue;
    ColumnSet needed;
    for (const auto* run : group->steps)
      if (run->running() && run->accepts_runs())
        for (const int c : run->columns()) needed.set(static_cast<std::size_t>(c));
    for (int c = 0; c < max_columns; ++c)
      if (needed[static_cast<std::size_t>(c)]) columns.emplace_back(group, c);
  }
  pool_.run(columns.size(), [&](std::size_t i) { columns[i].first->runs.gather(columns[i].second); });
}

// Creates the work items of a group: all runs of a step for one thread, or parts of them, split between states, for several.
void FlowFeeder::partition_work(StepGroup& group, std::uint32_t rows) {
  constexpr std::uint32_t min_rows = 1024;  // per item
  const std::uint32_t part =
      pool_.threads() == 1 ? rows : std::max(min_rows, rows / static_cast<std::uint32_t>(2 * pool_.threads()));
  const auto runs = group.runs.runs();
  for (auto* run : group.steps) {
    if (!run->running()) continue;
    if (!group.arranged || !run->accepts_runs()) {
      items_.push_back({run, &group, 0, 0, rows, {}});
      continue;
    }
    for (std::size_t first = 0; first < runs.size();) {
      std::size_t end = first;
      std::uint32_t taken = 0;
      while (end < runs.size() && (taken < part || runs[end].state == runs[end - 1].state)) taken += runs[end++].count;
      items_.push_back({run, &group, first, end - first, taken, {}});
      first = end;
    }
  }
}

// Runs the work items, largest first.
void FlowFeeder::run_items(std::uint32_t file) {
  std::vector<std::size_t> order(items_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (pool_.threads() > 1)
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return items_[a].rows > items_[b].rows; });
  pool_.run(items_.size(), [&](std::size_t i) {
    WorkItem& item = items_[order[i]];
    const StepGroup& group = *item.group;
    if (group.arranged && item.run->accepts_runs())
      item.outcome = item.run->add(group.runs, item.first, item.count, batches_);
    else
      item.outcome = item.run->add(group.view, *group.assignment, file, batches_);
  });
  for (const WorkItem& item : items_)  // of several failures of a step, the first in order is reported
    if (!item.outcome && item.run->running()) item.run->fail(item.outcome.error());
}

void FlowFeeder::feed(const FlowBatch& decoded, std::uint32_t file) {
  ++batches_;
  as_.look_up(decoded);
  for (auto& scale : scales_) scale.convert(decoded);
  for (StepGroup* group : reading_) {
    group->view = group->as ? group->as->view : decoded;
    if (group->counters) group->counters->apply(group->view);
  }
  pool_.run(reading_.size(), [&](std::size_t i) { assign(*reading_[i]); });
  items_.clear();
  for (StepGroup* group : reading_) {
    for (auto* run : group->steps) {
      if (!run->running()) continue;
      run->absent().count(decoded);
      if (!group->assignment)
        run->fail({group->assignment.error().code, run->step().module + ": " + group->assignment.error().message});
      else if (auto created = run->create_states(); !created)
        run->fail(created.error());
    }
    if (group->assignment && !group->assignment->empty) partition_work(*group, decoded.rows);
  }
  gather_columns();
  run_items(file);
}

}  // namespace mole::runtime
