#include "runtime/metric/flow_runs.hpp"

#include "runtime/decode/flow_batch.hpp"

#include <algorithm>

namespace mole::runtime {
namespace {

constexpr std::uint32_t long_run = 256;     // rows; shorter ones are better copied together
constexpr std::uint32_t rows_a_state = 16;  // with fewer on the average, a batch is not arranged
constexpr std::uint32_t unseen = 0xffffffffu;

}  // namespace

// Few states among many: numbered by appearance, so that sorting looks at no counter of those that are not there.
bool FlowRuns::number_states(const std::uint32_t* slot_of_row, std::uint32_t rows, std::size_t slots) {
  if (number_.size() < slots) number_.resize(slots, unseen);
  if (number_of_row_.size() < rows) number_of_row_.resize(rows);
  const std::size_t most = rows / rows_a_state;
  bool few = true;
  for (std::uint32_t i = 0; i < rows && few; ++i) {
    const std::uint32_t slot = slot_of_row[i];
    if (slot == MOLE_NO_STATE) {
      number_of_row_[i] = MOLE_NO_STATE;
      continue;
    }
    if (number_[slot] == unseen) {
      few = slots_.size() < most;
      number_[slot] = static_cast<std::uint32_t>(slots_.size());
      slots_.push_back(slot);
    }
    number_of_row_[i] = number_[slot];
  }
  for (const auto slot : slots_) number_[slot] = unseen;
  return few;
}

bool FlowRuns::arrange(const FlowView& flows, const FlowRouting::Route& route, std::size_t slots) {
  flows_ = flows;
  columns_.fill(nullptr);
  runs_.clear();
  slots_.clear();
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) widths_[static_cast<std::size_t>(c)] = column_width(c, flows.family);
  if (route.nothing) return true;
  scatter_.reserve(MOLE_COLUMN_COUNT);
  if (!route.state_of_row) {
    scatter_.group(nullptr, 0, 0);  // nothing is moved
    runs_.push_back({route.slot, 0, flows.rows});
    return true;
  }
  const std::uint32_t* states = route.state_of_row;
  auto count = static_cast<std::uint32_t>(slots);
  if (slots > flows.rows / rows_a_state) {
    if (!number_states(states, flows.rows, slots)) return false;
    states = number_of_row_.data();
    count = static_cast<std::uint32_t>(slots_.size());
  }
  scatter_.group(states, flows.rows, count, long_run);
  runs_ = scatter_.runs();
  if (states != route.state_of_row)
    for (auto& run : runs_) run.state = slots_[run.state];
  std::stable_sort(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) { return a.state < b.state; });
  return true;
}

void FlowRuns::gather(int column) {
  const auto c = static_cast<std::size_t>(column);
  if (!columns_[c] && flows_.columns[c]) columns_[c] = scatter_.arranged(flows_.columns[c], widths_[c], c);
}

FlowView FlowRuns::view(const Run& run) const {
  FlowView out;
  out.rows = run.count;
  out.family = flows_.family;
  for (std::size_t c = 0; c < columns_.size(); ++c)
    if (columns_[c]) out.columns[c] = static_cast<const std::byte*>(columns_[c]) + run.first * widths_[c];
  return out;
}

}  // namespace mole::runtime
