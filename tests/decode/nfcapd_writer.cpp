#include "tests/decode/nfcapd_writer.hpp"

#include "plugins/decoders/nfcapd/nfcapd.hpp"

#include <bzlib.h>
#include <lz4.h>
#include <lzo/lzo1x.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace mole::runtime::test {
namespace {

class Bytes {
 public:
  template <class T>
  Bytes& put(T value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& zeros(std::size_t n) {
    text.append(n, '\0');
    return *this;
  }
  Bytes& v4(const Address& a) {
    return put(std::uint32_t{a[12]} << 24 | std::uint32_t{a[13]} << 16 | std::uint32_t{a[14]} << 8 | a[15]);
  }
  Bytes& v6(const Address& a) {
    for (const std::size_t half : {0u, 8u}) {
      std::uint64_t number = 0;
      for (std::size_t i = 0; i < 8; ++i) number = number << 8 | a[half + i];
      put(number);
    }
    return *this;
  }
  Bytes& addresses(bool six, const Address& a, const Address& b) { return six ? v6(a).v6(b) : v4(a).v4(b); }

  std::string text;
};

std::string record(std::uint16_t type, const std::string& fields) {
  return Bytes().put(type).put(static_cast<std::uint16_t>(fields.size() + 4)).text + fields;
}

std::string exporter_record(std::uint16_t id, const NfExporter& exporter) {
  const bool four = std::all_of(exporter.address.begin(), exporter.address.begin() + 10, [](auto b) { return b == 0; });
  Bytes b;
  b.put(exporter.version);
  if (four)
    b.zeros(8).v4(exporter.address).zeros(4);
  else
    b.v6(exporter.address);
  return record(7, b.put(std::uint16_t(four ? 2 : 10)).put(id).put(exporter.domain).text);
}

std::string sampler_record(int layout, std::uint16_t exporter, std::int64_t id, std::uint32_t interval) {
  if (layout == 1)
    return record(9, Bytes().put(static_cast<std::int32_t>(id)).put(interval).put(std::uint16_t{1}).put(exporter).text);
  return record(15, Bytes().put(exporter).put(std::uint16_t{1}).put(id).put(std::uint32_t{1}).put(interval - 1).text);
}

std::string flow2(const NfFlow& f) {
  std::string elements;
  std::uint16_t count = 0;
  const auto add = [&](std::uint16_t type, const std::string& fields) {
    elements += record(type, fields);
    ++count;
  };
  add(1, Bytes()
             .put(f.first_ms)
             .put(f.last_ms)
             .put(f.received_ms)
             .put(f.packets)
             .put(f.bytes)
             .put(f.src_port)
             .put(f.dst_port)
             .put(f.protocol)
             .put(f.tcp_flags)
             .put(std::uint8_t{0})
             .put(f.tos)
             .text);
  add(f.v6 ? 3 : 2, Bytes().addresses(f.v6, f.src, f.dst).text);
  if (f.misc)
    add(4, Bytes()
               .put(f.misc->input)
               .put(f.misc->output)
               .put(f.misc->src_mask)
               .put(f.misc->dst_mask)
               .put(f.misc->direction)
               .zeros(2)
               .put(f.misc->end_reason)
               .zeros(2)
               .text);
  if (f.reverse) add(5, Bytes().put(std::uint64_t{1}).put(f.reverse->first).put(f.reverse->second).text);
  if (f.vlans) add(6, Bytes().put(std::uint32_t{f.vlans->first}).put(std::uint32_t{f.vlans->second}).text);
  if (f.as) add(7, Bytes().put(f.as->first).put(f.as->second).text);
  if (f.next_hop) add(f.v6 ? 11 : 10, f.v6 ? Bytes().v6(*f.next_hop).text : Bytes().v4(*f.next_hop).text);
  if (f.received_from) add(f.v6 ? 13 : 12, f.v6 ? Bytes().v6(*f.received_from).text : Bytes().v4(*f.received_from).text);
  if (f.mpls) add(14, Bytes().put(*f.mpls).zeros(36).text);
  if (f.macs) {
    Bytes macs;
    for (const auto mac : *f.macs) macs.put(mac);
    add(15, macs.text);
  }
  if (f.adjacent_as) add(16, Bytes().put(f.adjacent_as->first).put(f.adjacent_as->second).text);
  if (f.nat4) add(20, Bytes().addresses(false, f.nat4->first, f.nat4->second).text);
  if (f.nat6) add(21, Bytes().addresses(true, f.nat6->first, f.nat6->second).text);
  if (f.nat_ports) add(22, Bytes().put(f.nat_ports->first).put(f.nat_ports->second).text);
  if (f.application) add(27, *f.application);
  if (f.domain) add(33, Bytes().put(std::uint64_t{99}).put(*f.domain).text);
  if (f.sampler) add(18, Bytes().put(*f.sampler).put(f.exporter).zeros(2).text);
  add(29, "GET / HTTP/1.1");  // payload
  add(500, "of a later version");
  return record(11, Bytes().put(count)
                            .put(f.engine_type)
                            .put(f.engine)
                            .put(f.exporter)
                            .put(std::uint8_t(f.sampled ? 2 : 0))
                            .put(std::uint8_t{9})
                            .text +
                        elements);
}

// A flow of layout 1 and its extension map.
std::pair<std::vector<std::uint16_t>, std::string> flow1(const NfFlow& f, std::uint16_t map_id) {
  std::vector<std::uint16_t> map;
  const bool big_packets = f.packets >> 32 != 0, big_bytes = f.bytes >> 32 != 0;
  Bytes b;
  const auto counter = [&](std::uint64_t value, bool big) {
    if (big)
      b.put(value);
    else
      b.put(static_cast<std::uint32_t>(value));
  };
  const bool old = f.exporter < 256 && !(f.misc && f.misc->end_reason != 0) && f.src_port % 2 == 0;  // record type 1
  b.put(std::uint8_t((f.v6 ? 1 : 0) | (big_packets ? 2 : 0) | (big_bytes ? 4 : 0) | (f.sampled ? 128 : 0)));
  b.put(std::uint8_t(old ? f.exporter : 9)).put(map_id);
  b.put(static_cast<std::uint16_t>(f.first_ms % 1000)).put(static_cast<std::uint16_t>(f.last_ms % 1000));
  b.put(static_cast<std::uint32_t>(f.first_ms / 1000)).put(static_cast<std::uint32_t>(f.last_ms / 1000));
  b.put(std::uint8_t{0}).put(f.tcp_flags).put(f.protocol).put(f.tos).put(f.src_port).put(f.dst_port);
  if (!old) b.put(f.exporter).put(std::uint8_t{0}).put(f.misc ? f.misc->end_reason : std::uint8_t{0});
  b.addresses(f.v6, f.src, f.dst);
  counter(f.packets, big_packets);
  counter(f.bytes, big_bytes);
  if (f.misc) {
    const bool big = f.misc->input > 0xffff || f.misc->output > 0xffff;
    map.push_back(big ? 5 : 4);
    if (big)
      b.put(f.misc->input).put(f.misc->output);
    else
      b.put(static_cast<std::uint16_t>(f.misc->input)).put(static_cast<std::uint16_t>(f.misc->output));
    map.push_back(8);
    b.zeros(1).put(f.misc->direction).put(f.misc->src_mask).put(f.misc->dst_mask);
  }
  if (f.as) map.push_back(7), b.put(f.as->first).put(f.as->second);
  if (f.next_hop) map.push_back(f.v6 ? 10 : 9), f.v6 ? b.v6(*f.next_hop) : b.v4(*f.next_hop);
  map.push_back(f.v6 ? 12 : 11), f.v6 ? b.v6(f.src) : b.v4(f.src);  // BGP next hop
  if (f.vlans) map.push_back(13), b.put(f.vlans->first).put(f.vlans->second);
  if (f.reverse) {
    map.push_back(f.reverse->first >> 32 != 0 ? 15 : 14), counter(f.reverse->first, f.reverse->first >> 32 != 0);
    map.push_back(f.reverse->second >> 32 != 0 ? 17 : 16), counter(f.reverse->second, f.reverse->second >> 32 != 0);
  }
  const auto macs = f.macs.value_or(std::array<std::uint64_t, 4>{});
  map.push_back(20), b.put(macs[0]).put(macs[1]);
  map.push_back(21), b.put(macs[2]).put(macs[3]);
  if (f.adjacent_as) map.push_back(26), b.put(f.adjacent_as->first).put(f.adjacent_as->second);
  if (f.mpls) map.push_back(22), b.put(*f.mpls).zeros(36);
  if (f.received_from) map.push_back(f.v6 ? 24 : 23), f.v6 ? b.v6(*f.received_from) : b.v4(*f.received_from);
  map.push_back(25), b.zeros(2).put(f.engine_type).put(f.engine);
  if (f.received_ms != 0) map.push_back(27), b.put(f.received_ms);
  if (f.nat_ports) map.push_back(38), b.put(f.nat_ports->first).put(f.nat_ports->second);
  if (f.nat4) map.push_back(39), b.addresses(false, f.nat4->first, f.nat4->second);
  if (f.nat6) map.push_back(40), b.addresses(true, f.nat6->first, f.nat6->second);
  return {map, record(old ? 1 : 10, b.text)};
}

// The size of the extensions of a map, which nfdump checks.
std::uint16_t extension_size(const std::vector<std::uint16_t>& map) {
  static const std::map<std::uint16_t, int> sizes{{4, 4},   {5, 8},  {7, 8},   {8, 4},  {9, 4},  {10, 16}, {11, 4},  {12, 16},
                                                  {13, 4},  {14, 4}, {15, 8},  {16, 4}, {17, 8}, {20, 16}, {21, 16}, {26, 8},
                                                  {22, 40}, {23, 4}, {24, 16}, {25, 4}, {27, 8}, {38, 4},  {39, 8},  {40, 32}};
  int size = 0;
  for (const auto extension : map) size += sizes.at(extension);
  return static_cast<std::uint16_t>(size);
}

std::string block(int layout, Compression compression, std::uint32_t records, const std::string& content) {
  const auto stored = compress_block(compression, content);
  return Bytes()
             .put(records)
             .put(static_cast<std::uint32_t>(stored.size()))
             .put(std::uint16_t(layout == 1 ? 2 : 3))
             .put(std::uint16_t(layout == 1 && compression != Compression::none ? 2 : 0))
             .text +
         stored;
}

std::string text_of(const Address& a) {
  std::string text;
  for (const auto byte : a) text += std::to_string(byte) + '.';
  return text;
}

}  // namespace

Address v4_address(std::uint32_t number) {
  Address a{};
  a[10] = a[11] = 0xff;
  for (std::size_t i = 0; i < 4; ++i) a[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return a;
}

std::string compress_block(Compression compression, const std::string& content) {
  std::string out(content.size() + content.size() / 8 + 1024, '\0');
  switch (compression) {
    case Compression::none:
      return content;
    case Compression::lzo: {
      std::vector<char> work(LZO1X_1_MEM_COMPRESS);
      lzo_uint size = out.size();
      lzo1x_1_compress(reinterpret_cast<const unsigned char*>(content.data()), content.size(),
                       reinterpret_cast<unsigned char*>(out.data()), &size, work.data());
      out.resize(size);
      break;
    }
    case Compression::bz2: {
      auto size = static_cast<unsigned>(out.size());
      BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(content.data()), static_cast<unsigned>(content.size()), 9, 0,
                               0);
      out.resize(size);
      break;
    }
    case Compression::lz4:
      out.resize(static_cast<std::size_t>(
          LZ4_compress_default(content.data(), out.data(), static_cast<int>(content.size()), static_cast<int>(out.size()))));
      break;
    case Compression::zstd:
      out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3));
      break;
  }
  return out;
}

