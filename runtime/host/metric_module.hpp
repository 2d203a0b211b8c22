// A metric plugin opened with its parameters, and its states. The member functions call the C functions of the plugin, record
// each call in the call record and return a Result. Error messages begin with the module and the call.
#pragma once

#include "runtime/host/call_record.hpp"
#include "runtime/rows/row_table.hpp"
#include "sdk/descriptor/descriptor.hpp"
#include "sdk/model/task.hpp"

#include <mole/abi.h>
#include <mole/result.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime {

class MetricModule;

struct DestroyState {
  const MetricModule* module = nullptr;
  void operator()(mole_state* state) const;
};
// Owns one state of a module, which must outlive it. Not thread-safe: use from one thread at a time.
using MetricState = std::unique_ptr<mole_state, DestroyState>;

// The rows that finish returned for some states.
struct FinishedRows {
  std::vector<Column> columns;               // the module's outputs
  std::vector<std::uint32_t> rows_of_state;  // number of rows of state i, in order
};

// Immutable once open. Several threads may use it on different states.
class MetricModule {
 public:
  // The arguments of the plugin's open, from the step of a task.
  struct OpenArguments {
    std::uint32_t step = no_step;     // for the call record
    std::string module;               // "traffic"
    std::vector<task::Input> inputs;  // bindings, in the descriptor's order
    nlohmann::json params = nlohmann::json::object();
  };

  // `vtable` and `record` must outlive the module. invalid: parameters or bindings do not match the descriptor, or the plugin
  // rejects them.
  static Result<std::unique_ptr<MetricModule>> open(const mole_metric_v1* vtable, Descriptor descriptor, OpenArguments arguments,
                                                    CallRecord& record);
  ~MetricModule();
  MetricModule(const MetricModule&) = delete;
  MetricModule& operator=(const MetricModule&) = delete;

  const Descriptor& descriptor() const { return descriptor_; }
  const std::vector<Output>& outputs() const { return outputs_; }  // with names and units resolved
  const std::string& name() const { return arguments_.module; }
  std::uint32_t step() const { return arguments_.step; }
  bool mergeable() const { return vtable_->merge != nullptr; }
  // Returns the index of the input of kind "context"; -1: none.
  int context_input() const { return context_input_; }

  Result<MetricState> create() const;
  // `rows`: at most one row of the context input: the upstream value of this interval and group.
  Result<> begin(const MetricState& state, const ArrowArray* rows) const;
  // `states`: borrowed. `state_of_row`: as in the ABI. `number`: of the batch, for the call record.
  Result<> add(std::span<mole_state* const> states, const std::uint32_t* state_of_row, const mole_batch& batch,
               std::uint64_t number) const;
  // A batch whose rows all belong to one state.
  struct Run {
    mole_state* state;
    const mole_batch* batch;
  };
  // Calls add `count` times with a single entry in the call record, until a call fails. `run(i)` is valid until run(i + 1).
  template <class RunAt>
  Result<> add_each(std::size_t count, std::uint64_t number, RunAt&& run) const {
    return add_all(number, [&](mole_error* e) {
      for (std::size_t i = 0; i < count; ++i) {
        const Run one = run(i);
        if (const auto code = vtable_->add(module_, &one.state, 1, nullptr, one.batch, e); code != MOLE_OK) return code;
      }
      return std::int32_t{MOLE_OK};
    });
  }
  Result<> merge(const MetricState& into, const MetricState& other) const;
  // Finishes states[i] for intervals[i].
  Result<FinishedRows> finish(std::span<mole_state* const> states, std::span<const mole_interval> intervals) const;
  // exhausted: the state is larger than `limit`.
  Result<std::string> save(const MetricState& state, std::uint64_t limit = std::uint64_t{1} << 30) const;
  Result<> load(const MetricState& state, std::string_view bytes) const;

 private:
  friend struct DestroyState;
  MetricModule(const mole_metric_v1* vtable, Descriptor descriptor, OpenArguments arguments, CallRecord& record)
      : vtable_(vtable), descriptor_(std::move(descriptor)), arguments_(std::move(arguments)), record_(record) {}
  Result<> start();
  Result<> add_all(std::uint64_t number, const std::function<std::int32_t(mole_error*)>& body) const;
  template <class F>
  Result<> call(Call which, std::uint64_t number, F&& body) const;

  const mole_metric_v1* vtable_;
  Descriptor descriptor_;
  OpenArguments arguments_;
  CallRecord& record_;
  std::vector<Output> outputs_;
  int context_input_ = -1;
  mole_module* module_ = nullptr;
};

}  // namespace mole::runtime
