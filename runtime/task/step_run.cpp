#include "runtime/task/step_run.hpp"

#include "runtime/metric/row_builder.hpp"
#include "runtime/metric/rows_step.hpp"
#include "runtime/metric/window.hpp"
#include "runtime/rows/rows_format.hpp"
#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/enums.hpp"
#include "sdk/model/flow_columns.hpp"

#include <algorithm>
#include <utility>

namespace mole::runtime {

namespace {

// Whether some decoder of the archive states which counters the collector has multiplied.
bool may_have_scaled(const task::Archive& archive) {
  return std::ranges::any_of(archive.candidates(), [](const task::PluginUse& use) {
    const auto sidecar = Sidecar::parse(use.sidecar);
    const auto* decoder = sidecar ? sidecar->find(PluginKind::decoder, use.name) : nullptr;
    return decoder && (decoder->writes.empty() || std::ranges::find(decoder->writes, "scaled") != decoder->writes.end());
  });
}

}  // namespace

// ---- open

StepRun::StepRun(const task::Spec& spec, std::uint32_t index, const PluginSet& plugins, AttemptFolder folder)
    : folder_(std::move(folder)) {
  open_.index = index;
  open_.step = &spec.steps[index];
  open_.block = spec.block;
  report_.step = index;
  report_.outcome = task::Outcome::done;
  for (std::size_t i = 0; i < step().inputs.size(); ++i) open_.upstream.emplace_back(std::vector<Dimension>{});
  if (auto opened = open(spec, plugins); !opened) fail(opened.error());
}

Result<> StepRun::open(const task::Spec& spec, const PluginSet& plugins) {
  MOLE_TRY(auto settings, prefixed(step().module + ": ", parse_settings(step(), spec)));
  open_.by = std::move(settings.by);
  open_.grid = settings.grid;
  filter_ = std::move(settings.filter);
  has_scaled_ = spec.archive && may_have_scaled(*spec.archive);
  home_ = std::move(settings.home);
  if (auto opened = open_module(plugins); !opened) return opened;
  if (spec.archive && flows_input_ >= 0)
    absent_.emplace(*spec.archive, step_columns(), [this](const std::string& router) { return columns_of_records(router); });
  for (const auto& input : step().inputs)
    if (input.step && *input.step >= open_.index)
      return invalid(step().module + ": reads step " + std::to_string(*input.step) +
                     ", which comes after it; submit the manifest again");
  return {};
}

Result<> StepRun::open_module(const PluginSet& plugins) {
  MOLE_TRY(auto loaded, plugins.load(step().plugin, PluginKind::metric));
  for (std::size_t i = 0; i < step().inputs.size(); ++i)
    if (step().inputs[i].kind == InputKind::flows) flows_input_ = static_cast<int>(i);
  MOLE_TRY(columns_, flow_columns_of(loaded.descriptor));
  if (auto readable = check_columns(); !readable) return readable;
  MetricModule::OpenArguments arguments{open_.index, step().module, step().inputs, step().plugin.params};
  MOLE_TRY(auto module, MetricModule::open(static_cast<const mole_metric_v1*>(loaded.plugin->vtable),
                                           std::move(loaded.descriptor), std::move(arguments), plugins.record()));
  open_.module = std::move(module);
  if (!sequential() && !open_.module->mergeable())
    return invalid("plugin '" + step().plugin.name + "' has no merge, so it is sequential; submit the manifest again");
  return {};
}

Result<> StepRun::check_columns() const {
  auto columns = grouping_plan(0).columns();
  columns.insert(columns.end(), columns_.begin(), columns_.end());
  if (std::ranges::any_of(columns, [](int column) { return column >= max_columns; }))
    return unsupported(step().module + ": the modules of one task read more than " +
                       std::to_string(max_columns - MOLE_COLUMN_COUNT) + " information elements; split the pipeline");
  return {};
}

bool StepRun::computes() const {
  if (sequential() || step().make_state) return true;
  return std::none_of(step().states.begin(), step().states.end(),
                      [&](const task::StateRef& s) { return s.block == open_.block; });
}

GroupingPlan StepRun::grouping_plan(Micros lateness) const {
  const int time_column = step().load == Load::end ? MOLE_COLUMN_END : MOLE_COLUMN_START;
  return {filter_, open_.by, home_, time_column, step().routers, feed_range(), step().interval, lateness};
}

// ---- feed

Result<> StepRun::append_rows(UpstreamRows& rows, const RowTable& table, const task::Input& input) const {
  return prefixed(step().module + ", input '" + input.role + "' from '" + input.module + "': ",
                  rows.append(table, input, feed_range()));
}

Result<> StepRun::load_inputs(const std::vector<std::unique_ptr<StepRun>>& steps) {
  for (std::size_t i = 0; i < step().inputs.size(); ++i) {
    const auto& input = step().inputs[i];
    if (input.kind == InputKind::flows || input.column.empty()) continue;
    UpstreamRows rows(open_.by);
    for (const auto& ref : input.rows) {
      MOLE_TRY(auto table, prefixed("rows of '" + input.module + "': ", read_rows(folder_.rows(ref.blob))));
      if (auto appended = append_rows(rows, table, input); !appended) return appended;
    }
    if (input.step)
      if (auto appended = append_rows(rows, steps[*input.step]->rows_, input); !appended) return appended;
    open_.upstream[i] = std::move(rows);
  }
  return {};
}

ColumnSet StepRun::step_columns() const {
  ColumnSet out;
  for (const int c : columns_) out.set(static_cast<std::size_t>(c));
  for (const int c : grouping_plan(0).columns()) out.set(static_cast<std::size_t>(c));
  return out;
}

// Returns the columns that matter for flows of a router, those from which AS numbers are looked up instead of the numbers.
ColumnSet StepRun::columns_of_records(const std::string& router) const {
  auto plan = grouping_plan(0);
  ColumnSet out;
  const auto add = [&](const std::vector<int>& columns) {
    for (const int c : columns) out.set(static_cast<std::size_t>(c));
  };
  const auto take = [&](Filter& filter) { add(columns_read(std::exchange(filter, {}), router)); };
  take(plan.filter);
  if (plan.by_direction()) take(plan.home.source), take(plan.home.destination);
  add(plan.columns());
  add(columns_);
  for (const auto& [as, address] :
       {std::pair(MOLE_COLUMN_SRC_AS, MOLE_COLUMN_SRC_ADDR), std::pair(MOLE_COLUMN_DST_AS, MOLE_COLUMN_DST_ADDR)})
    if (!step().routes.empty() && out[as]) out.reset(as).set(address);
  return out.reset(MOLE_COLUMN_ROUTER);
}

void StepRun::start(const FlowGrouping& grouping, const ScaleCounts& counts, const std::vector<std::string>& routers) {
  const auto input = static_cast<std::uint32_t>(flows_input_);
  if (sequential())
    sequential_flows_ = std::make_unique<SequentialFlows>(open_, grouping, input, columns_, folder_.scratch());
  else
    flow_ = std::make_unique<FlowStep>(open_, grouping, input, columns_, step().routers.empty() ? routers : step().routers,
                                       folder_.scratch());
  grouping_ = &grouping;
  scale_counts_ = &counts;
  phase_ = Phase::feeding;
}

Result<> StepRun::add(const FlowBatch& flows, const FlowGrouping::Assignment& assignment, std::uint32_t file,
                      std::uint64_t batch) {
  return flow_ ? flow_->add(flows, assignment, batch) : sequential_flows_->add(flows, assignment, file);
}

// ---- finish

Result<> StepRun::finish(const CoverageTable& coverage) {
  const bool fed = phase_ == Phase::feeding;
  if (fed) report_.flows_counted = grouping_->flows_counted(), report_.flows_late = grouping_->flows_late();
  if (fed) scale_summary_ = scale_counts_->summary(step_columns());
  auto routers = step().routers;
  if (routers.empty()) routers = fed ? coverage.routers() : upstream_routers(open_);
  const auto coverage_of = fed ? archive_coverage(coverage, open_, routers, absent().files()) : upstream_coverage(open_);
  if (sequential()) return finish_sequential(routers, coverage_of);
  if (fed) return finish_flows(routers, coverage_of);
  std::vector<Cell> cells;
  if (computes()) {
    MOLE_TRY(cells, run_rows(open_, routers));
  }
  return finish_mergeable(std::move(cells), routers);
}

Result<> StepRun::finish_flows(const std::vector<std::string>& routers, const CoverageOf& coverage) {
  MOLE_TRY(auto outcome, flow_->finish(coverage));
  if (step().window > 0) return finish_mergeable(std::move(outcome.cells), routers);
  rows_ = std::move(outcome.rows);
  return step().make_state ? save_state(outcome.cells) : Result<>();
}

// `cells`: of this block; empty if they are read from a state file.
Result<> StepRun::finish_mergeable(std::vector<Cell> cells, const std::vector<std::string>& routers) {
  if (step().make_state)
    if (auto saved = save_state(cells); !saved) return saved;
  if (!step().make_result) return {};
  SavedCells saved;
  for (const auto& ref : step().states)
    if (auto read = saved.append(folder_.state(ref.blob), open_, ref.block); !read)
      return prefixed("state of block " + format_time(ref.block.from) + ": ", read);
  for (Cell& cell : saved.cells()) cells.push_back(std::move(cell));
  sort_cells(cells, open_.by);
  return make_rows(cells, routers);
}

Result<> StepRun::finish_sequential(const std::vector<std::string>& routers, const CoverageOf& coverage) {
  SequentialStates states(open_);
  for (const auto& ref : step().states)
    if (auto loaded = states.load_checkpoint(folder_.state(ref.blob)); !loaded) return loaded;
  if (auto created = states.create_dense(routers); !created) return created;
  auto fed = sequential_flows_ ? sequential_flows_->run(states, coverage)
                               : run_sequential_rows(open_, states, feed_range().from, coverage);
  if (!fed) return fed;
  if (step().make_result) rows_ = states.rows();
  if (!step().make_state) return {};
  state_file_ = state_path();
  return states.save(*state_file_);
}

Result<> StepRun::make_rows(std::vector<Cell>& cells, const std::vector<std::string>& routers) {
  RowBuilder builder(open_);
  if (step().window > 0) {
    auto merged = merge_windows(cells, open_, routers, [&](Cell cell) {
      const StateToFinish one{cell.interval_start, &cell.group, cell.coverage, cell.state.get()};
      return builder.add(std::span(&one, 1));
    });
    if (!merged) return merged;
  } else {
    std::vector<StateToFinish> finishing;
    for (Cell& cell : cells) {
      if (auto loaded = load_cell(cell, open_); !loaded) return loaded;
      if (cell.state) finishing.push_back({cell.interval_start, &cell.group, cell.coverage, cell.state.get()});
    }
    if (auto added = builder.add(finishing); !added) return added;
  }
  rows_ = builder.build();
  return {};
}

std::filesystem::path StepRun::state_path() const {
  return folder_.scratch() / ("step" + std::to_string(open_.index) + ".state");
}

Result<> StepRun::save_state(const std::vector<Cell>& cells) {
  state_file_ = state_path();
  return save_cells(cells, open_, *state_file_);
}

// ---- outcome

void StepRun::fail(const Error& error) {
  phase_ = Phase::failed;
  report_.outcome = task::Outcome::failed;
  report_.code = task::failure_code(error.code);
  report_.message = error.message;
  flow_.reset();
  sequential_flows_.reset();
}

void StepRun::block(const std::string& reason) {
  phase_ = Phase::failed;
  report_.outcome = task::Outcome::blocked;
  report_.message = reason;
}

void StepRun::complete(nlohmann::json lineage) {
  phase_ = Phase::done;
  report_.lineage = std::move(lineage);
}

void StepRun::release(bool keep_rows) {
  flow_.reset();
  sequential_flows_.reset();
  open_.upstream.assign(open_.upstream.size(), UpstreamRows({}));
  if (!keep_rows) rows_ = {};
}

}  // namespace mole::runtime