NfFlow random_flow(std::mt19937_64& random, int layout) {
  const auto number = [&]<class T>(T) { return static_cast<T>(random() >> random() % (8 * sizeof(T))); };
  const auto chance = [&] { return random() % 3 == 0; };
  const auto address = [&](bool six) {
    if (!six) return v4_address(number(std::uint32_t{}));
    Address a;
    for (auto& byte : a) byte = static_cast<std::uint8_t>(random());
    a[0] = 0x20;
    return a;
  };
  NfFlow f;
  f.v6 = chance();
  f.src = address(f.v6), f.dst = address(f.v6);
  f.first_ms += random() % 300'000, f.last_ms = f.first_ms + random() % 60'000, f.received_ms = f.last_ms + random() % 30'000;
  f.packets = number(std::uint64_t{}), f.bytes = number(std::uint64_t{});
  f.src_port = number(std::uint16_t{}), f.dst_port = number(std::uint16_t{});
  f.protocol = std::array<std::uint8_t, 5>{1, 6, 17, 58, 47}[random() % 5];
  f.tcp_flags = number(std::uint8_t{}), f.tos = number(std::uint8_t{});
  f.exporter = static_cast<std::uint16_t>(1 + random() % 3);
  f.engine_type = number(std::uint8_t{}), f.engine = number(std::uint8_t{});
  f.sampled = chance();
  if (chance())
    f.misc = {number(std::uint32_t{}), number(std::uint32_t{}),    number(std::uint8_t{}),
              number(std::uint8_t{}),  std::uint8_t(random() % 2), number(std::uint8_t{})};
  if (chance()) f.reverse = {number(std::uint64_t{}), number(std::uint64_t{})};
  if (chance()) f.vlans = {number(std::uint16_t{}), number(std::uint16_t{})};
  if (chance()) f.as = {number(std::uint32_t{}), number(std::uint32_t{})};
  if (chance()) f.next_hop = address(f.v6);
  if (chance()) f.received_from = address(f.v6);
  if (chance()) f.mpls = number(std::uint32_t{}) & 0xff'ffff;
  if (chance()) f.nat4 = {address(false), address(false)};
  if (!f.nat4 && chance()) f.nat6 = {address(true), address(true)};
  if (chance()) f.nat_ports = {number(std::uint16_t{}), number(std::uint16_t{})};
  if (chance()) f.macs = {random() >> 16, random() >> 16, 0, random() >> 40};
  if (chance()) f.adjacent_as = {number(std::uint32_t{}), number(std::uint32_t{})};
  if (layout == 2) {
    if (chance()) f.application = std::string("\x03\x00\x01\xbb", 4).substr(0, 1 + random() % 4);
    if (chance()) f.domain = 1 + random() % 1000;
    if (chance()) f.sampler = static_cast<std::int64_t>(random() % 4);
  }
  return f;
}

