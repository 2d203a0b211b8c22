#include "tests/export/support.hpp"

#include "plugins/decoders/export/collector.hpp"
#include "plugins/decoders/ipfix/ipfix.hpp"
#include "plugins/decoders/netflow1_7/netflow1_7.hpp"
#include "plugins/decoders/netflow9/netflow9.hpp"
#include "sdk/model/flow_columns.hpp"

#include <arpa/inet.h>

#include <gtest/gtest.h>
#include <algorithm>
#include <cstring>
#include <memory>

namespace mole::testing {
namespace {

std::string address(const std::byte* p, std::size_t size) {
  char text[64] = "";
  if (size == 4) {
    std::uint32_t value;
    std::memcpy(&value, p, 4);
    value = __builtin_bswap32(value);
    ::inet_ntop(AF_INET, &value, text, sizeof text);
  } else {
    Addr a;
    std::memcpy(a.bytes.data(), p, 16);
    if (a.is_v4()) {
      const std::uint32_t value = __builtin_bswap32(a.v4_value());
      ::inet_ntop(AF_INET, &value, text, sizeof text);
    } else {
      ::inet_ntop(AF_INET6, p, text, sizeof text);
    }
  }
  return text;
}

// Returns each chunk as a separate copy, so that a sanitizer detects reads past its end or after the next call.
struct Source {
  const std::string& bytes;
  const DecodeOptions& options;
  std::size_t at = 0;
  std::unique_ptr<std::uint8_t[]> chunk{};

  static std::int32_t next(void* self, const std::uint8_t** data, std::uint64_t* size, std::uint64_t* offset, std::int32_t* gap) {
    auto& s = *static_cast<Source*>(self);
    s.chunk.reset();
    if (s.at == s.bytes.size()) return MOLE_END;
    std::size_t n = std::min(s.options.chunk, s.bytes.size() - s.at);
    *gap = 0;
    for (const std::size_t border : s.options.gaps) {
      if (border == s.at) *gap = 1;
      if (border > s.at) n = std::min(n, border - s.at);
    }
    s.chunk = std::make_unique<std::uint8_t[]>(n);
    std::memcpy(s.chunk.get(), s.bytes.data() + s.at, n);
    *data = s.chunk.get();
    *size = n;
    *offset = s.at;
    s.at += n;
    return MOLE_OK;
  }
};

struct Batch {
  mole_flow_builder raw{};
  std::vector<std::vector<std::byte>> memory;
  std::vector<mole_element> elements;
  std::vector<std::map<std::string, std::vector<std::string>>> values;  // by row
  std::uint32_t last_row = 0;

  explicit Batch(const DecodeOptions& options) : memory(MOLE_COLUMN_COUNT) {
    raw.struct_size = sizeof raw;
    raw.capacity = options.capacity;
    for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) {
      if (c == MOLE_COLUMN_ROUTER || (options.only_bytes && c != MOLE_COLUMN_BYTES)) continue;
      memory[static_cast<std::size_t>(c)].resize(options.capacity * std::size_t{flow_column_type(c).width});
      raw.columns[c] = memory[static_cast<std::size_t>(c)].data();
    }
    for (const auto& e : options.elements) elements.push_back({e.enterprise, e.id, e.type, {e.name, std::strlen(e.name)}});
    raw.elements = elements.empty() ? nullptr : elements.data();
    raw.element_count = static_cast<std::uint32_t>(elements.size());
    raw.element_values = this;
    raw.put = put;
  }

  void clear() {
    for (auto& column : memory) std::fill(column.begin(), column.end(), std::byte{0xee});
    values.assign(raw.capacity, {});
    raw.absent_columns = raw.known_elements = 0;
    last_row = 0;
  }

