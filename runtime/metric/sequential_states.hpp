// The states of a sequential step: one per group, living from interval to interval; finish closes an interval for all.
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

  // Takes up the states of the checkpoint at the end of the block before. Before anything else.
  Result<> resume(const std::filesystem::path& checkpoint);
  // Makes states for the members of dense groups, so that silence is seen as well.
  Result<> start(const std::vector<std::string>& routers);

  // The number of a group's state, made if it is new.
  Result<std::uint32_t> number_of(const Group& group);
  std::span<mole_state* const> pointers() const { return pointers_; }
  // In the open interval the group had input / had late flows: an open (sparse) group gets a row only then.
  void saw(std::uint32_t number) { seen_[number] = true; }
  void late(std::uint32_t number, std::uint64_t flows) { late_[number] += flows; }

  // Closes the interval for every state; rows are kept if it lies in the step's block.
  Result<> close(Micros interval_start, const EvidenceOf& evidence);

  RowTable rows() { return builder_.build(); }
  // The checkpoint at the end of the block.
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
