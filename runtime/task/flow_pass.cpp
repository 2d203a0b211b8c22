#include "runtime/task/flow_pass.hpp"

#include "runtime/host/host_services.hpp"

#include <malloc.h>

#include <algorithm>
#include <numeric>

namespace mole::runtime {
namespace {

task::FileReport not_read(const task::File& file, const char* state) {
  task::FileReport report;
  report.id = file.id;
  report.state = state;
  return report;
}

}  // namespace

FlowPass::FlowPass(const task::Spec& spec, FlowFiles* files, unsigned threads, std::filesystem::path scratch,
                   LoadedTables& tables)
    : spec_(spec),
      files_(files),
      scratch_(std::move(scratch)),
      as_(tables),
      coverage_(spec.archive ? spec.archive->covers : hour_us),
      pool_(threads) {
  for (const auto& file : spec.files) coverage_.expect(file);
}

// A step that reads no AS number goes with others that agree in the rest, wherever theirs come from.
FlowPass::Group& FlowPass::group_for(const GroupingPlan& plan, bool reads_as, const AsLookup* as) {
  for (Group& group : groups_)
    if (group.plan == plan && (!reads_as || !group.reads_as || group.as == as)) return group;
  groups_.push_back({plan});
  return groups_.back();
}

void FlowPass::add(StepRun& run) {
  const task::Step& step = run.step();
  GroupingPlan plan;
  plan.filter = run.filter;
  plan.by = run.open.by;
  plan.home = run.home;
  plan.time_column = step.load == "end" ? MOLE_COLUMN_END : MOLE_COLUMN_START;
  plan.routers = step.routers;
  plan.range = {run.open.block.from - step.warmup, run.open.block.to};
  plan.interval = step.interval;
  plan.lateness = spec_.archive->lateness;
  ColumnSet wanted;
  for (const int c : plan.columns()) wanted.set(static_cast<std::size_t>(c));
  for (const int c : run.reads) wanted.set(static_cast<std::size_t>(c));
  const bool reads_as = wanted[MOLE_COLUMN_SRC_AS] || wanted[MOLE_COLUMN_DST_AS];
  const AsLookup* as = as_.add(step, wanted);
  Group& group = group_for(plan, reads_as, as);
  group.reads_as |= reads_as;
  if (as) group.as = as;
  wanted_ |= wanted;
  if (!group.routing) {
    auto grid = IntervalGrid::over(plan.range, plan.interval);
    if (!grid) return run.fail(grid.error());
    group.routing = std::make_unique<FlowGrouping>(std::move(plan), *grid);
  }
  run.routing = group.routing.get();
  if (run.is_sequential()) {
    wanted_.set(MOLE_COLUMN_START);
    run.sequential = std::make_unique<SequentialFlows>(run.open, *run.routing, static_cast<std::uint32_t>(run.flows_input),
                                                       run.reads, scratch_);
  } else {
    run.flow = std::make_unique<FlowStep>(run.open, *run.routing, static_cast<std::uint32_t>(run.flows_input), run.reads,
                                          step.routers.empty() ? coverage_.routers() : step.routers, scratch_);
  }
  run.phase = StepRun::Phase::feeding;
  group.steps.push_back(&run);
}

bool FlowPass::start_file(const task::File& file) {
  reading_.clear();
  for (auto& group : groups_) {
    group.reads_file = group.routing->start_file(file);
    if (group.reads_file) reading_.push_back(&group);
  }
  return groups_.empty() || !reading_.empty();
}

// settled[n]: after the first n files.
void FlowPass::foresee(Group& group) const {
  group.settled.assign(spec_.files.size() + 1, group.routing->grid().size());
  for (std::size_t n = spec_.files.size(); n-- > 0;) {
    const auto& file = spec_.files[n];
    group.settled[n] = file.present ? std::min(group.settled[n + 1], group.routing->first_interval(file)) : group.settled[n + 1];
  }
}

Result<> FlowPass::close_intervals(std::size_t files_read) {
  std::vector<std::pair<StepRun*, std::uint32_t>> steps;
  for (auto& group : groups_)
    for (auto* run : group.steps)
      if (run->alive() && run->flow) steps.emplace_back(run, group.settled[files_read]);
  std::vector<Result<>> outcomes(steps.size());
  pool_.run(steps.size(), [&](std::size_t i) { outcomes[i] = steps[i].first->flow->close(steps[i].second); });
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (outcomes[i]) continue;
    const Code code = outcomes[i].error().code;
    if (code == Code::transient || code == Code::cancelled) return outcomes[i];  // the disk, or a wish: not the module's doing
    steps[i].first->fail(outcomes[i].error());
  }
  // What the closed states leave is scattered over the heap; the next blocks are of other sizes.
  ::malloc_trim(0);
  return {};
}

