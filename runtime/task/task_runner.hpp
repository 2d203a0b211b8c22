// Runs one task. Read this file first, then task_runner.cpp: open the modules, stage the files, decode each file once for all
// steps that read flows, then the steps that read rows, in order; every step is handed over as soon as it is finished.
//
//   TaskRunner runner(spec, options, plugins, sink);
//   task::Report totals = runner.run();
//
// A step that fails is reported as "failed", steps that read it as "blocked"; the others finish. Files that are missing or
// damaged are evidence, not failures (DESIGN decision 11). What fails the task as a whole stands in the totals' code: the
// archive's services, the cache, the disk.
#pragma once

#include "runtime/archive/archive_reader.hpp"
#include "runtime/host/plugin_set.hpp"
#include "runtime/host/stream_modules.hpp"
#include "runtime/staging/cache.hpp"
#include "runtime/task/flow_pass.hpp"
#include "runtime/task/step_run.hpp"
#include "runtime/task/task_sink.hpp"
#include "sdk/model/task.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace mole::runtime {

struct TaskOptions {
  AttemptFolder folder;
  Cache* cache = nullptr;  // null: a task that needs files fails
  unsigned threads = 1;    // that decode one file
  bool columns = true;     // read columns the cache has, and keep those of what is decoded
};

// One thread. What it is made from must outlive it.
class TaskRunner {
 public:
  TaskRunner(const task::Spec& spec, const TaskOptions& options, const PluginSet& plugins, TaskSink& sink)
      : spec_(spec), options_(options), plugins_(plugins), sink_(sink) {}

  // The totals: code and message if the task as a whole failed, bytes and flows read, seconds.
  task::Report run();

 private:
  Result<> run_kind();
  Result<> list_archive();
  Result<> run_steps();
  Result<> stage();
  void open_steps();
  void set_levels();
  Result<> run_level(std::uint32_t level);
  Result<> finish_fed(StepRun& run, const FlowPass& pass);
  Result<> run_rows_step(StepRun& run);
  Result<> finished(StepRun& run, const Result<>& outcome);
  bool blocked(StepRun& run) const;
  Result<std::unique_ptr<DownloaderModule>> open_downloader() const;

  const task::Spec& spec_;
  const TaskOptions& options_;
  LoadedTables tables_{options_.folder.tables()};
  const PluginSet& plugins_;
  TaskSink& sink_;
  std::unique_ptr<DownloaderModule> downloader_;
  std::unique_ptr<DecoderModule> decoder_;
  std::unique_ptr<ArchiveReader> archive_;
  std::unique_ptr<FlowFiles> flows_;
  std::vector<std::unique_ptr<StepRun>> steps_;
  std::vector<task::FileReport> files_;
  task::Report totals_;
};

}  // namespace mole::runtime
