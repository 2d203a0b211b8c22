#include "plugins/decoders/pcap/pcap.hpp"

#include "plugins/decoders/pcap/bytes.hpp"
#include "plugins/decoders/pcap/packet.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace mole::plugins {
namespace {

using capture::Bytes;
using capture::IpPacket;
using capture::u16;
using capture::u32;
using capture::u8;
using flow_export::Collector;
using flow_export::Datagram;

constexpr std::size_t udp_header = 8, min_export = 16, v9_header = 20, ipfix_header = 16, set_header = 4;
constexpr std::size_t max_senders = 65'536;  // then all are forgotten

// Ports at which collectors usually listen.
bool is_usual(std::uint16_t port) {
  constexpr std::array<std::uint16_t, 6> usual{2055, 2056, 4739, 4740, 9995, 9996};
  return std::find(usual.begin(), usual.end(), port) != usual.end();
}

std::set<std::uint16_t> parse_ports(std::string_view text) {
  std::set<std::uint16_t> ports;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    std::string_view digits = item;
    while (digits.starts_with(' ')) digits.remove_prefix(1);
    while (digits.ends_with(' ')) digits.remove_suffix(1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0)
      throw Failure({Code::invalid, "ports of the pcap decoder: '" + std::string(item) +
                                        "' is not a port; write numbers from 1 to 65535 separated by commas, for example "
                                        "'2055,4739'"});
    ports.insert(port);
  }
  return ports;
}

// Whether sets follow the header of a v9 or IPFIX message up to its end, or up to a rest of zeros.
bool sets_fill(Bytes message, std::size_t header) {
  std::size_t at = header;
  while (message.size() - at >= set_header) {
    const std::uint16_t size = u16(message.data() + at + 2);
    if (size < set_header || size > message.size() - at) {
      const Bytes rest = message.subspan(at);
      return at > header && std::all_of(rest.begin(), rest.end(), [](std::byte b) { return b == std::byte{0}; });
    }
    at += size;
  }
  return at > header;
}

// Whether the payload can hardly be anything else than an export datagram.
bool is_surely_export(Bytes payload) {
  if (payload.size() < min_export || !Collector::recognises(payload)) return false;
  switch (u16(payload.data())) {
    case 9:
      return sets_fill(payload, v9_header);
    case 10:
      return u16(payload.data() + 2) <= payload.size() && sets_fill(payload.first(u16(payload.data() + 2)), ipfix_header);
    default:
      return u16(payload.data() + 2) > 0;  // NetFlow v5, with as many bytes as its count implies
  }
}

// Whether the part of a payload that was captured is consistent with an export datagram.
bool may_be_export(Bytes payload) {
  if (payload.size() < min_export) return false;
  constexpr std::uint16_t max_v5_records = 30;
  const std::uint16_t version = u16(payload.data()), count = u16(payload.data() + 2);
  if (version == 5) return count > 0 && count <= max_v5_records;
  return Collector::recognises(payload) || (version == 10 && count >= ipfix_header);
}

}  // namespace

bool Pcap::recognises(Bytes head) { return capture::is_pcap(head) || capture::is_pcapng(head); }

Pcap::Pcap(ByteSource& source, Sink& sink, const Params& given)
    : sink_(sink),
      collector_(sink, given.biflows == "split" ? flow_export::Biflows::split : flow_export::Biflows::keep),
      ports_(parse_ports(given.ports)),
      capture_(source,
               [this](std::uint64_t offset, std::uint64_t size, std::string_view reason) { damaged(offset, size, reason); }),
      fragments_([this](const capture::Incomplete& packet) { report_incomplete(packet); }) {}

Result<bool> Pcap::next(FlowBuilder& out) {
  while (collector_.write(out)) {
    if (const auto datagram = next_datagram())
      collector_.add(*datagram);
    else
      collector_.finish();
  }
  return !collector_.ended();
}

std::optional<Datagram> Pcap::next_datagram() {
  while (const auto packet = capture_.next())
    if (auto datagram = datagram_of(*packet)) return datagram;
  fragments_.finish();
  return std::nullopt;
}