bool FlowPass::anyone_alive() const {
  if (groups_.empty()) return true;
  for (const auto& group : groups_)
    for (const auto* run : group.steps)
      if (run->alive()) return true;
  return false;
}

void FlowPass::fail_readers(const Error& error) {
  for (auto& group : groups_)
    if (group.reads_file)
      for (auto* run : group.steps)
        if (run->alive()) run->fail(error);
}

void FlowPass::route(Group& group, const FlowBatch& flows) {
  group.arranged = false;
  if (group.as && group.as->failed) {
    group.route = *group.as->failed;
    return;
  }
  group.route = group.routing->assign(flows);
  if (!group.route || group.route->empty) return;
  group.arranged = group.runs.arrange(flows, *group.route, group.routing->slots().size());
}

// Copies the columns that arranged groups need, each once.
void FlowPass::gather() {
  std::vector<std::pair<Group*, int>> columns;
  for (Group* group : reading_) {
    if (!group->arranged) continue;
    ColumnSet needed;
    for (const auto* run : group->steps)
      if (run->alive() && run->flow)
        for (const int c : run->flow->reads()) needed.set(static_cast<std::size_t>(c));
    for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
      if (needed[static_cast<std::size_t>(c)]) columns.emplace_back(group, c);
  }
  pool_.run(columns.size(), [&](std::size_t i) { columns[i].first->runs.gather(columns[i].second); });
}

