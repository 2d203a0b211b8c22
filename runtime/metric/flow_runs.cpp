#include "runtime/metric/flow_runs.hpp"

#include <algorithm>

namespace mole::runtime {
namespace {

constexpr std::uint32_t long_run = 256;           // rows; shorter runs are copied together
constexpr std::uint32_t min_rows_per_state = 16;  // with fewer on average, a batch is not arranged
constexpr std::uint32_t unseen = 0xffffffffu;

}  // namespace

// Numbers the slots that occur in the batch, so that the counting sort needs no counters for the others. False: too many occur.
bool FlowRuns::number_states(const std::uint32_t* slot_of_row, std::uint32_t rows, std::size_t slots) {
  if (number_.size() < slots) number_.resize(slots, unseen);
  if (number_of_row_.size() < rows) number_of_row_.resize(rows);
  const std::size_t max_states = rows / min_rows_per_state;
  bool few = true;
  for (std::uint32_t i = 0; i < rows && few; ++i) {
    const std::uint32_t slot = slot_of_row[i];
    if (slot == MOLE_NO_STATE) {
      number_of_row_[i] = MOLE_NO_STATE;
      continue;
    }
    if (number_[slot] == unseen) {
      few = slots_.size() < max_states;
      number_[slot] = static_cast<std::uint32_t>(slots_.size());
      slots_.push_back(slot);
    }
    number_of_row_[i] = number_[slot];
  }
  for (const auto slot : slots_) number_[slot] = unseen;
  return few;
}

bool FlowRuns::arrange(const FlowBatch& flows, const FlowGrouping::Assignment& assignment, std::size_t slots) {
  flows_ = flows;
  gathered_ = {};
  gathered_.address_family = flows.address_family;
  runs_.clear();
  slots_.clear();
  if (assignment.empty) return true;
  scatter_.reserve(max_columns);
  if (!assignment.slot_of_row) {
    scatter_.group(nullptr, 0, 0);  // nothing is moved
    runs_.push_back({assignment.slot, 0, flows.rows});
    return true;
  }
  const std::uint32_t* states = assignment.slot_of_row;
  auto count = static_cast<std::uint32_t>(slots);
  if (slots > flows.rows / min_rows_per_state) {
    if (!number_states(states, flows.rows, slots)) return false;
    states = number_of_row_.data();
    count = static_cast<std::uint32_t>(slots_.size());
  }
  scatter_.group(states, flows.rows, count, long_run);
  runs_ = scatter_.runs();
  if (states != assignment.slot_of_row)
    for (auto& run : runs_) run.state = slots_[run.state];
  std::stable_sort(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) { return a.state < b.state; });
  return true;
}

void FlowRuns::gather(int column) {
  const auto c = static_cast<std::size_t>(column);
  if (!gathered_.columns[c] && flows_.columns[c])
    gathered_.columns[c] = scatter_.arranged(flows_.columns[c], column_width(column, flows_.address_family), c);
}

FlowBatch FlowRuns::view(const Run& run) const { return gathered_.slice(run.first, run.count); }

}  // namespace mole::runtime
