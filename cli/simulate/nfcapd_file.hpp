// Writes files as nfcapd of nfdump 1.7 does: layout 2, whose blocks are compressed independently (docs/formats/nfcapd.md).
#pragma once

#include "cli/simulate/event.hpp"
#include "cli/simulate/nfcapd_compression.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace mole::cli {

// What a file contains besides its flows.
struct NfcapdFile {
  NfcapdCompression compression = NfcapdCompression::lz4;
  std::uint32_t exporter = 0;           // IPv4 address
  std::uint32_t domain = 0;             // observation domain of the exporter
  Millis created = 0;                   // time of creation
  std::uint64_t datagrams = 0;          // received
  std::uint32_t sequence_failures = 0;  // runs of lost datagrams that the collector noticed
};

// A flow in the terms of the file.
struct NfcapdFlow {
  const Flow& flow;
  Millis received = 0;
  std::uint32_t source_as = 0, destination_as = 0;
  bool ipv6 = false;  // 2001:db8::a.b.c.d instead of a.b.c.d
};

// Appends the record of a flow.
void put_nfcapd_flow(std::string& records, const NfcapdFlow& flow);

// Returns a file with these records. Throws bad_alloc.
std::string nfcapd_file(std::string_view records, const NfcapdFile& file);

}  // namespace mole::cli
