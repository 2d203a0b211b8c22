// One step on its way through a task: opened, fed, finished, or failed alone.
#pragma once

#include "runtime/host/plugin_set.hpp"
#include "runtime/metric/coverage.hpp"
#include "runtime/metric/flow_step.hpp"
#include "runtime/metric/sequential_step.hpp"
#include "runtime/metric/step_states.hpp"
#include "runtime/task/task_sink.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace mole::runtime {

struct StepRun {
  enum class Phase { waiting, feeding, done, failed };

  Phase phase = Phase::waiting;
  std::uint32_t level = 0;  // of decode passes: a step of level n needs rows that pass n-1 gives
  OpenStep open;
  Filter filter;
  HomeFilters home;                 // of the archive; for the direction
  int flows_input = -1;             // index of its input of kind flows; -1: it reads rows only
  std::vector<int> reads;           // flow columns of that input
  FlowGrouping* routing = nullptr;  // shared; set for a pass
  std::unique_ptr<FlowStep> flow;   // mergeable
  std::unique_ptr<SequentialFlows> sequential;
  task::StepReport report;
  RowTable rows;  // kept for later steps of the task
  std::optional<std::filesystem::path> state_file;

  const task::Step& step() const { return *open.step; }
  bool is_sequential() const { return step().execution == "sequential"; }
  // Its states come from its inputs, not from a state file of this block.
  bool computes() const;
  bool wants_flows() const { return flows_input >= 0 && computes(); }
  bool alive() const { return phase == Phase::waiting || phase == Phase::feeding; }
  void fail(const Error& error);
  void block(const std::string& why);
};

// Opens the module and parses the step's words. What goes wrong fails the step, not the task.
void open_step(StepRun& run, const task::Spec& spec, std::uint32_t index, const PluginSet& plugins);

// Where steps find and leave files: rows/, states/, tables/ and scratch/ of the attempt folder.
struct AttemptFolder {
  std::filesystem::path path;
  std::filesystem::path rows(const Digest& blob) const { return path / "rows" / (blob.hex() + ".rows"); }
  std::filesystem::path state(const Digest& blob) const { return path / "states" / blob.hex(); }
  std::filesystem::path tables() const { return path / "tables"; }  // routing tables by digest
  std::filesystem::path scratch() const { return path / "scratch"; }
};

// Loads the step's rows and context inputs, from blobs and from earlier steps of the task.
Result<> load_upstream(StepRun& run, const std::vector<std::unique_ptr<StepRun>>& steps, const AttemptFolder& folder);

// From the cells of the block (empty if make_state is not asked for) to rows and state file.
Result<> finish_mergeable(StepRun& run, std::vector<Cell> cells, const std::vector<std::string>& routers,
                          const AttemptFolder& folder);
// The same for a mergeable step that was fed with flows: of its intervals, all closed, what is left to do.
Result<> finish_flows(StepRun& run, const std::vector<std::string>& routers, const CoverageOf& evidence,
                      const AttemptFolder& folder);
// The same for a sequential step that has been fed.
Result<> finish_sequential(StepRun& run, const std::vector<std::string>& routers, const CoverageOf& evidence,
                           const AttemptFolder& folder);

}  // namespace mole::runtime
