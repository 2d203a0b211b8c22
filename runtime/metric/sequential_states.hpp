// The states of a sequential step: one per group, carried from interval to interval; finish closes an interval for all.
#pragma once

#include "runtime/metric/flow_step.hpp"
#include "runtime/metric/row_builder.hpp"
#include "runtime/metric/step_states.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace mole::runtime {

// One thread. `step` must outlive this.
class SequentialStates {
 public:
  explicit SequentialStates(const OpenStep& step) : step_(step), builder_(step) {}

  // Loads the states of the checkpoint at the end of the previous block. Call first.
  Result<> load_checkpoint(const std::filesystem::path& checkpoint);
  // Creates the states of the dense groups, so that groups without flows get rows as well.
  Result<> create_dense(const std::vector<std::string>& routers);

  // Returns the number of the state of a group, creating it if needed.
  Result<std::uint32_t> number_of(const Group& group);
  std::span<mole_state* const> pointers() const { return pointers_; }
  // Record that the group had input, or late flows, in the open interval: sparse groups get a row only then.
  void mark_seen(std::uint32_t number) { seen_[number] = true; }
  void add_late(std::uint32_t number, std::uint64_t flows) { late_[number] += flows; }

  // Closes the interval for every state. Its rows are kept if it is in the block of the step.
  Result<> close(Micros interval_start, const CoverageOf& coverage);

  RowTable rows() { return builder_.build(); }
  // Writes the checkpoint at the end of the block.
  Result<> save(const std::filesystem::path& path) const;

 private:
  Result<std::uint32_t> add(const Group& group, MetricState state);

  const OpenStep& step_;
  RowBuilder builder_;
  std::map<Group, std::uint32_t> numbers_;
  std::vector<Group> groups_;
  std::vector<MetricState> states_;
  std::vector<mole_state*> pointers_;
  std::vector<bool> seen_;
  std::vector<std::uint64_t> late_;
};

}  // namespace mole::runtime