  static std::int32_t put(void* self, std::uint32_t element, std::uint32_t row, const void* data, std::uint64_t size) {
    auto& batch = *static_cast<Batch*>(self);
    EXPECT_LT(row, batch.raw.capacity);
    EXPECT_GE(row, batch.last_row) << "rows must not decrease";
    batch.last_row = row;
    const auto& name = batch.elements.at(element).name;
    batch.values[row][std::string(name.data, name.size)].emplace_back(static_cast<const char*>(data), size);
    return MOLE_OK;
  }

  Flow flow(std::uint32_t row) const {
    Flow flow{raw.address_family, 0, 0, {}, {}, {}, {}, {}, {}, {}, values[row]};
    for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) {
      const auto& column = memory[static_cast<std::size_t>(c)];
      if (column.empty()) continue;
      const auto type = flow_column_type(c);
      const std::size_t width = is_family_address(c) && raw.address_family == 4 ? 4 : type.width;
      const std::byte* cell = column.data() + row * width;
      if (is_address_column(c)) {
        std::string& text = c == MOLE_COLUMN_SRC_ADDR        ? flow.src
                            : c == MOLE_COLUMN_DST_ADDR      ? flow.dst
                            : c == MOLE_COLUMN_NEXT_HOP      ? flow.next_hop
                            : c == MOLE_COLUMN_EXPORTER_ADDR ? flow.exporter
                            : c == MOLE_COLUMN_POST_SRC_ADDR ? flow.post_src
                                                             : flow.post_dst;
        text = address(cell, width);
      } else if (is_time_column(c)) {
        std::memcpy(c == MOLE_COLUMN_START ? &flow.start_us : &flow.end_us, cell, 8);
      } else {
        std::uint64_t value = 0;
        std::memcpy(&value, cell, width);
        flow.numbers[c] = value;
      }
    }
    return flow;
  }
};

// Reads datagrams with a sender from a stream.
class Datagrams {
 public:
  static bool recognises(std::span<const std::byte>) { return true; }
  Datagrams(ByteSource& source, Sink& sink) : in_(source), collector_(sink) {}
  Result<bool> next(FlowBuilder& out) {
    while (collector_.write(out)) {
      in_.skip(std::exchange(size_, 0));
      const auto head = in_.peek(20);
      if (head.size() < 20) {
        collector_.finish();
        continue;
      }
      size_ = 20 + std::size_t{big_endian<std::uint16_t>(head.data())};
      const auto bytes = in_.peek(size_);
      plugins::flow_export::Datagram datagram{bytes.subspan(20), in_.offset() + 20};
      std::memcpy(datagram.exporter.bytes.data(), bytes.data() + 2, 16);
      datagram.port = big_endian<std::uint16_t>(bytes.data() + 18);
      size_ = bytes.size();
      collector_.add(datagram);
    }
    return !collector_.ended();
  }

 private:
  ByteSource& in_;
  plugins::flow_export::Collector collector_;
  std::size_t size_ = 0;
};

}  // namespace

std::string Flow::line() const {
  const auto number = [&](int column) { return std::to_string(numbers.at(column)); };
  const bool icmp = numbers.at(MOLE_COLUMN_PROTOCOL) == 1 || numbers.at(MOLE_COLUMN_PROTOCOL) == 58;
  return src + ',' + dst + ',' + (icmp ? "0,0" : number(MOLE_COLUMN_SRC_PORT) + ',' + number(MOLE_COLUMN_DST_PORT)) + ',' +
         number(MOLE_COLUMN_PROTOCOL) + ',' + number(MOLE_COLUMN_BYTES) + ',' + number(MOLE_COLUMN_PACKETS) + ',' +
         std::to_string(start_us / 1000) + ',' + std::to_string(end_us / 1000);
}

std::uint64_t Decoded::lost() const {
  std::uint64_t sum = 0;
  for (const auto& d : datagrams) sum += d.in_damage ? 0 : d.lost;
  return sum;
}
std::uint64_t Decoded::sum(int column) const {
  std::uint64_t sum = 0;
  for (const auto& f : flows) sum += f[column];
  return sum;
}
std::vector<std::string> Decoded::lines() const {
  std::vector<std::string> lines;
  for (const auto& f : flows) lines.push_back(f.line());
  std::sort(lines.begin(), lines.end());
  return lines;
}

