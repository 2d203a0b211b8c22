#include "cli/simulate/datagram.hpp"

#include "cli/simulate/network.hpp"
#include "cli/simulate/nfcapd_file.hpp"

#include <array>
#include <initializer_list>
#include <vector>

namespace mole::cli {
namespace {

constexpr std::uint64_t template_period = 20;  // datagrams
constexpr std::uint16_t v4_template = 256, v6_template = 257, sampling_template = 258;

// Appends numbers in network byte order, each with the size of its type.
template <class... Number>
void put(std::string& out, Number... numbers) {
  const auto append = [&](auto number) {
    for (auto byte = sizeof number; byte-- > 0;) out += static_cast<char>(number >> 8 * byte & 0xff);
  };
  (append(numbers), ...);
}

void set_length(std::string& out, std::size_t at, std::size_t length) {
  out[at] = static_cast<char>(length >> 8);
  out[at + 1] = static_cast<char>(length);
}

std::uint32_t uptime(const DatagramPlace& place, Millis t) { return place.uptime_base + static_cast<std::uint32_t>(t); }

struct Record {
  const Flow& flow;
  std::uint16_t source_as, destination_as;

  explicit Record(const Flow& f)
      : flow(f),
        source_as(as_of(f.conversation.source, f.first * 1000)),
        destination_as(as_of(f.conversation.destination, f.first * 1000)) {}
};

// ---- NetFlow v5

void write_v5(std::string& out, const DatagramPlace& place, std::span<const Flow> flows) {
  const auto seconds = static_cast<std::uint32_t>(place.now / 1000);
  const auto nanoseconds = static_cast<std::uint32_t>(place.now % 1000 * 1'000'000);
  put(out, std::uint16_t{5}, static_cast<std::uint16_t>(flows.size()), uptime(place, place.now), seconds, nanoseconds,
      place.flow_sequence, std::uint8_t{0}, static_cast<std::uint8_t>(place.router_index),
      static_cast<std::uint16_t>(place.sampling == 0 ? 0 : 0x4000 | place.sampling));  // mode 1: deterministic
  for (const auto& flow : flows) {
    const Record r(flow);
    const auto& w = flow.conversation;
    put(out, w.source, w.destination, w.next_hop, w.in_if, w.out_if, w.packets, w.bytes, uptime(place, flow.first),
        uptime(place, flow.last), w.source_port, w.destination_port, std::uint8_t{0}, w.tcp_flags, w.protocol, w.tos, r.source_as,
        r.destination_as, w.source_mask, w.destination_mask, std::uint16_t{0});
  }
}

// ---- NetFlow v9 and IPFIX

// Whether both directions of a conversation are IPv6: the same for request and reply.
bool is_ipv6(const Flow& flow, std::uint64_t per_million) {
  if (per_million == 0) return false;
  const auto& w = flow.conversation;
  const std::uint64_t both = (std::uint64_t{w.source} ^ w.destination) * 0x9e3779b97f4a7c15u;
  return (both >> 32) % 1'000'000 < per_million;
}

// 2001:db8::a.b.c.d
void put_ipv6(std::string& out, std::uint32_t address) { put(out, std::uint32_t{0x20010db8}, std::uint64_t{0}, address); }

struct Field {
  std::uint16_t id, length;
};

// v9: samplingInterval. IPFIX: samplingPacketInterval and samplingPacketSpace.
std::vector<Field> sampling_fields(bool ipfix) {
  return ipfix ? std::vector<Field>{{305, 4}, {306, 4}} : std::vector<Field>{{34, 4}};
}
void put_sampling(std::string& out, std::uint32_t rate, bool ipfix) {
  if (ipfix)
    put(out, std::uint32_t{1}, rate - 1);
  else
    put(out, rate);
}

// The fields of a record in the order of put_record().
std::vector<Field> fields_of(const DatagramPlace& place, bool ipfix, bool ipv6) {
  const Field first = ipfix ? Field{152, 8} : Field{22, 4}, last = ipfix ? Field{153, 8} : Field{21, 4};
  std::vector<Field> fields;
  if (ipv6)
    fields = {{27, 16}, {28, 16}, {62, 16}, {10, 2}, {14, 2}, {2, 4},  {1, 4},  first,   last,
              {7, 2},   {11, 2},  {6, 1},   {4, 1},  {5, 1},  {16, 2}, {17, 2}, {29, 1}, {30, 1}};
  else
    fields = {{8, 4}, {12, 4}, {15, 4}, {10, 2}, {14, 2}, {2, 4},  {1, 4},  first,  last,
              {7, 2}, {11, 2}, {6, 1},  {4, 1},  {5, 1},  {16, 2}, {17, 2}, {9, 1}, {13, 1}};
  if (place.sampling != 0 && place.sampling_in_record)
    for (const auto& field : sampling_fields(ipfix)) fields.push_back(field);
  return fields;
}

void put_record(std::string& out, const DatagramPlace& place, const Flow& flow, bool ipfix, bool ipv6) {
  const Record r(flow);
  const auto& w = flow.conversation;
  for (const auto address : {w.source, w.destination, w.next_hop}) {
    if (ipv6)
      put_ipv6(out, address);
    else
      put(out, address);
  }
  put(out, w.in_if, w.out_if, w.packets, w.bytes);
  if (ipfix)
    put(out, static_cast<std::uint64_t>(flow.first), static_cast<std::uint64_t>(flow.last));
  else
    put(out, uptime(place, flow.first), uptime(place, flow.last));
  put(out, w.source_port, w.destination_port, w.tcp_flags, w.protocol, w.tos, r.source_as, r.destination_as, w.source_mask,
      w.destination_mask);
  if (place.sampling != 0 && place.sampling_in_record) put_sampling(out, place.sampling, ipfix);
}

// Options for the whole observation domain: their template and one record.
void put_sampling_options(std::string& out, const DatagramPlace& place, bool ipfix) {
  const auto fields = sampling_fields(ipfix);
  const auto from = out.size();
  if (ipfix)
    put(out, std::uint16_t{3}, std::uint16_t{0}, sampling_template, static_cast<std::uint16_t>(1 + fields.size()),
        std::uint16_t{1}, std::uint16_t{149}, std::uint16_t{4});
  else
    put(out, std::uint16_t{1}, std::uint16_t{0}, sampling_template, std::uint16_t{4},
        static_cast<std::uint16_t>(4 * fields.size()), std::uint16_t{1}, std::uint16_t{4});
  for (const auto& field : fields) put(out, field.id, field.length);
  while ((out.size() - from) % 4 != 0) out += '\0';
  set_length(out, from + 2, out.size() - from);
  const auto data = out.size();
  put(out, sampling_template, std::uint16_t{0}, static_cast<std::uint32_t>(place.router_index));
  put_sampling(out, place.sampling, ipfix);
  set_length(out, data + 2, out.size() - data);
}

bool has_templates(const DatagramPlace& place) { return place.number % template_period == 0; }
bool has_options(const DatagramPlace& place) { return has_templates(place) && place.sampling != 0 && !place.sampling_in_record; }

void put_templates(std::string& out, const DatagramPlace& place, bool ipfix) {
  const auto from = out.size();
  put(out, static_cast<std::uint16_t>(ipfix ? 2 : 0), std::uint16_t{0});
  for (const bool ipv6 : {false, true}) {
    const auto fields = fields_of(place, ipfix, ipv6);
    put(out, ipv6 ? v6_template : v4_template, static_cast<std::uint16_t>(fields.size()));
    for (const auto& field : fields) put(out, field.id, field.length);
  }
  set_length(out, from + 2, out.size() - from);
}

void put_set(std::string& out, const DatagramPlace& place, std::span<const Flow> flows, bool ipfix, bool ipv6,
             std::uint64_t ipv6_per_million) {
  const auto from = out.size();
  put(out, ipv6 ? v6_template : v4_template, std::uint16_t{0});
  for (const auto& flow : flows)
    if (is_ipv6(flow, ipv6_per_million) == ipv6) put_record(out, place, flow, ipfix, ipv6);
  if (out.size() == from + 4) return out.resize(from);
  while ((out.size() - from) % 4 != 0) out += '\0';
  set_length(out, from + 2, out.size() - from);
}

void write_with_templates(std::string& out, const DatagramPlace& place, std::span<const Flow> flows, bool ipfix,
                          std::uint64_t ipv6_per_million) {
  const auto from = out.size();
  const bool with_templates = has_templates(place), with_options = has_options(place);
  const auto seconds = static_cast<std::uint32_t>(place.now / 1000);
  const auto domain = static_cast<std::uint32_t>(place.router_index);
  if (ipfix)
    put(out, std::uint16_t{10}, std::uint16_t{0}, seconds, place.flow_sequence, domain);
  else  // the header has whole seconds, so SysUptime is that of the second: flow times are exact
    put(out, std::uint16_t{9}, static_cast<std::uint16_t>(flows.size() + (with_templates ? 2 : 0) + (with_options ? 2 : 0)),
        uptime(place, place.now / 1000 * 1000), seconds, static_cast<std::uint32_t>(place.number), domain);
  if (with_templates) put_templates(out, place, ipfix);
  if (with_options) put_sampling_options(out, place, ipfix);
  for (const bool ipv6 : {false, true}) put_set(out, place, flows, ipfix, ipv6, ipv6_per_million);
  if (ipfix) set_length(out, from + 2, out.size() - from);
}

// ---- packet capture

template <class... Number>
void put_little(std::string& out, Number... numbers) {
  const auto append = [&](auto number) {
    for (std::size_t byte = 0; byte < sizeof number; ++byte) out += static_cast<char>(number >> 8 * byte & 0xff);
  };
  (append(numbers), ...);
}

// A packet from an exporter to 192.0.2.254 on an Ethernet.
void put_packet(std::string& out, const DatagramPlace& place, std::string_view payload) {
  const auto udp_length = static_cast<std::uint16_t>(8 + payload.size()), ip_length = static_cast<std::uint16_t>(20 + udp_length);
  const auto captured = static_cast<std::uint32_t>(14 + ip_length);
  put_little(out, static_cast<std::uint32_t>(place.now / 1000), static_cast<std::uint32_t>(place.now % 1000 * 1000), captured,
             captured);
  out.append("\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
  put(out, std::uint16_t{0x0800});
  std::string ip;
  put(ip, std::uint16_t{0x4500}, ip_length, std::uint16_t{0}, std::uint16_t{0}, std::uint16_t{0x4011}, std::uint16_t{0},
      exporter_address(place.router_index), std::uint32_t{0xc00002fe});
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < ip.size(); i += 2)
    sum += static_cast<std::uint32_t>(static_cast<std::uint8_t>(ip[i]) << 8 | static_cast<std::uint8_t>(ip[i + 1]));
  set_length(ip, 10, ~(sum + (sum >> 16)) & 0xffff);
  out += ip;
  put(out, std::uint16_t{50000}, std::uint16_t{2055}, udp_length, std::uint16_t{0});  // no checksum
  out += payload;
}

}  // namespace

std::uint32_t exporter_address(std::size_t router_index) { return static_cast<std::uint32_t>(0xc0000201 + router_index); }

std::string file_header(SimulatedFormat format) {
  std::string out;
  if (format == SimulatedFormat::pcap)
    put_little(out, std::uint32_t{0xa1b2c3d4}, std::uint16_t{2}, std::uint16_t{4}, std::uint64_t{0}, std::uint32_t{65'535},
               std::uint32_t{1});  // Ethernet
  return out;
}

std::uint32_t sequence_step(const DatagramPlace& place, std::size_t flows) {
  const bool counts_options = place.format == SimulatedFormat::ipfix && has_options(place);
  return static_cast<std::uint32_t>(flows + (counts_options ? 1 : 0));
}

void write_datagram(std::string& out, const DatagramPlace& place, std::span<const Flow> flows, std::uint64_t ipv6_per_million) {
  switch (place.format) {
    case SimulatedFormat::v5:
      return write_v5(out, place, flows);
    case SimulatedFormat::v9:
    case SimulatedFormat::ipfix:
      return write_with_templates(out, place, flows, place.format == SimulatedFormat::ipfix, ipv6_per_million);
    case SimulatedFormat::nfcapd:
      for (const auto& flow : flows) {
        const Record r(flow);
        put_nfcapd_flow(out, {flow, place.now, r.source_as, r.destination_as, is_ipv6(flow, ipv6_per_million)});
      }
      return;
    case SimulatedFormat::pcap: {
      std::string payload;
      write_with_templates(payload, place, flows, false, ipv6_per_million);
      return put_packet(out, place, payload);
    }
  }
}

}  // namespace mole::cli
