#include "cli/simulate/nfcapd_file.hpp"

#include "runtime/decode/compressor.hpp"
#include "runtime/rows/frame_bytes.hpp"

#include <lz4.h>
#include <lzo/lzo1x.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace mole::cli {
namespace {

using runtime::put;

constexpr std::size_t max_block = 1 << 20;  // bytes of the records of a block
constexpr std::uint16_t exporter_number = 1;

template <class Number>
Number number_at(std::string_view record, std::size_t at) {
  Number number = 0;
  for (auto byte = sizeof number; byte-- > 0;)
    number = static_cast<Number>(number << 8 | static_cast<std::uint8_t>(record[at + byte]));
  return number;
}

std::uint64_t address6(std::uint32_t address, bool upper) { return upper ? 0x20010db8'00000000 : address; }

// ---- blocks

std::string compressed(std::string_view block, NfcapdCompression compression) {
  switch (compression) {
    case NfcapdCompression::none:
      break;
    case NfcapdCompression::bzip2:
      return runtime::compress(block, runtime::Compression::bzip2);
    case NfcapdCompression::zstd:
      return runtime::compress(block, runtime::Compression::zstd);
    case NfcapdCompression::lz4: {
      std::string out(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(block.size()))), '\0');
      out.resize(static_cast<std::size_t>(
          LZ4_compress_default(block.data(), out.data(), static_cast<int>(block.size()), static_cast<int>(out.size()))));
      return out;
    }
    case NfcapdCompression::lzo: {
      std::string out(block.size() + block.size() / 16 + 67, '\0');  // the bound that LZO documents
      std::vector<lzo_align_t> memory(LZO1X_1_MEM_COMPRESS / sizeof(lzo_align_t) + 1);
      lzo_uint size = out.size();
      lzo1x_1_compress(reinterpret_cast<const unsigned char*>(block.data()), block.size(),
                       reinterpret_cast<unsigned char*>(out.data()), &size, memory.data());
      out.resize(size);
      return out;
    }
  }
  return std::string(block);
}

void put_block(std::string& out, std::string_view records, std::uint32_t count, NfcapdCompression compression) {
  const auto content = compressed(records, compression);
  put(out, count, static_cast<std::uint32_t>(content.size()), std::uint16_t{3}, std::uint16_t{0});
  out += content;
}

// ---- records

constexpr std::size_t flow_header = 12, protocol_at = 44, counters_at = 24;  // the latter two in the fields of the first element

// The sums that the collector writes at the end of a file.
struct Statistics {
  struct Sums {
    std::uint64_t all = 0;
    std::array<std::uint64_t, 4> by_class{};  // TCP, UDP, ICMP, others
    void add(std::size_t protocol_class, std::uint64_t n) {
      all += n;
      by_class.at(protocol_class) += n;
    }
  };
  Sums flows, bytes, packets;
  std::uint64_t first = UINT64_MAX, last = 0;

  void add(std::string_view record) {
    const auto fields = record.substr(flow_header + 4);
    const auto protocol = static_cast<std::uint8_t>(fields[protocol_at]);
    const std::size_t protocol_class = protocol == tcp ? 0 : protocol == udp ? 1 : protocol == icmp ? 2 : 3;
    flows.add(protocol_class, 1);
    packets.add(protocol_class, number_at<std::uint64_t>(fields, counters_at));
    bytes.add(protocol_class, number_at<std::uint64_t>(fields, counters_at + 8));
    first = std::min(first, number_at<std::uint64_t>(fields, 0));
    last = std::max(last, number_at<std::uint64_t>(fields, 8));
  }
};

