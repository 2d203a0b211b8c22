// One step of a task. Its module is opened, fed with flows or rows, and finished; a step that fails does not fail the task.
//
//   StepRun run(spec, index, plugins, folder);   // open
//   run.load_inputs(steps);                      // feed: rows of other modules ...
//   run.start(grouping, routers);                // ... and flows
//   run.create_states(); run.add(runs, ...); run.close(end);
//   run.finish(coverage);                        // rows and state file
//   run.complete(lineage);
#pragma once

#include "runtime/host/plugin_set.hpp"
#include "runtime/metric/counter_scale.hpp"
#include "runtime/metric/coverage.hpp"
#include "runtime/metric/flow_step.hpp"
#include "runtime/metric/sequential_step.hpp"
#include "runtime/metric/step_states.hpp"
#include "runtime/task/absent_columns.hpp"
#include "runtime/task/step_settings.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mole::runtime {

// The folder of one attempt: the input and output files of the steps of a task.
struct AttemptFolder {
  std::filesystem::path path;

  std::filesystem::path rows(const Digest& blob) const { return path / "rows" / (blob.hex() + ".rows"); }
  std::filesystem::path state(const Digest& blob) const { return path / "states" / blob.hex(); }
  std::filesystem::path tables() const { return path / "tables"; }  // routing tables by digest
  std::filesystem::path scratch() const { return path / "scratch"; }
  std::filesystem::path listing_before() const { return path / "listing"; }  // that the node has kept, if any
  std::filesystem::path listing() const { return path / "out" / "listing"; }
  std::filesystem::path ready() const { return path / "ready"; }  // numbers of the files that a fetch task has put into the cache
};

// One thread, except where noted. The spec and the plugins must outlive it.
class StepRun {
 public:
  // Opens the module. An error fails the step.
  StepRun(const task::Spec& spec, std::uint32_t index, const PluginSet& plugins, AttemptFolder folder);

  const task::Step& step() const { return *open_.step; }
  const Filter& filter() const { return filter_; }
  bool running() const { return phase_ == Phase::open || phase_ == Phase::feeding; }
  bool failed() const { return phase_ == Phase::failed; }
  // True if it computes states from flows, rather than only merging saved states.
  bool reads_flows() const { return flows_input_ >= 0 && computes(); }
  const std::vector<int>& columns() const { return columns_; }  // flow columns that the module reads
  GroupingPlan grouping_plan(Micros lateness) const;
  // Those of the module, its filter, groups and intervals.
  ColumnSet step_columns() const;
  Scale scale() const { return flows_input_ < 0 ? Scale::none : step().inputs[static_cast<std::size_t>(flows_input_)].scale; }
  // Whether counters may have to be converted to that scale.
  bool converts_counters() const { return scale_columns().any(); }
  // Columns that the files lack, of those that the module, its filter and its groups read. Only if it reads flows.
  AbsentColumns& absent() { return *absent_; }
  const AbsentColumns& absent() const { return *absent_; }
  // All columns that are read from the records.
  ColumnSet record_columns() const { return step_columns() | scale_columns(); }

  // Loads the rows and context inputs from blobs and from earlier steps of the task.
  Result<> load_inputs(const std::vector<std::unique_ptr<StepRun>>& steps);
  // Prepares for flows grouped by `grouping`, which must exist until finish(). `routers`: of the files of the task.
  // `counts`: how the counters of its flows were converted.
  void start(const FlowGrouping& grouping, const ScaleCounts& counts, const std::vector<std::string>& routers);
  // True: accepts runs of an arranged batch, possibly from several threads, and closes intervals early. False: whole batches.
  bool accepts_runs() const { return flow_ != nullptr; }
  // See FlowStep. No effect on a step that accepts whole batches.
  Result<> create_states() { return flow_ ? flow_->create_states() : Result<>(); }
  Result<> close(std::uint32_t end) { return flow_ ? flow_->close(end) : Result<>(); }
  Result<> add(const FlowRuns& flows, std::size_t first, std::size_t count, std::uint64_t batch) {
    return flow_->add(flows, first, count, batch);
  }
  // `file`: number of the file in the task. `batch`: number of the batch.
  Result<> add(const FlowBatch& flows, const FlowGrouping::Assignment& assignment, std::uint32_t file, std::uint64_t batch);

  // Builds the rows and writes the state file. `coverage`: of the archive, used only if the step reads flows.
  Result<> finish(const CoverageTable& coverage);

  void fail(const Error& error);
  void block(const std::string& reason);
  void complete(nlohmann::json lineage);
  // How the counters of the flows were converted. After finish().
  const ScaleSummary& scale_summary() const { return scale_summary_; }
  // Frees everything except the report; also keeps the rows if `keep_rows` (later steps read them).
  void release(bool keep_rows);

  const task::StepReport& report() const { return report_; }
  const RowTable& rows() const { return rows_; }
  const std::optional<std::filesystem::path>& state_file() const { return state_file_; }

 private:
  enum class Phase { open, feeding, done, failed };

  Result<> open(const task::Spec& spec, const PluginSet& plugins);
  Result<> open_module(const PluginSet& plugins);
  Result<> check_columns() const;  // whether this task can read them
  ColumnSet columns_of_records(const std::string& router) const;
  ColumnSet scale_columns() const { return columns_for_scale(scale(), step_columns(), has_scaled_); }
  bool sequential() const { return step().execution == Execution::sequential; }
  bool computes() const;
  TimeRange feed_range() const { return {open_.block.from - step().warmup, open_.block.to}; }  // the block and the warm-up
  Result<> append_rows(UpstreamRows& rows, const RowTable& table, const task::Input& input) const;
  Result<> finish_flows(const std::vector<std::string>& routers, const CoverageOf& coverage);
  Result<> finish_mergeable(std::vector<Cell> cells, const std::vector<std::string>& routers);
  Result<> finish_sequential(const std::vector<std::string>& routers, const CoverageOf& coverage);
  Result<> make_rows(std::vector<Cell>& cells, const std::vector<std::string>& routers);
  Result<> save_state(const std::vector<Cell>& cells);
  std::filesystem::path state_path() const;

  Phase phase_ = Phase::open;
  AttemptFolder folder_;
  OpenStep open_;
  Filter filter_;
  HomeFilters home_;          // of the archive; for the direction
  int flows_input_ = -1;      // index of the input of kind flows; -1: it reads rows only
  std::vector<int> columns_;  // of that input
  std::optional<AbsentColumns> absent_;
  std::unique_ptr<FlowStep> flow_;  // feeding a mergeable step
  std::unique_ptr<SequentialFlows> sequential_flows_;
  bool has_scaled_ = false;                 // some decoder states which counters are already multiplied
  const FlowGrouping* grouping_ = nullptr;  // from start() on
  const ScaleCounts* scale_counts_ = nullptr;
  ScaleSummary scale_summary_;
  task::StepReport report_;
  RowTable rows_;
  std::optional<std::filesystem::path> state_file_;
};

}  // namespace mole::runtime
