// Runs one task: opens the modules, stages the files, decodes each file once for all steps that read flows, then runs the steps
// that read rows, in order. Each step is passed to the sink as soon as it is finished.
//
//   TaskRunner runner(spec, options, plugins, sink);
//   task::Report totals = runner.run();
//
// A step that fails is reported as "failed", steps that read its rows as "blocked"; the others finish. Missing and damaged files
// are not failures; they reduce the coverage. The totals have an error code if the whole task failed (archive, cache, disk).
#pragma once

#include "runtime/archive/packed_listing.hpp"
#include "runtime/host/plugin_set.hpp"
#include "runtime/staging/cache.hpp"
#include "runtime/task/flow_pass.hpp"
#include "runtime/task/staged_files.hpp"
#include "runtime/task/step_run.hpp"
#include "runtime/task/task_sink.hpp"
#include "sdk/model/task.hpp"

#include <memory>
#include <vector>

namespace mole::runtime {

struct TaskOptions {
  AttemptFolder folder;
  Cache* cache = nullptr;      // null: a task that needs files fails, unless it has `files`
  unsigned threads = 1;        // for decoding one file
  bool columns = true;         // read cached columns, and cache those of decoded files
  TaskFiles* files = nullptr;  // the files of compute, merge and verify; null: staged with `cache` and the archive's downloaders
};

// Not thread-safe. The constructor's arguments must outlive it.
class TaskRunner {
 public:
  TaskRunner(const task::Spec& spec, const TaskOptions& options, const PluginSet& plugins, TaskSink& sink)
      : spec_(spec), options_(options), plugins_(plugins), sink_(sink) {}

  // Returns the totals: code and message if the task as a whole failed, bytes and flows read, seconds.
  task::Report run();

 private:
  Result<> list_archive();
  Result<> report_listing(const PackedListing& listing);
  Result<> fetch_files();
  Result<> run_steps();
  Result<> stage();
  void report_fetched();
  ColumnSet columns_read() const;
  void set_levels();
  Result<> run_level(std::uint32_t level);
  Result<> run_pass(FlowPass& pass);
  Result<> finish_step(std::uint32_t index, const CoverageTable& coverage);
  bool input_failed(StepRun& run) const;
  bool is_input(std::uint32_t index) const;

  const task::Spec& spec_;
  const TaskOptions& options_;
  LoadedTables tables_{options_.folder.tables()};
  const PluginSet& plugins_;
  TaskSink& sink_;
  std::unique_ptr<StagedFiles> own_files_;
  TaskFiles* files_used_ = nullptr;
  std::unique_ptr<Decoders> decoders_;
  std::unique_ptr<FlowFiles> flows_;
  std::vector<std::unique_ptr<StepRun>> steps_;
  std::vector<std::uint32_t> levels_;  // by step: number of the decode pass after which it can finish
  std::vector<task::FileReport> files_;
  task::Report totals_;
};

}  // namespace mole::runtime