Decoded decode(const mole_decoder_v1& decoder, const std::string& bytes, const DecodeOptions& options) {
  Decoded out;
  Source source{bytes, options};
  const mole_source abi_source{&source, Source::next};
  mole_decode_sink sink{
      &out,
      [](void* self, std::int64_t exported_us, std::uint32_t flows, std::uint64_t lost, std::uint32_t flags) {
        static_cast<Decoded*>(self)->datagrams.push_back({exported_us, flows, lost, (flags & MOLE_LOST_IN_DAMAGE) != 0,
                                                          flags >> MOLE_EXPORTER_SHIFT, (flags & MOLE_REPEATED) != 0});
      },
      [](void* self, std::uint64_t offset, std::uint64_t size, mole_text reason) {
        static_cast<Decoded*>(self)->skipped.push_back({offset, size, {reason.data, reason.size}});
      },
      nullptr};
  if (options.describe)
    sink.described = [](void* self, const mole_description* d) {
      static_cast<Decoded*>(self)->described.push_back(
          {d->kind, d->exporter, d->domain, d->id, d->enterprise, d->count, {d->name.data, d->name.size}});
    };
  char text[256];
  mole_error error{text, sizeof text, 0};
  mole_value biflows{MOLE_TYPE_TEXT, 0, {}};
  biflows.as.text = {options.biflows, std::strlen(options.biflows)};
  const bool without_params = &decoder == &netflow1() || &decoder == &netflow7();
  mole_module* module = nullptr;
  mole_decoder* instance = nullptr;
  EXPECT_EQ(decoder.open(nullptr, &biflows, without_params ? 0 : 1, &module, &error), MOLE_OK);
  EXPECT_EQ(decoder.create(module, &abi_source, &sink, &instance, &error), MOLE_OK);
  Batch batch(options);
  std::size_t without_rows = 0;
  while (instance != nullptr) {
    batch.clear();
    const std::int32_t code = decoder.next(instance, &batch.raw, &error);
    out.known |= batch.raw.known_elements;
    if (code == MOLE_END) break;
    if (batch.raw.rows > 0) out.absent &= batch.raw.absent_columns;
    if (code != MOLE_OK) {
      ADD_FAILURE() << std::string(text, error.size);
      break;
    }
    without_rows = batch.raw.rows == 0 ? without_rows + 1 : 0;
    if (without_rows > 100) {
      ADD_FAILURE() << "the decoder makes no progress";
      break;
    }
    for (std::uint32_t row = 0; row < batch.raw.rows; ++row) out.flows.push_back(batch.flow(row));
  }
  decoder.destroy(instance);
  decoder.close(module);
  return out;
}

const mole_decoder_v1& netflow9() { return mole::detail::Glue<mole::Kind::decoder>::vtable<mole::plugins::NetFlow9>; }
const mole_decoder_v1& netflow1() { return mole::detail::Glue<mole::Kind::decoder>::vtable<mole::plugins::NetFlow1>; }
const mole_decoder_v1& netflow7() { return mole::detail::Glue<mole::Kind::decoder>::vtable<mole::plugins::NetFlow7>; }
const mole_decoder_v1& ipfix() { return mole::detail::Glue<mole::Kind::decoder>::vtable<mole::plugins::Ipfix>; }
const mole_decoder_v1& datagrams() { return mole::detail::Glue<mole::Kind::decoder>::vtable<Datagrams>; }

std::string framed(const std::string& payload, const std::string& sender16, std::uint16_t port) {
  std::string out{static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size() & 255)};
  out += sender16;
  out += static_cast<char>(port >> 8);
  out += static_cast<char>(port & 255);
  return out + payload;
}

}  // namespace mole::testing
