// Receives the results of a task. Implemented by the handover to the sealing process, and in memory by tests and benchmarks.
#pragma once

#include "runtime/rows/row_table.hpp"
#include "sdk/model/enums.hpp"
#include "sdk/model/task.hpp"

#include <mole/result.hpp>

#include <filesystem>
#include <optional>
#include <span>

namespace mole::runtime {

// Called as soon as a step, a file or a page of the index is finished. An error ends the task.
class TaskSink {
 public:
  virtual ~TaskSink() = default;
  // `rows`: null if the step produces none. `state_file`: complete; it is not moved.
  virtual Result<> step(const task::StepReport& report, const RowTable* rows,
                        const std::optional<std::filesystem::path>& state_file) = 0;
  virtual Result<> file(const task::FileReport& report) = 0;
  virtual Result<> index(std::span<const task::IndexEntry> entries) = 0;
};

}  // namespace mole::runtime