std::string NfFile::bytes(std::vector<std::size_t>* positions) const {
  if (positions != nullptr) positions->clear();
  std::vector<std::string> parts;
  std::map<std::vector<std::uint16_t>, std::uint16_t> maps;
  std::uint64_t last_ms = 0;
  for (const auto& flows : blocks) {
    std::string content;
    std::uint32_t records = 0;
    const auto add = [&](const std::string& bytes) {
      content += bytes;
      ++records;
    };
    if (parts.empty())
      for (const auto& [id, exporter] : exporters) {
        add(exporter_record(id, exporter));
        for (const auto& [sampler, interval] : exporter.samplers) add(sampler_record(layout, id, sampler, interval));
      }
    if (parts.empty() || layout == 1) maps.clear();  // so that each block can be read alone
    for (const auto& flow : flows) {
      last_ms = std::max(last_ms, flow.last_ms);
      if (layout == 2) {
        add(flow2(flow));
        continue;
      }
      const auto known = maps.emplace(flow1(flow, 0).first, static_cast<std::uint16_t>(maps.size()));
      const std::uint16_t id = known.first->second;
      const auto [map, text] = flow1(flow, id);
      if (known.second) {
        Bytes b;
        b.put(id).put(extension_size(map));
        for (const auto extension : map) b.put(extension);
        b.put(std::uint16_t{0});
        if (b.text.size() % 4 != 0) b.put(std::uint16_t{0});
        add(record(2, b.text));
      }
      add(text);
    }
    parts.push_back(block(layout, compression, records, content));
  }
  Bytes header;
  const auto magic = std::uint16_t{0xA50C};
  if (layout == 1) {
    const std::uint32_t flag = compression == Compression::lzo   ? 1
                               : compression == Compression::bz2 ? 8
                               : compression == Compression::lz4 ? 16
                                                                 : 0;
    header.put(magic).put(std::uint16_t{1}).put(flag).put(static_cast<std::uint32_t>(parts.size())).zeros(128);
    header.zeros(120)
        .zeros(4)
        .put(static_cast<std::uint32_t>(last_ms / 1000))
        .zeros(4)
        .put(static_cast<std::uint32_t>(sequence_failures));
  } else {
    const std::size_t size =
        std::accumulate(parts.begin(), parts.end(), std::size_t{40}, [](auto n, const auto& p) { return n + p.size(); });
    header.put(magic)
        .put(std::uint16_t{2})
        .put(std::uint32_t{0x01070100})
        .put(std::uint64_t{1190487600})
        .put(compression)
        .put(std::uint8_t{0})
        .put(std::uint16_t{1})
        .put(std::uint32_t{1})
        .put(std::uint64_t{size})
        .put(std::uint32_t{0})
        .put(static_cast<std::uint32_t>(parts.size()));
    parts.push_back(
        block(2, compression, 2, record(0x8001, "test") + record(0x8002, Bytes().zeros(136).put(sequence_failures).text)));
  }
  std::string text = header.text;
  for (const auto& part : parts) {
    if (positions != nullptr) positions->push_back(text.size());
    text += part;
  }
  if (positions != nullptr) positions->push_back(text.size());
  return text;
}

