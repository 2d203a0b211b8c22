// Converts the blocks of layout 1 (nfdump 1.6) to records of layout 2.
//
// A flow of layout 1 has a fixed part, addresses and counters of 4 or 8 bytes according to its flags, and the extensions that
// the extension map lists that it names:
//
//   0  type: 1, or 10 with the fields from 28 | 2 size | 4 flags | 5 type 1: exporter | 6 extension map
//   8  ms of the first and last packet (2 + 2) | 12 first, s | 16 last, s
//   20 forwarding status | 21 TCP flags | 22 protocol | 23 ToS | 24 source port | 26 destination port
//   28 exporter | 30 biflow direction | 31 flow end reason
#pragma once

#include <mole/columns.hpp>

#include "file_header.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace mole::plugins::nfcapd {

class Layout1 {
 public:
  struct Converted {
    std::span<const std::byte> records;  // valid until the next call
    std::uint32_t unreadable = 0;        // flows that do not fit in their record, or whose extension map is missing
  };
  // Flows and extension maps are converted; all other records are copied. Stops at a record that does not fit in the block.
  Converted convert(std::span<const std::byte> block);
  // The columns for which no flow so far has a field, although it may have the element of layout 2 with them: bit C::index.
  std::uint64_t absent() const { return absent_; }

 private:
  template <class... C>
  static constexpr std::uint64_t bits = ((std::uint64_t{1} << C::index) | ...);
  void add_map(std::span<const std::byte> record);
  bool convert_flow(std::span<const std::byte> record);

  std::unordered_map<std::uint16_t, std::vector<std::uint16_t>> maps_;  // extension identifiers, by number of the map
  std::vector<std::byte> out_;
  std::uint64_t absent_ = bits<in_if, out_if, src_mask, dst_mask, flow_direction, end_reason, reverse_packets, reverse_bytes>;
};

}  // namespace mole::plugins::nfcapd
