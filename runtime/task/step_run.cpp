#include "runtime/task/step_run.hpp"

#include "runtime/metric/row_builder.hpp"
#include "runtime/metric/rows_step.hpp"
#include "runtime/metric/window.hpp"
#include "runtime/rows/rows_format.hpp"

#include <algorithm>

namespace mole::runtime {

bool StepRun::computes() const {
  if (is_sequential() || step().make_state) return true;
  return std::none_of(step().states.begin(), step().states.end(), [&](const task::StateRef& s) { return s.block == open.block; });
}

void StepRun::fail(const Error& error) {
  phase = Phase::failed;
  report.outcome = "failed";
  report.code = code_name(error.code);
  report.message = error.message;
  flow.reset();
  sequential.reset();
}

void StepRun::block(const std::string& why) {
  phase = Phase::failed;
  report.outcome = "blocked";
  report.message = why;
}

namespace {

Result<> set_home(StepRun& run, const task::Archive& archive) {
  if (archive.home.source.empty())
    return invalid("by: direction needs to know what is at home; give the archive '" + archive.name + "' a `home`");
  auto source = parse_filter(archive.home.source), destination = parse_filter(archive.home.destination);
  if (!source) return source.error();
  if (!destination) return destination.error();
  run.home = {std::move(*source), std::move(*destination)};
  return {};
}

Result<> check_words(StepRun& run, const task::Spec& spec) {
  const task::Step& step = run.step();
  auto by = dimensions_named(step.by);
  if (!by) return by.error();
  run.open.by = std::move(*by);
  if (auto set = set_totals(run.open.by, step.totals); !set) return set;
  const bool of_routers = std::any_of(run.open.by.begin(), run.open.by.end(),
                                      [](const Dimension& d) { return d.kind == Dimension::Kind::router && d.total; });
  if (of_routers &&
      std::any_of(spec.files.begin(), spec.files.end(), [](const task::File& f) { return f.router == all_members; }))
    return invalid("a router is called 'all', as the total over routers would be; leave router out of `totals`");
  const bool of_flows =
      std::any_of(step.inputs.begin(), step.inputs.end(), [](const task::Input& i) { return i.kind == "flows"; });
  if (!step.totals.empty() && step.execution == "sequential" && of_flows)
    return invalid("the states of a sequential module cannot be merged into totals; leave `totals` out");
  auto grid = IntervalGrid::over(spec.block, step.interval);
  if (!grid) return grid.error();
  run.open.grid = *grid;
  run.open.block = spec.block;
  auto filter = parse_filter(step.filter);
  if (!filter) return filter.error();
  run.filter = std::move(*filter);
  for (const auto& d : run.open.by)
    if (d.kind == Dimension::Kind::direction && spec.archive)
      if (auto set = set_home(run, *spec.archive); !set) return set;
  if (step.execution != "mergeable" && step.execution != "sequential")
    return unsupported("execution '" + step.execution + "' is not known to this worker; update Data Mole");
  if (step.window < 0 || step.window % step.interval != 0)
    return invalid("window " + format_duration(step.window) + " is no multiple of the interval " +
                   format_duration(step.interval) + "; choose one that is");
  if (step.window / step.interval > 1'000'000)
    return invalid("window " + format_duration(step.window) + " has more than a million intervals; choose a longer interval");
  if (run.is_sequential() && step.window > 0)
    return invalid("a sequential module has no window, its states cannot be merged; remove `window`");
  if (run.is_sequential() && step.load != "start")
    return invalid("a sequential module counts flows at their start; remove `load`");
  if (step.load == "proportional") return unsupported("load: proportional is not available in this version; choose start or end");
  if (step.load != "start" && step.load != "end") return invalid("load: '" + step.load + "' is not known; choose start or end");
  if (step.warmup < 0 || step.warmup % step.interval != 0)
    return invalid("warmup " + format_duration(step.warmup) + " is no multiple of the interval " +
                   format_duration(step.interval) + "; choose one that is");
  return {};
}

Result<> open_module(StepRun& run, const PluginSet& plugins) {
  const task::Step& step = run.step();
  auto loaded = plugins.load(step.plugin, "metric");
  if (!loaded) return loaded.error();
  for (std::size_t i = 0; i < step.inputs.size(); ++i)
    if (step.inputs[i].kind == "flows") run.flows_input = static_cast<int>(i);
  auto reads = flow_columns_of(loaded->descriptor);
  if (!reads) return reads.error();
  run.reads = std::move(*reads);
  MetricModule::Opening opening{run.open.index, step.module, step.inputs, step.plugin.params};
  auto module = MetricModule::open(static_cast<const mole_metric_v1*>(loaded->plugin->vtable), std::move(loaded->descriptor),
                                   std::move(opening), plugins.record());
  if (!module) return module.error();
  run.open.module = std::move(*module);
  if (!run.is_sequential() && !run.open.module->mergeable())
    return invalid("plugin '" + step.plugin.name + "' has no merge, so it is sequential; submit the manifest again");
  return {};
}

Result<> add_saved(StepRun& run, SavedCells& saved, const AttemptFolder& folder) {
  for (const auto& ref : run.step().states)
    if (auto read = saved.append(folder.state(ref.blob), run.open, ref.block); !read)
      return Error{read.error().code, "state of block " + format_time(ref.block.from) + ": " + read.error().message};
  return {};
}

Result<> make_rows(StepRun& run, std::vector<Cell>& cells, const std::vector<std::string>& routers) {
  RowBuilder builder(run.open);
  if (run.step().window > 0) {
    auto merged = merge_windows(cells, run.open, routers, [&](Cell cell) {
      const Finishing one{cell.interval_start, &cell.group, cell.coverage, cell.state.get()};
      return builder.add(std::span(&one, 1));
    });
    if (!merged) return merged;
  } else {
    std::vector<Finishing> finishing;
    for (Cell& cell : cells) {
      if (auto loaded = load_cell(cell, run.open); !loaded) return loaded;
      if (cell.state) finishing.push_back({cell.interval_start, &cell.group, cell.coverage, cell.state.get()});
    }
    if (auto added = builder.add(finishing); !added) return added;
  }
  run.rows = builder.build();
  return {};
}

std::filesystem::path state_path(const StepRun& run, const AttemptFolder& folder) {
  return folder.scratch() / ("step" + std::to_string(run.open.index) + ".state");
}

Result<> save_state(StepRun& run, const std::vector<Cell>& cells, const AttemptFolder& folder) {
  run.state_file = state_path(run, folder);
  return save_cells(cells, run.open, *run.state_file);
}

}  // namespace

void open_step(StepRun& run, const task::Spec& spec, std::uint32_t index, const PluginSet& plugins) {
  run.open.index = index;
  run.open.step = &spec.steps[index];
  run.report.step = index;
  run.report.outcome = "done";
  for (std::size_t i = 0; i < run.step().inputs.size(); ++i) run.open.upstream.emplace_back(std::vector<Dimension>{});
  if (auto checked = check_words(run, spec); !checked)
    return run.fail({checked.error().code, run.step().module + ": " + checked.error().message});
  if (auto opened = open_module(run, plugins); !opened) return run.fail(opened.error());
  for (const auto& input : run.step().inputs) {
    if (!input.step) continue;
    if (*input.step >= index)
      return run.fail(invalid(run.step().module + ": reads step " + std::to_string(*input.step) +
                              " that comes after it; submit the manifest again"));
  }
}

Result<> load_upstream(StepRun& run, const std::vector<std::unique_ptr<StepRun>>& steps, const AttemptFolder& folder) {
  const TimeRange wanted{run.open.block.from - run.step().warmup, run.open.block.to};
  for (std::size_t i = 0; i < run.step().inputs.size(); ++i) {
    const auto& input = run.step().inputs[i];
    if (input.kind == "flows" || input.column.empty()) continue;
    UpstreamRows rows(run.open.by);
    for (const auto& ref : input.rows) {
      auto table = read_rows(folder.rows(ref.blob));
      if (!table) return Error{table.error().code, "rows of '" + input.module + "': " + table.error().message};
      if (auto appended = rows.append(*table, input.column, input.type, wanted); !appended)
        return Error{appended.error().code,
                     run.step().module + ", input '" + input.role + "' from '" + input.module + "': " + appended.error().message};
    }
    if (input.step)
      if (auto appended = rows.append(steps[*input.step]->rows, input.column, input.type, wanted); !appended)
        return Error{appended.error().code,
                     run.step().module + ", input '" + input.role + "' from '" + input.module + "': " + appended.error().message};
    run.open.upstream[i] = std::move(rows);
  }
  return {};
}

Result<> finish_mergeable(StepRun& run, std::vector<Cell> cells, const std::vector<std::string>& routers,
                          const AttemptFolder& folder) {
  if (run.step().make_state)
    if (auto saved = save_state(run, cells, folder); !saved) return saved;
  if (!run.step().make_result) return {};
  SavedCells saved;
  if (auto added = add_saved(run, saved, folder); !added) return added;
  for (Cell& cell : saved.cells()) cells.push_back(std::move(cell));
  sort_cells(cells, run.open.by);
  return make_rows(run, cells, routers);
}

Result<> finish_flows(StepRun& run, const std::vector<std::string>& routers, const CoverageOf& evidence,
                      const AttemptFolder& folder) {
  auto closed = run.flow->finish(evidence);
  if (!closed) return closed.error();
  if (run.step().window > 0) return finish_mergeable(run, std::move(closed->cells), routers, folder);
  run.rows = std::move(closed->rows);
  return run.step().make_state ? save_state(run, closed->cells, folder) : Result<>();
}

Result<> finish_sequential(StepRun& run, const std::vector<std::string>& routers, const CoverageOf& evidence,
                           const AttemptFolder& folder) {
  SequentialStates states(run.open);
  for (const auto& ref : run.step().states)
    if (auto resumed = states.load_checkpoint(folder.state(ref.blob)); !resumed) return resumed;
  if (auto started = states.create_dense(routers); !started) return started;
  const Micros from = run.open.block.from - run.step().warmup;
  auto fed = run.sequential ? run.sequential->run(states, evidence) : run_sequential_rows(run.open, states, from, evidence);
  if (!fed) return fed;
  if (run.step().make_result) run.rows = states.rows();
  if (run.step().make_state) {
    run.state_file = state_path(run, folder);
    if (auto saved = states.save(*run.state_file); !saved) return saved;
  }
  return {};
}

}  // namespace mole::runtime