namespace {

// `cells`: all columns in their order.
std::string line_of(const std::vector<std::string>& cells) {
  std::string line;
  for (const auto& cell : cells) line += cell + ' ';
  return line;
}

std::string expected(const NfFile& file, const NfFlow& f) {
  const auto n = [](auto value) { return std::to_string(value); };
  const auto known = file.exporters.find(f.exporter);
  const NfExporter exporter = known == file.exporters.end() ? NfExporter{9, {}, 0, {}} : known->second;
  std::uint32_t domain = std::uint32_t{f.engine_type} << 8 | f.engine, sampling = 1;
  bool rate_known = false;
  if (known != file.exporters.end() && exporter.version != 5) domain = exporter.domain;
  if (f.domain) domain = *f.domain;
  for (const std::int64_t id : {std::int64_t{-2}, std::int64_t{-1}, f.sampler.value_or(-1), std::int64_t{-3}})
    if (exporter.samplers.contains(id) && exporter.samplers.at(id) != 0) sampling = exporter.samplers.at(id), rate_known = true;
  std::uint32_t application = 0;
  if (f.application) {
    for (std::size_t i = 1; i < f.application->size(); ++i)
      application = application << 8 | static_cast<std::uint8_t>((*f.application)[i]);
    application |= std::uint32_t{static_cast<std::uint8_t>((*f.application)[0])} << 24;
  }
  const bool icmp = f.protocol == 1 || f.protocol == 58;
  const Address none{}, none_of_family = f.v6 ? none : v4_address(0);
  const auto nat = f.nat4 ? *f.nat4 : f.nat6.value_or(std::pair{none, none});
  const auto misc = f.misc.value_or(NfFlow::Misc{0, 0, 0, 0, 255, 0});
  return line_of({n(f.first_ms * 1000),
                  n(f.last_ms * 1000),
                  text_of(f.src),
                  text_of(f.dst),
                  n(f.src_port),
                  n(f.dst_port),
                  n(f.protocol),
                  n(f.packets),
                  n(f.bytes),
                  n(f.tcp_flags),
                  n(f.tos),
                  n(f.as ? f.as->first : 0),
                  n(f.as ? f.as->second : 0),
                  n(misc.src_mask),
                  n(misc.dst_mask),
                  text_of(f.next_hop.value_or(none_of_family)),
                  n(misc.input),
                  n(misc.output),
                  n(sampling),
                  n(application),
                  n(domain),
                  text_of(f.received_from.value_or(exporter.address)),
                  n(f.vlans ? f.vlans->first : 0),
                  n(f.vlans ? f.vlans->second : 0),
                  n(f.mpls.value_or(0) >> 4),
                  text_of(nat.first),
                  text_of(nat.second),
                  n(f.nat_ports ? f.nat_ports->first : 0),
                  n(f.nat_ports ? f.nat_ports->second : 0),
                  n(f.reverse ? f.reverse->first : 0),
                  n(f.reverse ? f.reverse->second : 0),
                  n(icmp ? f.dst_port >> 8 : 0),
                  n(icmp ? f.dst_port & 0xff : 0),
                  n(misc.end_reason),
                  n(misc.direction),
                  n(f.sampled ? 1 : 0),
                  n(rate_known ? MOLE_SAMPLING_OPTIONS : MOLE_SAMPLING_UNKNOWN)});
}

void append_lines(const FlowBatch& batch, std::vector<std::string>& lines) {
  for (std::size_t row = 0; row < batch.rows; ++row) {
    std::vector<std::string> cells;
    const auto number = [&]<class T>(T, int column) { cells.push_back(std::to_string(batch.column<T>(column)[row])); };
    const auto address = [&](int column) { cells.push_back(text_of(batch.column<Address>(column)[row])); };
    const auto of_family = [&](int column) {
      if (batch.address_family == 6)
        address(column);
      else
        cells.push_back(text_of(v4_address(batch.column<std::uint32_t>(column)[row])));
    };
    const std::uint8_t u8{};
    const std::uint16_t u16{};
    const std::uint32_t u32{};
    const std::uint64_t u64{};
    number(u64, MOLE_COLUMN_START), number(u64, MOLE_COLUMN_END), of_family(MOLE_COLUMN_SRC_ADDR),
        of_family(MOLE_COLUMN_DST_ADDR);
    number(u16, MOLE_COLUMN_SRC_PORT), number(u16, MOLE_COLUMN_DST_PORT), number(u8, MOLE_COLUMN_PROTOCOL);
    number(u64, MOLE_COLUMN_PACKETS), number(u64, MOLE_COLUMN_BYTES), number(u16, MOLE_COLUMN_TCP_FLAGS),
        number(u8, MOLE_COLUMN_TOS);
    number(u32, MOLE_COLUMN_SRC_AS), number(u32, MOLE_COLUMN_DST_AS), number(u8, MOLE_COLUMN_SRC_MASK),
        number(u8, MOLE_COLUMN_DST_MASK);
    of_family(MOLE_COLUMN_NEXT_HOP), number(u32, MOLE_COLUMN_IN_IF), number(u32, MOLE_COLUMN_OUT_IF),
        number(u32, MOLE_COLUMN_SAMPLING);
    number(u32, MOLE_COLUMN_APPLICATION_LABEL), number(u32, MOLE_COLUMN_OBSERVATION_DOMAIN), address(MOLE_COLUMN_EXPORTER_ADDR);
    number(u16, MOLE_COLUMN_SRC_VLAN), number(u16, MOLE_COLUMN_DST_VLAN), number(u32, MOLE_COLUMN_MPLS_LABEL);
    address(MOLE_COLUMN_POST_SRC_ADDR), address(MOLE_COLUMN_POST_DST_ADDR), number(u16, MOLE_COLUMN_POST_SRC_PORT);
    number(u16, MOLE_COLUMN_POST_DST_PORT), number(u64, MOLE_COLUMN_REVERSE_PACKETS), number(u64, MOLE_COLUMN_REVERSE_BYTES);
    number(u8, MOLE_COLUMN_ICMP_TYPE), number(u8, MOLE_COLUMN_ICMP_CODE), number(u8, MOLE_COLUMN_END_REASON);
    number(u8, MOLE_COLUMN_FLOW_DIRECTION), number(u8, MOLE_COLUMN_SCALED), number(u8, MOLE_COLUMN_SAMPLING_SOURCE);
    lines.push_back(line_of(cells));
  }
}

class ChunkSource final : public ContentSource {
 public:
  ChunkSource(const std::string& bytes, std::size_t chunk, std::vector<std::size_t> gaps)
      : ContentSource(bytes.size()), bytes_(bytes), size_(chunk), gaps_(std::move(gaps)) {}

