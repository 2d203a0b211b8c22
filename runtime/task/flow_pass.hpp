// Decodes the files of a task once, in order, and feeds every step that reads flows.
//
// A batch is routed and arranged by state once per group of steps with equal routes. Then every step adds its runs: pairs of
// step and state are independent, so they are shared out among the threads; the batch ends when all are done. A state sees
// its rows in the order of the file whatever the number of threads, so that results do not depend on it.
//
// After each file the intervals that no later file can reach are closed, so that memory holds the states of the intervals that
// one file and the archive's lateness reach, not of the block; files come in the order of time for that.
#pragma once

#include "runtime/decode/flow_source.hpp"
#include "runtime/metric/coverage.hpp"
#include "runtime/metric/flow_grouping.hpp"
#include "runtime/metric/flow_runs.hpp"
#include "runtime/task/as_lookups.hpp"
#include "runtime/task/flow_files.hpp"
#include "runtime/task/step_run.hpp"
#include "runtime/task/worker_pool.hpp"

#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mole::runtime {

class FlowPass {
 public:
  struct Totals {
    std::uint64_t bytes = 0;  // of the files as stored
    std::uint64_t flows = 0;
  };

  // `files`: staged; null if nobody reads flows. All must outlive the pass.
  FlowPass(const task::Spec& spec, FlowFiles* files, unsigned threads, std::filesystem::path scratch, LoadedTables& tables);

  // Prepares `run` (alive, with a flows input) to be fed. What goes wrong fails it alone.
  void add(StepRun& run);
  // Reads the files that some step wants (all of them if none was added: kind "verify"). `report` is called once per file
  // that is present. A step that fails is fed no more. An error is the task's: the disk, the cache.
  Result<Totals> run(const std::function<Result<>(const task::FileReport&)>& report);

  const CoverageTable& coverage() const { return coverage_; }

 private:
  struct Group {  // steps that share a grouping
    GroupingPlan plan;
    const AsLookup* as = nullptr;  // null: they see the records' own AS numbers
    std::unique_ptr<FlowGrouping> routing;
    std::vector<StepRun*> steps;
    bool reads_file = false;
    bool reads_as = false;
    std::vector<std::uint32_t> settled;  // by file: intervals before this get no flow of any later file
    // Of the current batch:
    Result<FlowGrouping::Assignment> route = FlowGrouping::Assignment{};
    FlowRuns runs;
    bool arranged = false;
  };
  // What one thread does of a batch: some runs of a step, or all of its rows.
  struct Item {
    StepRun* run;
    Group* group;
    std::size_t first, count;  // of group->runs; not used if the batch is not arranged
    std::uint32_t rows;
    Result<> outcome;
  };

  Group& group_for(const GroupingPlan& plan, bool reads_as, const AsLookup* as);
  bool start_file(const task::File& file);
  Result<> read_file(std::uint32_t number, const std::function<Result<>(const task::FileReport&)>& report);
  Result<bool> feed_file(std::uint32_t number, FlowSource& reader);
  Result<task::FileReport> look_through(std::uint32_t number);
  void feed(const FlowBatch& decoded, std::uint32_t file);
  void route(Group& group, const FlowBatch& flows);
  void gather();
  void share_out(Group& group, std::uint32_t rows);
  void foresee(Group& group) const;
  Result<> close_intervals(std::size_t files_read);
  void fail_readers(const Error& error);
  bool anyone_alive() const;

  const task::Spec& spec_;
  FlowFiles* files_;
  std::filesystem::path scratch_;
  ColumnSet wanted_;
  std::list<Group> groups_;
  AsLookups as_;
  CoverageTable coverage_;
  Totals totals_;
  std::uint64_t batches_ = 0;
  WorkerPool pool_;
  std::vector<Group*> reading_;  // groups that read the current file
  std::vector<Item> items_;      // of the current batch, in the order of steps and states
};

}  // namespace mole::runtime
