// Writes the export datagrams of simulated routers: NetFlow v5, NetFlow v9, IPFIX, or NetFlow v9 in a packet capture; or the
// records that a collector makes of them.
#pragma once

#include "cli/simulate/event.hpp"
#include "cli/simulate/spec.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace mole::cli {

// Where a datagram stands in the stream of its router.
struct DatagramPlace {
  SimulatedFormat format = SimulatedFormat::v5;
  std::size_t router_index = 0;
  Millis now = 0;                   // export time
  std::uint32_t uptime_base = 0;    // SysUptime - time in ms, modulo 2^32
  std::uint32_t flow_sequence = 0;  // records exported before
  std::uint64_t number = 0;         // datagrams exported in this hour before, lost ones included
  std::uint32_t sampling = 0;       // stated rate; 0: none
  bool sampling_in_record = false;  // v9 and IPFIX: in each record, not in options
};

// Returns the address of an exporter: 192.0.2.(1 + router).
std::uint32_t exporter_address(std::size_t router_index);

// Appends a datagram with these flows, or with nfcapd their records. Every twentieth datagram of v9 and IPFIX contains the
// templates, and options with the sampling rate.
void write_datagram(std::string& out, const DatagramPlace& place, std::span<const Flow> flows, std::uint64_t ipv6_per_million);

// Returns by how much the sequence number grows with this datagram. IPFIX counts options records too.
std::uint32_t sequence_step(const DatagramPlace& place, std::size_t flows);

// Returns what precedes the first datagram of a file: the header of a capture.
std::string file_header(SimulatedFormat format);

}  // namespace mole::cli
