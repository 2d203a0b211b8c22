#include "plugins/decoders/pcap/pcap.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace mole::runtime::test {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Each chunk is a separate copy, so a sanitizer detects reads past its end or after the next call. `gaps`: the bytes themselves
// determine the lengths of chunks, and before which of them bytes are missing.
struct Source {
  const std::uint8_t* data;
  std::size_t size, chunk;
  bool gaps;
  std::size_t at = 0;
  std::unique_ptr<std::uint8_t[]> copy{};

  static std::int32_t next(void* self, const std::uint8_t** data, std::uint64_t* size, std::uint64_t* offset, std::int32_t* gap) {
    auto& s = *static_cast<Source*>(self);
    s.copy.reset();
    if (s.at == s.size) return MOLE_END;
    const std::size_t wanted = s.gaps ? 1 + s.data[s.at] * std::size_t{40} : s.chunk, length = std::min(s.size - s.at, wanted);
    s.copy = std::make_unique<std::uint8_t[]>(length);
    std::copy_n(s.data + s.at, length, s.copy.get());
    *data = s.copy.get();
    *size = length;
    *offset = s.at;
    *gap = s.gaps && s.data[s.at] % 7 == 0 ? 1 : 0;
    s.at += length;
    return MOLE_OK;
  }
};

// Everything that the decoder returns and reports, as text.
std::string decode(const std::uint8_t* data, std::size_t size, std::size_t chunk, bool gaps) {
  struct Out {
    std::string text;
    std::size_t size;
  } out{{}, size};
  Source source{data, size, chunk, gaps};
  const mole_source abi_source{&source, Source::next};
  const mole_decode_sink abi_sink{
      &out,
      [](void* self, std::int64_t exported_us, std::uint32_t flows, std::uint64_t lost, std::uint32_t flags) {
        for (const std::uint64_t n : {static_cast<std::uint64_t>(exported_us), std::uint64_t{flows}, lost, std::uint64_t{flags}})
          static_cast<Out*>(self)->text += std::to_string(n) + ' ';
      },
      [](void* self, std::uint64_t offset, std::uint64_t length, mole_text reason) {
        auto& o = *static_cast<Out*>(self);
        require(offset <= o.size && length <= o.size - offset);
        o.text += std::to_string(offset) + '+' + std::to_string(length) + std::string(reason.data, reason.size);
      }};
  ByteSource in(&abi_source);
  Sink sink(&abi_sink);
  plugins::Pcap decoder(in, sink, {});
  constexpr std::uint32_t capacity = 64;
  std::vector<std::uint64_t> bytes(capacity);
  mole_flow_builder builder{};
  builder.struct_size = sizeof builder;
  builder.capacity = capacity;
  builder.columns[MOLE_COLUMN_BYTES] = bytes.data();
  for (bool more = true; more;) {
    builder.rows = 0;
    builder.address_family = 4;
    FlowBuilder rows(&builder);
    const auto result = decoder.next(rows);
    require(bool(result) && builder.rows <= capacity);
    more = *result;
    for (std::uint32_t row = 0; row < builder.rows; ++row) out.text += std::to_string(bytes[row]) + ',';
  }
  return out.text;
}

}  // namespace

void fuzz_pcap(const std::uint8_t* data, std::size_t size) {
  (void)plugins::Pcap::recognises({reinterpret_cast<const std::byte*>(data), std::min<std::size_t>(size, 4096)});
  require(decode(data, size, 1 << 20, false) == decode(data, size, 61, false));
  (void)decode(data, size, 0, true);
}

}  // namespace mole::runtime::test
