#include "runtime/metric/sequential_step.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace mole::runtime {
namespace {

constexpr int u32_columns[] = {MOLE_COLUMN_ROUTER, MOLE_COLUMN_SAMPLING, MOLE_COLUMN_SRC_AS,
                               MOLE_COLUMN_DST_AS, MOLE_COLUMN_IN_IF,    MOLE_COLUMN_OUT_IF};
constexpr std::uint32_t unknown = 0xffffffffu;

SortOptions sort_options(const FlowRouting& routing, const std::vector<int>& reads, int place_column,
                         const std::filesystem::path& scratch) {
  SortOptions options;
  for (const int c : reads) options.columns.set(static_cast<std::size_t>(c));
  options.columns.set(MOLE_COLUMN_START);
  options.columns.set(static_cast<std::size_t>(place_column));
  options.range = routing.grid().range();
  options.scratch = scratch;
  return options;
}

FlowView part_of(const FlowBatch& flows, std::uint32_t from, std::uint32_t to) {
  FlowView view;
  view.rows = to - from;
  view.family = flows.address_family;
  for (std::size_t c = 0; c < MOLE_COLUMN_COUNT; ++c)
    if (flows.columns[c])
      view.columns[c] =
          static_cast<const std::byte*>(flows.columns[c]) + from * column_width(static_cast<int>(c), flows.address_family);
  return view;
}

}  // namespace

Result<std::unique_ptr<SequentialFlows>> SequentialFlows::create(const OpenStep& step, const FlowRouting& routing,
                                                                 std::uint32_t input, const std::vector<int>& reads,
                                                                 const std::filesystem::path& scratch) {
  const auto place = std::find_if(std::begin(u32_columns), std::end(u32_columns),
                                  [&](int c) { return std::find(reads.begin(), reads.end(), c) == reads.end(); });
  if (place == std::end(u32_columns))
    return unsupported(
        step.module->name() +
        ": a sequential metric may not read router, sampling, src_as, dst_as, in_if and out_if at once; leave one out");
  return std::unique_ptr<SequentialFlows>(new SequentialFlows(step, routing, input, reads, *place, scratch));
}

SequentialFlows::SequentialFlows(const OpenStep& step, const FlowRouting& routing, std::uint32_t input,
                                 const std::vector<int>& reads, int place_column, const std::filesystem::path& scratch)
    : step_(step),
      routing_(routing),
      lender_(input, reads),
      place_column_(place_column),
      sorter_(sort_options(routing, reads, place_column, scratch)) {}

Result<> SequentialFlows::add(const FlowView& flows, const FlowRouting::Route& route, std::uint32_t file_order,
                              std::uint64_t first_record) {
  if (route.nothing) return {};
  FlowBatch batch;
  batch.rows = flows.rows;
  batch.address_family = flows.family;
  batch.first_record = first_record;
  for (std::size_t c = 0; c < MOLE_COLUMN_COUNT; ++c) batch.columns[c] = const_cast<void*>(flows.columns[c]);
  if (route.state_of_row) {
    kept_.clear();
    for (std::uint32_t i = 0; i < flows.rows; ++i)
      if (route.state_of_row[i] != MOLE_NO_STATE) kept_.push_back(i);
    batch.columns[static_cast<std::size_t>(place_column_)] = const_cast<std::uint32_t*>(route.state_of_row);
    return sorter_.add(batch, file_order, std::span<const std::uint32_t>(kept_));
  }
  slots_.assign(flows.rows, route.slot);
  batch.columns[static_cast<std::size_t>(place_column_)] = slots_.data();
  return sorter_.add(batch, file_order);
}

Result<std::uint32_t> SequentialFlows::state_of_slot(SequentialStates& states, std::uint32_t slot) {
  if (number_of_slot_.size() <= slot) number_of_slot_.resize(routing_.slots().size(), unknown);
  if (number_of_slot_[slot] == unknown) {
    auto number = states.number_of(routing_.group_of(slot));
    if (!number) return number;
    number_of_slot_[slot] = *number;
  }
  return number_of_slot_[slot];
}

// Rows [from, to) lie in one interval.
Result<> SequentialFlows::feed(SequentialStates& states, const FlowBatch& flows, std::uint32_t from, std::uint32_t to) {
  const auto* slots = flows.column<std::uint32_t>(place_column_).data();
  state_of_row_.resize(to - from);
  for (std::uint32_t i = from; i < to; ++i) {
    auto number = state_of_slot(states, slots[i]);
    if (!number) return number.error();
    state_of_row_[i - from] = *number;
    states.saw(*number);
  }
  return step_.module->add(states.pointers(), state_of_row_.data(), lender_.lend(part_of(flows, from, to)), batches_++);
}

Result<> SequentialFlows::note_late(SequentialStates& states, std::uint32_t interval) {
  for (const std::uint32_t slot : late_slots_[interval]) {
    auto number = state_of_slot(states, slot);
    if (!number) return number.error();
    states.late(*number, routing_.slots()[slot].late);
  }
  return {};
}

Result<> SequentialFlows::run(SequentialStates& states, const EvidenceOf& evidence) {
  const IntervalGrid& grid = routing_.grid();
  late_slots_.resize(grid.size());
  for (std::uint32_t slot = 0; slot < routing_.slots().size(); ++slot)
    if (routing_.slots()[slot].late > 0) late_slots_[routing_.slots()[slot].interval].push_back(slot);

  std::uint32_t open = 0;  // interval that is being fed
  const auto close_until = [&](std::uint32_t interval) -> Result<> {
    for (; open < interval; ++open) {
      if (auto noted = note_late(states, open); !noted) return noted;
      if (auto closed = states.close(grid.at(open).from, evidence); !closed) return closed;
    }
    return {};
  };
  FlowBatch flows;
  while (true) {
    auto more = sorter_.next(flows);
    if (!more) return more.error();
    if (!*more) break;
    const auto starts = flows.column<Micros>(MOLE_COLUMN_START);
    for (std::uint32_t from = 0; from < flows.rows;) {
      const std::uint32_t interval = grid.index_of(starts[from]);
      std::uint32_t to = from + 1;
      while (to < flows.rows && starts[to] < grid.at(interval).to) ++to;
      if (auto closed = close_until(interval); !closed) return closed;
      if (auto fed = feed(states, flows, from, to); !fed) return fed;
      from = to;
    }
  }
  return close_until(grid.size());
}

Result<> run_sequential_rows(const OpenStep& step, SequentialStates& states, Micros from, const EvidenceOf& evidence) {
  LentColumns columns;
  for (Micros start = from; start < step.block.to; start += step.step->interval) {
    for (std::size_t input = 0; input < step.upstream.size(); ++input) {
      if (step.step->inputs[input].kind != "rows") continue;
      LentRows rows;
      std::vector<std::uint32_t> state_of_row;
      for (const auto& row : step.upstream[input].rows()) {
        if (row.interval_start != start || !row.valid || !(row.evidence.coverage > 0)) continue;
        auto number = states.number_of(row.group);
        if (!number) return number.error();
        states.saw(*number);
        rows.add(row);
        state_of_row.push_back(*number);
      }
      if (state_of_row.empty()) continue;
      mole_batch batch{};
      batch.struct_size = sizeof batch;
      batch.input = static_cast<std::uint32_t>(input);
      batch.rows = rows.size();
      batch.columns = rows.lend(columns);
      if (auto added = step.module->add(states.pointers(), state_of_row.data(), batch, 0); !added) return added;
    }
    if (auto closed = states.close(start, evidence); !closed) return closed;
  }
  return {};
}

}  // namespace mole::runtime
