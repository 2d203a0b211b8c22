#pragma once

#include <mole/decoder.hpp>

#include "block_records.hpp"

#include <span>

namespace mole::plugins::nfcapd {

// Fills the columns of `out` with flows of one address family, starting at row 0.
void fill_columns(FlowBuilder& out, const BlockRecords& records, std::uint32_t family, std::span<const Flow> flows);

// The times of a flow in milliseconds; events have the time of the event.
struct FlowTimes {
  std::uint64_t first = 0, last = 0, received = 0;
};
FlowTimes times_of(const BlockRecords& records, const Flow& flow);

}  // namespace mole::plugins::nfcapd
