#pragma once

#include <mole/decoder.hpp>

#include "block_records.hpp"

#include <span>

namespace mole::plugins::nfcapd {

// Adds the values of the information elements that are needed besides the columns, starting at row 0. nfdump stores several
// elements together, and zeros for those that the exporter did not send, so a zero is no value.
void put_elements(FlowBuilder& out, const BlockRecords& records, std::span<const Flow> flows);

}  // namespace mole::plugins::nfcapd
