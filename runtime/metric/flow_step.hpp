// A mergeable step fed by flows: one state per interval and group.
#pragma once

#include "runtime/host/arrow_columns.hpp"
#include "runtime/metric/coverage.hpp"
#include "runtime/metric/flow_routing.hpp"
#include "runtime/metric/flow_runs.hpp"
#include "runtime/metric/step_states.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mole::runtime {

// Answers for interval i of a step's grid and the dense part of a group.
using EvidenceOf = std::function<RowEvidence(std::uint32_t interval, const Group& dense)>;

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
  // `input`: index of the flows input. `step` and `routing` must outlive this; steps that share a routing are given the same route.
  FlowStep(const OpenStep& step, const FlowRouting& routing, std::uint32_t input, std::vector<int> reads);

  const std::vector<int>& reads() const { return reads_; }
  // Makes states for what the routing has met since the last call. Before a batch is added.
  Result<> reach();
  // Adds a batch as it was routed. One thread.
  Result<> add(const FlowView& flows, const FlowRouting::Route& route, std::uint64_t batch);
  // Adds runs [first, first + count) of an arranged batch whose columns reads() are gathered. Several threads at once, if no
  // state is in the runs of two of them.
  Result<> add(const FlowRuns& flows, std::size_t first, std::size_t count, std::uint64_t batch);
  // The cells of the block, complete and sorted. Ends the step.
  Result<std::vector<Cell>> take_cells(const std::vector<std::string>& routers, const EvidenceOf& evidence);

 private:
  const OpenStep& step_;
  const FlowRouting& routing_;
  std::uint32_t input_;
  std::vector<int> reads_;
  std::vector<MetricState> states_;    // by slot of the routing
  std::vector<mole_state*> pointers_;  // the same, as the ABI takes them
};

}  // namespace mole::runtime
