// A mergeable step fed by flows: one state per interval and group.
#pragma once

#include "runtime/host/arrow_columns.hpp"
#include "runtime/metric/coverage.hpp"
#include "runtime/metric/flow_routing.hpp"
#include "runtime/metric/flow_runs.hpp"
#include "runtime/metric/row_builder.hpp"
#include "runtime/metric/state_spill.hpp"
#include "runtime/metric/step_states.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace mole::runtime {

// Evidence from the files of an archive: of the group's own router, else over all `routers`. Remembers what it worked out;
// coverage must outlive it. One thread.
EvidenceOf archive_evidence(const CoverageTable& coverage, const OpenStep& step, std::vector<std::string> routers);

// The flow columns a step's flows input reads, in the order of the descriptor.
Result<std::vector<int>> flow_columns_of(const Descriptor& descriptor);

// Batches of flows as the ABI passes them.
class FlowLender {
 public:
  FlowLender(std::uint32_t input, std::vector<int> reads);
  const std::vector<int>& reads() const { return reads_; }
  // Valid until the next call; every call lends the same columns.
  const mole_batch& lend(const FlowView& flows);

 private:
  std::vector<int> reads_;
  bool addresses_ = false;
  LentColumns columns_;
  mole_batch batch_{};
};

class FlowStep {
 public:
  // `input`: index of the flows input. `step` and `routing` must outlive this; steps that share a routing are given the same
  // route. `routers`: members of the router dimension. States of closed intervals are kept in a file in `scratch`.
  FlowStep(const OpenStep& step, const FlowRouting& routing, std::uint32_t input, std::vector<int> reads,
           const std::vector<std::string>& routers, std::filesystem::path scratch);

  const std::vector<int>& reads() const { return reads_; }
  // Makes states for what the routing has met since the last call. Before a batch is added.
  Result<> reach();
  // Adds a batch as it was routed. One thread.
  Result<> add(const FlowView& flows, const FlowRouting::Route& route, std::uint64_t batch);
  // Adds runs [first, first + count) of an arranged batch whose columns reads() are gathered. Several threads at once, if no
  // state is in the runs of two of them.
  Result<> add(const FlowRuns& flows, std::size_t first, std::size_t count, std::uint64_t batch);
  // Closes the intervals before `end`: no flow will come for them. Their states are finished and saved, as far as the step
  // asks for it, and forgotten. One thread; different steps may be closed at once.
  Result<> close(std::uint32_t end);

  // After the last interval is closed, and once: what the step has. Cells are complete, sorted and saved (none if neither
  // state nor window is asked for), valid as long as this; rows are there if a result is asked for without a window.
  struct Closed {
    std::vector<Cell> cells;
    RowTable rows;
  };
  Result<Closed> take(const EvidenceOf& evidence);

 private:
  struct Kept {  // a cell and the place of its state
    Cell cell;
    StateSpill::Place place;
  };
  bool keeps_states() const { return step_.step->make_state || (step_.step->window > 0 && step_.step->make_result); }
  bool makes_rows() const { return step_.step->make_result && step_.step->window == 0; }
  Result<std::vector<Cell>> cells_of(std::uint32_t interval);
  Result<> keep(std::vector<Cell>& cells);

  const OpenStep& step_;
  const FlowRouting& routing_;
  std::uint32_t input_;
  std::vector<int> reads_;
  std::vector<Group> members_;         // of the dense groups
  std::vector<MetricState> states_;    // by slot of the routing; none once its interval is closed
  std::vector<mole_state*> pointers_;  // the same, as the ABI takes them
  std::vector<std::vector<std::uint32_t>> slots_of_interval_;
  std::uint32_t closed_ = 0;  // intervals before this are closed
  std::vector<Kept> kept_;
  StateSpill spill_;
  RowBuilder rows_;
};

}  // namespace mole::runtime