  Result<std::optional<Chunk>> next() override {
    if (at_ == bytes_.size()) return std::optional<Chunk>();
    std::size_t length = std::min(size_, bytes_.size() - at_);
    for (const auto gap : gaps_)
      if (gap > at_ && gap < at_ + length) length = gap - at_;
    chunk_.assign(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), bytes_.begin() + static_cast<std::ptrdiff_t>(at_ + length));
    const Chunk chunk{{chunk_.data(), length}, at_, std::find(gaps_.begin(), gaps_.end(), at_) != gaps_.end()};
    at_ += length;
    content_bytes_ = at_;
    return std::optional(chunk);
  }

 private:
  const std::string& bytes_;
  std::size_t size_, at_ = 0;
  std::vector<std::size_t> gaps_;
  std::vector<std::uint8_t> chunk_;
};

}  // namespace

std::vector<std::string> NfFile::lines(std::size_t without) const {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (i != without)
      for (const auto& flow : blocks[i]) lines.push_back(expected(*this, flow));
  std::sort(lines.begin(), lines.end());
  return lines;
}

const mole_decoder_v1& nfcapd_decoder() { return mole::detail::Glue<mole::Kind::decoder>::vtable<mole::plugins::Nfcapd>; }

NfRead read_content(const mole_decoder_v1& decoder, const mole_module* module, const std::string& bytes, std::size_t chunk,
                    TimeRange covers, std::vector<std::size_t> gaps) {
  NfRead read;
  task::File file;
  file.id = "nfcapd.200709222100";
  file.covers = covers;
  FlowReader reader(file, std::make_unique<ChunkSource>(bytes, chunk, std::move(gaps)), &decoder, module, ColumnSet().set(), 1);
  FlowBatch batch;
  while (true) {
    auto more = reader.next(batch);
    if (!more) {
      ADD_FAILURE() << more.error().message;
      break;
    }
    if (!*more) break;
    append_lines(batch, read.lines);
  }
  read.report = reader.report();
  read.evidence = reader.evidence();
  return read;
}

NfRead read_nfcapd(const std::string& bytes, std::size_t chunk, TimeRange covers, std::vector<std::size_t> gaps) {
  auto read = read_content(nfcapd_decoder(), nullptr, bytes, chunk, covers, std::move(gaps));
  std::sort(read.lines.begin(), read.lines.end());
  return read;
}

void keep_cells(NfRead& read, int cells) {
  for (auto& line : read.lines) {
    std::size_t at = 0;
    for (int cell = 0; cell < cells; ++cell) at = line.find(' ', at) + 1;
    line.resize(at - 1);
    for (const auto& [from, to] : {std::pair<std::string, std::string>{"0.0.0.0.0.0.0.0.0.0.255.255.", ""}, {". ", " "}})
      for (at = line.find(from); at != line.npos; at = line.find(from)) line.replace(at, from.size(), to);
  }
}

std::string reasons(const NfRead& read) {
  std::string out;
  for (const auto& range : read.report.lost_content) out += range.reason + "\n";
  return out;
}

}  // namespace mole::runtime::test