// The name of the source and the statistics of the file.
std::string appendix_of(const Statistics& sums, std::uint64_t sequence_failures) {
  constexpr std::string_view name("mole\0", 5);
  std::string out;
  put(out, std::uint16_t{0x8001}, static_cast<std::uint16_t>(4 + name.size()));
  out += name;
  put(out, std::uint16_t{0x8002}, std::uint16_t{148}, sums.flows.all, sums.bytes.all, sums.packets.all);
  for (const auto* counted : {&sums.flows, &sums.bytes, &sums.packets})
    for (const auto n : counted->by_class) put(out, n);
  put(out, sums.flows.all == 0 ? 0 : sums.first, sums.last, sequence_failures);
  return out;
}

}  // namespace

void put_nfcapd_flow(std::string& records, const NfcapdFlow& from) {
  const auto& w = from.flow.conversation;
  const auto at = records.size();
  put(records, std::uint16_t{11}, std::uint16_t{0}, std::uint16_t{5}, std::uint16_t{0}, exporter_number, std::uint8_t{0},
      std::uint8_t{9});
  put(records, std::uint16_t{1}, std::uint16_t{52}, static_cast<std::uint64_t>(from.flow.first),
      static_cast<std::uint64_t>(from.flow.last), static_cast<std::uint64_t>(from.received), std::uint64_t{w.packets},
      std::uint64_t{w.bytes}, w.source_port, w.destination_port, w.protocol, w.tcp_flags, std::uint8_t{0}, w.tos);
  if (from.ipv6)
    put(records, std::uint16_t{3}, std::uint16_t{36}, address6(w.source, true), address6(w.source, false),
        address6(w.destination, true), address6(w.destination, false));
  else
    put(records, std::uint16_t{2}, std::uint16_t{12}, w.source, w.destination);
  put(records, std::uint16_t{4}, std::uint16_t{20}, std::uint32_t{w.in_if}, std::uint32_t{w.out_if}, w.source_mask,
      w.destination_mask, std::uint16_t{0}, std::uint32_t{0});
  put(records, std::uint16_t{7}, std::uint16_t{12}, from.source_as, from.destination_as);
  if (from.ipv6)
    put(records, std::uint16_t{11}, std::uint16_t{20}, address6(w.next_hop, true), address6(w.next_hop, false));
  else
    put(records, std::uint16_t{10}, std::uint16_t{8}, w.next_hop);
  const auto size = records.size() - at;
  records[at + 2] = static_cast<char>(size);
  records[at + 3] = static_cast<char>(size >> 8);
}

std::string nfcapd_file(std::string_view records, const NfcapdFile& file) {
  std::string blocks, block;
  std::uint32_t block_count = 0, count = 1;
  put(block, std::uint16_t{7}, std::uint16_t{32}, std::uint32_t{9}, std::uint64_t{0}, std::uint64_t{file.exporter},
      std::uint16_t{2}, exporter_number, file.domain);
  const auto end_block = [&] {
    put_block(blocks, block, count, file.compression);
    block.clear();
    ++block_count;
    count = 0;
  };
  Statistics sums;
  for (std::size_t at = 0; at < records.size();) {
    const auto record = records.substr(at, number_at<std::uint16_t>(records, at + 2));
    if (block.size() + record.size() > max_block) end_block();
    block += record;
    ++count;
    sums.add(record);
    at += record.size();
  }
  if (block.size() + 32 > max_block) end_block();
  put(block, std::uint16_t{8}, std::uint16_t{32}, std::uint32_t{1}, std::uint32_t{exporter_number}, file.sequence_failures,
      file.datagrams, sums.flows.all);
  ++count;
  end_block();

  std::string out;
  constexpr std::uint32_t header_size = 40;
  put(out, std::uint16_t{0xa50c}, std::uint16_t{2}, std::uint32_t{0x01070100}, static_cast<std::uint64_t>(file.created / 1000),
      static_cast<std::uint8_t>(file.compression), std::uint8_t{0}, std::uint16_t{1}, std::uint32_t{1},
      std::uint64_t{header_size + blocks.size()}, static_cast<std::uint32_t>(max_block), block_count);
  out += blocks;
  put_block(out, appendix_of(sums, file.sequence_failures), 2, file.compression);
  return out;
}

}  // namespace mole::cli
