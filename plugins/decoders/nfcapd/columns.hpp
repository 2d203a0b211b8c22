#pragma once

#include <mole/decoder.hpp>

#include "block_records.hpp"
#include "file_header.hpp"

#include <span>

namespace mole::plugins::nfcapd {

// Fills the columns of `out` with flows of one address family, starting at row 0. `absent`: columns that they do not have,
// although they may have the element with them: bit C::index.
void fill_columns(FlowBuilder& out, const BlockRecords& records, std::uint32_t family, std::span<const Flow> flows,
                  std::uint64_t absent);

// The times of a flow in milliseconds; events have the time of the event.
struct FlowTimes {
  std::uint64_t first = 0, last = 0, received = 0;
};
inline FlowTimes times_of(const std::byte* record, const Shape& shape) {
  const auto at = [&](Element element) { return std::size_t{shape.at[static_cast<std::size_t>(element)]}; };
  FlowTimes times;
  if (const auto generic = at(Element::generic); generic != 0)
    times = {load<std::uint64_t>(record + generic), load<std::uint64_t>(record + generic + 8),
             load<std::uint64_t>(record + generic + 16)};
  if (times.first == 0 && times.last == 0) [[unlikely]]
    for (const auto event : {Element::firewall_event, Element::nat_event})
      if (at(event) != 0 && times.first == 0) times.first = times.last = load<std::uint64_t>(record + at(event));
  return times;
}

}  // namespace mole::plugins::nfcapd