std::optional<Datagram> Pcap::datagram_of(const capture::Packet& packet) {
  const capture::Frame frame = capture::frame_of(packet);
  if (frame.network == capture::Network::unknown_link) {
    if (packet.link_type == capture::unknown_link_type)
      damaged(packet.offset, packet.bytes.size(), "the capture does not describe the interface of a packet");
    else
      collector_.skipped(packet.offset, packet.bytes.size(),
                         "packets of link type " + std::to_string(packet.link_type) +
                             " are not read; capture on a different interface, or convert the capture to Ethernet");
    return std::nullopt;
  }
  auto ip = capture::ip_packet(frame.ip);
  if (!ip) return std::nullopt;
  const auto offset_of = [&](Bytes bytes) {
    return packet.offset + static_cast<std::uint64_t>(bytes.data() - packet.bytes.data());
  };
  if (!ip->fragment) return read_udp(*ip, offset_of(ip->payload));
  const std::uint64_t end = offset_of(ip->payload) + ip->payload.size();
  if (ip->truncated()) {
    if (exporters_.contains(ip->source))
      damaged(offset_of(ip->payload), ip->payload.size(),
              "the capture has truncated a fragment; capture whole packets (tcpdump -s 0)");
    return std::nullopt;
  }
  const auto whole = fragments_.add(*ip, offset_of(ip->payload), packet.seconds);
  if (!whole) return std::nullopt;
  ip = whole;
  if (!ip->source.is_v4() && !capture::skip_extensions(*ip)) return std::nullopt;
  return read_udp(*ip, end - ip->payload.size());  // its bytes are not contiguous in the file
}

std::optional<Datagram> Pcap::read_udp(const IpPacket& packet, std::uint64_t offset) {
  if (packet.protocol != capture::protocol_udp) {
    report_unread(packet, offset);
    return std::nullopt;
  }
  if (packet.payload.size() < udp_header) return std::nullopt;
  const std::byte* p = packet.payload.data();
  const std::size_t stated = u16(p + 4), size = stated == 0 ? packet.size : stated;
  if (size < udp_header) return std::nullopt;
  const Bytes payload = packet.payload.subspan(udp_header, std::min(size, packet.payload.size()) - udp_header);
  const bool whole = payload.size() == size - udp_header;
  const Sender sender{packet.source, u16(p), u16(p + 2)};
  if (!is_export(payload, whole, sender)) return std::nullopt;
  if (!whole)
    collector_.skipped(offset + udp_header + payload.size(), 0,
                       "the capture has truncated a datagram; capture whole packets (tcpdump -s 0)");
  return Datagram{payload, offset + udp_header, packet.source, sender.port};
}

// Remembers senders of export datagrams: further datagrams of theirs may be damaged.
bool Pcap::is_export(Bytes payload, bool whole, const Sender& sender) {
  if (!ports_.empty()) {
    if (!ports_.contains(sender.to)) return false;
  } else if (!(whole && is_surely_export(payload))) {
    const bool known = senders_.contains(sender);
    if (!known && !(is_usual(sender.to) && may_be_export(payload))) return false;
  }
  if (senders_.size() >= max_senders) {
    senders_.clear();
    exporters_.clear();
  }
  senders_.insert(sender);
  exporters_.insert(sender.address);
  return true;
}

void Pcap::damaged(std::uint64_t offset, std::uint64_t size, std::string_view reason) {
  collector_.damaged();
  sink_.skipped(offset, size, reason);
}

// IPFIX over TCP or SCTP.
void Pcap::report_unread(const IpPacket& packet, std::uint64_t offset) {
  const bool tcp = packet.protocol == capture::protocol_tcp;
  if (!tcp && packet.protocol != capture::protocol_sctp) return;
  constexpr std::size_t sctp_header = 12, sctp_data_header = 16;
  if (packet.payload.size() < 20) return;
  const std::size_t header = tcp ? (u8(packet.payload.data() + 12) >> 4) * std::size_t{4} : sctp_header + sctp_data_header;
  if (packet.payload.size() < header + min_export) return;
  const Bytes payload = packet.payload.subspan(header);
  const std::uint16_t port = u16(packet.payload.data() + 2);
  const bool expected = ports_.empty() ? is_usual(port) : ports_.contains(port);
  if (u16(payload.data()) != 10 || !(is_surely_export(payload) || (expected && Collector::recognises(payload)))) return;
  collector_.skipped(offset + header, payload.size(),
                     tcp ? "IPFIX over TCP is not read; export over UDP, or store the messages in an IPFIX file"
                         : "IPFIX over SCTP is not read; export over UDP, or store the messages in an IPFIX file");
}

void Pcap::report_incomplete(const capture::Incomplete& packet) {
  bool exported = exporters_.contains(packet.source);
  if (packet.first.size() >= udp_header) {
    const std::uint16_t to = u16(packet.first.data() + 2);
    exported = packet.protocol == capture::protocol_udp &&
               (ports_.empty() ? may_be_export(packet.first.subspan(udp_header)) : ports_.contains(to));
  }
  if (exported) collector_.skipped(packet.offset, packet.size, packet.why);
}

}  // namespace mole::plugins
