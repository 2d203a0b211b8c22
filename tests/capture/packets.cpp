#include "tests/capture/packets.hpp"

#include <algorithm>
#include <utility>

namespace mole::testing {
namespace {

std::string padded(std::string bytes) {
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

std::string set(std::uint16_t id, const std::string& body) { return number(id, 2) + number(body.size() + 4, 2) + body; }

std::string sets(std::uint16_t template_set, std::uint16_t first_port, std::uint16_t count, bool with_template) {
  std::string fields, records;
  for (const auto& [id, size] : {std::pair{8, 4}, {12, 4}, {7, 2}, {1, 4}, {2, 4}}) fields += number(id, 2) + number(size, 2);
  for (std::uint16_t i = 0; i < count; ++i)
    records +=
        number(0x0a000001u + i, 4) + number(0xc0000201, 4) + number(first_port + i, 2) + number(1000 + i, 4) + number(7, 4);
  return (with_template ? set(template_set, number(256, 2) + number(5, 2) + fields) : "") + (count > 0 ? set(256, records) : "");
}

}  // namespace

std::string number(std::uint64_t value, std::size_t size, bool big) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[big ? size - 1 - i : i] = static_cast<char>(i < 8 ? value >> 8 * i & 0xff : 0);
  return out;
}

std::string v5_datagram(std::uint32_t sequence, std::uint16_t count) {
  std::string out = number(5, 2) + number(count, 2) + number(10'000'000, 4) + number(1'700'000'000, 4) + number(0, 4) +
                    number(sequence, 4) + number(0, 4);
  for (std::uint32_t i = 0; i < count; ++i)
    out += number(0x0a000001 + i, 4) + number(0xc0000201, 4) + number(0, 8) + number(7, 4) + number(1000 + i, 4) +
           number(9'000'000, 4) + number(9'500'000, 4) + number(sequence + i, 2) + number(443, 2) + number(0x001206, 4) +
           number(0, 8);
  return out;
}

std::string v9_datagram(std::uint32_t sequence, std::uint16_t first_port, std::uint16_t count, bool with_template) {
  return number(9, 2) + number(count + 1u, 2) + number(10'000'000, 4) + number(1'700'000'000, 4) + number(sequence, 4) +
         number(3, 4) + sets(0, first_port, count, with_template);
}

std::string ipfix_datagram(std::uint32_t sequence, std::uint16_t first_port, std::uint16_t count, bool with_template,
                           std::uint32_t domain) {
  const std::string body = sets(2, first_port, count, with_template);
  return number(10, 2) + number(16 + body.size(), 2) + number(1'700'000'000, 4) + number(sequence, 4) + number(domain, 4) + body;
}

std::string udp(const std::string& payload, const Sender& from) {
  return number(from.port, 2) + number(from.to, 2) + number(payload.size() + 8, 2) + number(0, 2) + payload;
}

std::string ip(const std::string& payload, const Sender& from, const IpOptions& o) {
  if (from.address.size() == 16) {
    std::string body = o.options, next = number(o.options.empty() ? o.protocol : 0, 1);
    if (o.fragment) {
      next = number(44, 1);
      body = number(o.protocol, 1) + number(0, 1) + number(o.at | (o.more ? 1 : 0), 2) + number(o.identification, 4);
    }
    body += payload;
    return number(0x60000000, 4) + number(body.size(), 2) + next + number(64, 1) + from.address + number(1, 16) + body;
  }
  return number(0x45 + o.options.size() / 4, 1) + number(0, 1) + number(20 + o.options.size() + payload.size(), 2) +
         number(o.identification, 2) + number(o.at / 8 | (o.more ? 0x2000 : 0), 2) + number(64, 1) + number(o.protocol, 1) +
         number(0, 2) + from.address + number(0x0a0000fe, 4) + o.options + payload;
}

std::vector<std::string> fragments(const std::string& payload, std::size_t size, const Sender& from,
                                   std::uint32_t identification) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < payload.size(); at += size)
    out.push_back(ip(payload.substr(at, size), from,
                     {.at = at, .more = at + size < payload.size(), .fragment = true, .identification = identification}));
  return out;
}

std::string ethernet(const std::string& ip_packet, const std::vector<std::uint16_t>& tags) {
  std::string out(12, '\x02');
  for (const auto tag : tags) out += number(tag, 2) + number(100, 2);
  return out + number((ip_packet[0] & 0xf0) == 0x40 ? 0x0800 : 0x86dd, 2) + ip_packet;
}

std::string pcap_header(const PcapOptions& o) {
  return number(o.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4, o.big) + number(2, 2, o.big) + number(4, 2, o.big) + number(0, 8) +
         number(65535, 4, o.big) + number(o.link_type, 4, o.big);
}

std::string pcap_packet(const std::string& frame, std::uint32_t seconds, const PcapOptions& o, std::size_t captured) {
  captured = std::min(captured, frame.size());
  return number(seconds, 4, o.big) + number(o.nanoseconds ? 999'999'999 : 999'999, 4, o.big) + number(captured, 4, o.big) +
         number(frame.size(), 4, o.big) + frame.substr(0, captured);
}

std::string pcap(const std::vector<std::string>& frames, const PcapOptions& options) {
  std::string out = pcap_header(options);
  std::uint32_t seconds = 1'700'000'000;
  for (const auto& frame : frames) out += pcap_packet(frame, seconds++, options);
  return out;
}

std::string block(std::uint32_t type, std::string body, bool big) {
  body = padded(body);
  const std::string size = number(body.size() + 12, 4, big);
  return number(type, 4, big) + size + body + size;
}

std::string section(bool big) {
  return block(0x0a0d0d0a, number(0x1a2b3c4d, 4, big) + number(1, 2, big) + number(0, 2) + std::string(8, '\xff'), big);
}

std::string interface(std::uint16_t link_type, bool big, int resolution) {
  std::string body = number(link_type, 2, big) + number(0, 2) + number(0, 4);
  if (resolution >= 0)
    body +=
        number(9, 2, big) + number(1, 2, big) + number(static_cast<std::uint64_t>(resolution), 1) + number(0, 3) + number(0, 4);
  return block(1, body, big);
}

std::string enhanced(const std::string& frame, bool big, std::uint32_t interface, std::uint64_t ticks) {
  return block(6,
               number(interface, 4, big) + number(ticks >> 32, 4, big) + number(ticks & 0xffffffff, 4, big) +
                   number(frame.size(), 4, big) + number(frame.size(), 4, big) + frame,
               big);
}

std::string simple(const std::string& frame, bool big) { return block(3, number(frame.size(), 4, big) + frame, big); }

std::string obsolete(const std::string& frame, bool big, std::uint16_t interface) {
  return block(2,
               number(interface, 2, big) + number(0, 2) + number(0, 8) + number(frame.size(), 4, big) +
                   number(frame.size(), 4, big) + frame,
               big);
}

}  // namespace mole::testing
