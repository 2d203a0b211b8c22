// Feeds batches of flows to the steps that read them.
//
// Each batch is grouped and arranged by state once per group of steps with equal groupings. Then every step adds its runs. Pairs
// of step and state are independent, so they are partitioned among threads; a batch ends when all are done. A state
// receives its rows in file order, so the results do not depend on the number of threads.
#pragma once

#include "runtime/metric/counter_scale.hpp"
#include "runtime/metric/flow_grouping.hpp"
#include "runtime/metric/flow_runs.hpp"
#include "runtime/routes/as_columns.hpp"
#include "runtime/task/step_run.hpp"
#include "runtime/task/worker_pool.hpp"

#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace mole::runtime {

struct AsLookup {
  const task::Step* step;  // the first that uses it
  AsColumns columns;
  int time_column;  // selects the table for a flow: the time at which the flow counts
  bool reads_src = false, reads_dst = false;
  FlowBatch view;              // the current batch with the AS numbers looked up
  std::optional<Error> error;  // a table could not be loaded; every step that uses it fails
};

// Looks up src_as and dst_as once per batch for all steps with the same routing tables and time column. Not thread-safe.
//
//   AsLookup* as = lookups.add(step, wanted);        // null: the step uses the AS numbers of the records
//   lookups.look_up(flows);
//   const FlowBatch& view = as ? as->view : flows;   // unless as->error
class AsLookups {
 public:
  explicit AsLookups(LoadedTables& tables) : tables_(tables) {}

  // `wanted`: the columns that `step`, its filter and its groups read; replaced by those that must be decoded.
  AsLookup* add(const task::Step& step, ColumnSet& wanted);
  void look_up(const FlowBatch& flows);

 private:
  LoadedTables& tables_;
  std::vector<std::unique_ptr<AsLookup>> lookups_;
};

// Called by one thread. The spec, the tables and the steps must outlive it.
class FlowFeeder {
 public:
  FlowFeeder(const task::Spec& spec, unsigned threads, LoadedTables& tables) : spec_(spec), as_(tables), pool_(threads) {}

  // Prepares a running step that reads flows; an error fails the step. `routers`: of the files of the task.
  void add(StepRun& run, const std::vector<std::string>& routers);
  bool empty() const { return groups_.empty(); }
  bool any_running() const;
  ColumnSet columns() const { return columns_; }  // that the steps read

  // Begins a file. False: no step reads it.
  bool start_file(const task::File& file);
  // Ends the current file, which `decoder` read. `presence`: of the columns.
  void end_file(const task::File& file, const std::string& decoder, const ColumnPresence& presence);
  // Adds a batch of file number `file` to the steps that read it. A step that fails receives no more flows.
  void feed(const FlowBatch& decoded, std::uint32_t file);
  // Fails the running steps that read the current file.
  void fail_readers(const Error& error);
  // Closes the intervals that no file from number `files_read` on can reach. An error fails the whole task.
  Result<> close_intervals(std::size_t files_read);

 private:
  struct StepGroup {  // steps that share a grouping
    FlowGrouping grouping;
    const AsLookup* as = nullptr;  // null: they use the AS numbers of the records
    bool reads_as = false;
    Scale scale = Scale::none;         // of the counters that the steps and their filter read
    CounterScale* counters = nullptr;  // null: the steps read no counters that may have to be converted
    ScaleCounts counts{};
    std::vector<StepRun*> steps{};
    // watermarks[n]: once n files are read, the intervals before this one receive no more flows.
    std::vector<std::uint32_t> watermarks{};
    // Of the current batch:
    FlowBatch view{};  // with AS numbers looked up and counters converted
    Result<FlowGrouping::Assignment> assignment = FlowGrouping::Assignment{};
    FlowRuns runs{};
    bool arranged = false;
  };
  // Work on a batch for one thread: some runs of a step, or all of its rows.
  struct WorkItem {
    StepRun* run;
    StepGroup* group;
    std::size_t first, count;  // of group->runs; not used if the batch is not arranged
    std::uint32_t rows;
    Result<> outcome;
  };

  StepGroup* group_for(GroupingPlan plan, bool reads_as, const AsLookup* as, StepRun& run);
  CounterScale* counters_for(Scale scale);
  std::vector<std::uint32_t> watermarks_of(const FlowGrouping& grouping) const;
  void assign(StepGroup& group);
  void partition_work(StepGroup& group, std::uint32_t rows);
  void gather_columns();
  void run_items(std::uint32_t file);

  const task::Spec& spec_;
  AsLookups as_;
  std::list<CounterScale> scales_;  // at most one of each Scale
  WorkerPool pool_;
  ColumnSet columns_;
  std::list<StepGroup> groups_;
  std::vector<StepGroup*> reading_;  // groups that read the current file
  std::vector<WorkItem> items_;      // of the current batch, in the order of steps and states
  std::uint64_t batches_ = 0;
};

}  // namespace mole::runtime
