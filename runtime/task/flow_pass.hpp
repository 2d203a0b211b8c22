// Decodes the files of a task once, in order, for every step that reads flows.
//
// After each file the intervals that no later file can reach are closed, so that memory holds only the states of intervals within
// reach of one file and the archive's lateness, not those of the whole block. The files must be in time order.
//
// Damage policies. partial: the readable part of a damaged file counts; strict: a damaged file fails the steps that read it;
// skip: a damaged file is left out, so each file is scanned before its first flow counts.
//
// Of several files of one router with overlapping times, only the first is read if their content is the same
// (FileState::duplicate); otherwise the steps that read them fail if they have one start time. With Duplicates::all each is read.
#pragma once

#include "runtime/decode/flow_source.hpp"
#include "runtime/metric/coverage.hpp"
#include "runtime/task/flow_feeder.hpp"
#include "runtime/task/flow_files.hpp"

#include <functional>
#include <optional>

namespace mole::runtime {

// Configures the C library's allocator for a process that runs tasks. Call before any thread is started.
void set_up_allocator();

class FlowPass {
 public:
  struct Totals {
    std::uint64_t bytes = 0;  // of the files as stored
    std::uint64_t flows = 0;
  };
  using ReportSink = std::function<Result<>(const task::FileReport&)>;

  // `files`: staged; null if no step reads flows. All must outlive the pass.
  FlowPass(const task::Spec& spec, FlowFiles* files, unsigned threads, LoadedTables& tables);

  // Adds a running step that reads flows. An error fails the step.
  void add(StepRun& run);
  // Reads the files that the steps need (all files if there are no steps, as for kind "verify") and reports those that are
  // present. An error (disk, cache) fails the whole task.
  Result<Totals> run(const ReportSink& sink);

  const CoverageTable& coverage() const { return coverage_; }

 private:
  // Returns the first file of the same router that has the same start time, or overlaps and has the same content, if both were
  // staged and the archive's policy compares them.
  std::optional<std::uint32_t> twin_of(std::uint32_t number) const;
  bool same_content(std::uint32_t number, std::uint32_t other) const;
  Result<> read_file(std::uint32_t number, const ReportSink& sink);
  enum class Fed { complete, failed, may_be_misplaced };
  Result<Fed> feed_file(std::uint32_t number, FlowSource& source, bool is_placed);
  Result<> close_intervals(std::size_t files_read);
  Result<> finish_file(std::uint32_t number, task::FileReport report, const ReportSink& sink);

  const task::Spec& spec_;
  FlowFiles* files_;
  FlowFeeder feeder_;
  const DamagePolicy damage_;
  CoverageTable coverage_;
  Totals totals_;
};

}  // namespace mole::runtime
