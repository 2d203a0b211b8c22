// pcap: export datagrams of NetFlow v5, NetFlow v9 and IPFIX in a capture of packets, pcap or pcapng. See docs/formats/pcap.md.
#pragma once

#include "plugins/decoders/export/collector.hpp"
#include "plugins/decoders/export/writes.hpp"
#include "plugins/decoders/pcap/capture.hpp"
#include "plugins/decoders/pcap/reassembly.hpp"

#include <mole/decoder.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace mole::plugins {

class Pcap {
 public:
  static constexpr auto about =
      mole::decoder("pcap", "1.1.0", "Export datagrams of NetFlow v5, v9 and IPFIX in a packet capture (pcap, pcapng)");
  using writes = flow_export::ExportedColumns;
  struct Params {
    std::string biflows = "keep";
    std::string ports;
  };
  static constexpr auto params = mole::params(
      mole::param(
          "biflows", &Params::biflows, mole::one_of("keep", "split"),
          "Flows of both directions in one record: keep them as one flow with reverse_packets and reverse_bytes, or split "
          "them into two flows"),
      mole::param("ports", &Params::ports,
                  "UDP ports of the collector, separated by commas: datagrams to them are export datagrams, and no others are. "
                  "Empty: the content decides"));

  // Whether the head begins with the header of a capture.
  static bool recognises(std::span<const std::byte> head);

  Pcap(ByteSource& source, Sink& sink, const Params& given);
  Result<bool> next(FlowBuilder& out);

 private:
  // Sends export datagrams to a port.
  struct Sender {
    Addr address;
    std::uint16_t port, to;
    auto operator<=>(const Sender&) const = default;
  };

  std::optional<flow_export::Datagram> next_datagram();
  std::optional<flow_export::Datagram> datagram_of(const capture::Packet& packet);
  std::optional<flow_export::Datagram> read_udp(const capture::IpPacket& packet, std::uint64_t offset);
  bool is_export(std::span<const std::byte> payload, bool whole, const Sender& sender);
  void damaged(std::uint64_t offset, std::uint64_t size, std::string_view reason);
  void report_unread(const capture::IpPacket& packet, std::uint64_t offset);
  void report_incomplete(const capture::Incomplete& packet);

  Sink& sink_;
  flow_export::Collector collector_;
  std::set<std::uint16_t> ports_;
  capture::Capture capture_;
  capture::Reassembly fragments_;
  std::set<Sender> senders_;
  std::set<Addr> exporters_;
};

}  // namespace mole::plugins