// One thread takes all runs of a step together. Several take parts, cut between states.
void FlowPass::share_out(Group& group, std::uint32_t rows) {
  constexpr std::uint32_t worth_a_thread = 1024;  // rows
  const std::uint32_t part =
      pool_.threads() == 1 ? rows : std::max(worth_a_thread, rows / static_cast<std::uint32_t>(2 * pool_.threads()));
  const auto runs = group.runs.runs();
  for (auto* run : group.steps) {
    if (!run->alive()) continue;
    if (!group.arranged || run->sequential) {
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

void FlowPass::feed(const FlowBatch& decoded, std::uint32_t file) {
  ++batches_;
  as_.look_up(decoded);
  const auto seen_by = [&](const Group& group) -> const FlowBatch& { return group.as ? group.as->view : decoded; };
  pool_.run(reading_.size(), [&](std::size_t i) { route(*reading_[i], seen_by(*reading_[i])); });
  items_.clear();
  for (Group* group : reading_) {
    for (auto* run : group->steps) {
      if (!run->alive()) continue;
      if (!group->route) {
        run->fail({group->route.error().code, run->step().module + ": " + group->route.error().message});
        continue;
      }
      if (!run->flow) continue;
      if (auto reached = run->flow->create_states(); !reached) run->fail(reached.error());
    }
    if (group->route && !group->route->empty) share_out(*group, decoded.rows);
  }
  gather();

  std::vector<std::size_t> largest_first(items_.size());
  std::iota(largest_first.begin(), largest_first.end(), std::size_t{0});
  if (pool_.threads() > 1)
    std::stable_sort(largest_first.begin(), largest_first.end(),
                     [&](std::size_t a, std::size_t b) { return items_[a].rows > items_[b].rows; });
  pool_.run(items_.size(), [&](std::size_t i) {
    Item& item = items_[largest_first[i]];
    StepRun& run = *item.run;
    if (run.sequential)
      item.outcome = run.sequential->add(seen_by(*item.group), *item.group->route, file);
    else if (item.group->arranged)
      item.outcome = run.flow->add(item.group->runs, item.first, item.count, batches_);
    else
      item.outcome = run.flow->add(seen_by(*item.group), *item.group->route, batches_);
  });
  for (const Item& item : items_)  // of several failures of a step the first in order is told
    if (!item.outcome && item.run->alive()) item.run->fail(item.outcome.error());
}

// True: the file was read to its end. False: the decoder failed, and with it every step that reads the file.
Result<bool> FlowPass::feed_file(std::uint32_t number, FlowSource& reader) {
  FlowBatch batch;
  while (true) {
    if (plugins_cancelled()) return Error{Code::cancelled, "asked to stop"};
    auto more = reader.next(batch);
    if (!more) {
      const Error& error = more.error();
      if (error.code == Code::transient || error.code == Code::exhausted || error.code == Code::cancelled) return error;
      fail_readers({error.code, spec_.files[number].id + ": " + error.message});
      return false;
    }
    if (!*more) return true;
    if (!groups_.empty()) feed(batch, number);
  }
}

// damage: skip needs to know before the first flow is counted: the file is decoded once for the question alone.
Result<task::FileReport> FlowPass::look_through(std::uint32_t number) {
  auto reader = files_->open(number, ColumnSet().set(MOLE_COLUMN_START));
  if (!reader) return reader.error();
  FlowBatch batch;
  while (true) {
    auto more = (*reader)->next(batch);
    if (!more) return more.error();
    if (!*more) return (*reader)->report();
  }
}

Result<> FlowPass::read_file(std::uint32_t number, const std::function<Result<>(const task::FileReport&)>& report) {
  const auto& file = spec_.files[number];
  const auto& staged = files_->staged(number);
  const std::string damage = spec_.archive->damage;
  const auto refuse = [&](const task::FileReport& r) -> Result<> {
    if (damage == "strict")
      fail_readers(corrupt("file " + file.id + " is " + r.state +
                           " and the archive's policy is damage: strict; repair the file or choose partial or skip"));
    return report(r);
  };
  if (staged.error) {
    const auto code = staged.error->code;
    if (code == Code::missing) return report(not_read(file, "missing"));
    if (code == Code::corrupt) return refuse(not_read(file, "unreadable"));
    // The index listed this file, so the archive's parameters were good: what fails now may work again.
    const bool lasting = code == Code::exhausted || code == Code::cancelled;
    return Error{lasting ? code : Code::transient, "file " + file.id + ": " + staged.error->message};
  }
  const auto complete = [&](task::FileReport r) {
    r.digest = staged.digest;
    r.size = staged.size;
    return r;
  };
  bool decoded = false;
  if (damage == "skip" && !groups_.empty()) {
    auto found = look_through(number);
    if (!found) return found.error();
    decoded = found->source == "archive";
    if (found->state != "sound") return report(complete(std::move(*found)));
  }
  auto reader = files_->open(number, wanted_.any() ? wanted_ : ColumnSet().set(MOLE_COLUMN_START));
  if (!reader) return reader.error();
  auto read = feed_file(number, **reader);
  if (!read) return read.error();
  totals_.bytes += (*reader)->stored_bytes();
  totals_.flows += (*reader)->flows();
  if (!*read) return report(complete(not_read(file, "unreadable")));
  auto found = complete((*reader)->report());
  if (decoded) found.source = "archive";  // the columns now read were made for the question
  coverage_.read(file, (*reader)->evidence(), found.content_bytes > 0);
  return found.state == "sound" ? report(found) : refuse(found);
}

Result<FlowPass::Totals> FlowPass::run(const std::function<Result<>(const task::FileReport&)>& report) {
  for (auto& group : groups_) foresee(group);
  for (std::uint32_t number = 0; number < spec_.files.size(); ++number) {
    const auto& file = spec_.files[number];
    if (!file.present || !start_file(file)) continue;
    if (!anyone_alive()) break;
    if (auto read = read_file(number, report); !read) return read.error();
    if (auto closed = close_intervals(number + 1); !closed) return closed.error();
  }
  if (auto closed = close_intervals(spec_.files.size()); !closed) return closed.error();
  coverage_.settle();
  return totals_;
}

}  // namespace mole::runtime
