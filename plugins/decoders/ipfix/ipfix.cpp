#include "plugins/decoders/ipfix/ipfix.hpp"

#include <algorithm>

namespace mole::plugins {
namespace {

using Bytes = std::span<const std::byte>;
constexpr auto u16 = big_endian<std::uint16_t>;
constexpr auto u32 = big_endian<std::uint32_t>;

constexpr std::size_t header_size = 16, set_header_size = 4;

class IpfixFraming final : public flow_export::Framing {
 public:
  std::size_t header_size() const override { return mole::plugins::header_size; }
  std::string_view name() const override { return "IPFIX"; }

  std::optional<flow_export::MessageHeader> header(Bytes bytes) const override {
    if (bytes.size() < mole::plugins::header_size || u16(bytes.data()) != 10 ||
        u16(bytes.data() + 2) < mole::plugins::header_size)
      return std::nullopt;
    return fields(bytes);
  }

  flow_export::MessageHeader fields(Bytes bytes) const override {
    return {u32(bytes.data() + 4), u32(bytes.data() + 8), u32(bytes.data() + 12)};
  }

  std::size_t measure(ByteSource& in, bool& sound) const override {
    const std::size_t size = u16(in.peek(4).data() + 2);
    const Bytes bytes = in.peek(size + mole::plugins::header_size);
    const Bytes message = bytes.first(std::min(size, bytes.size()));
    const std::size_t consistent = sets_end(message, false);
    sound = consistent == size;
    if (sound) return size;
    // A wrong length: the next message begins after the last set.
    const auto next = header(bytes.subspan(consistent));
    if (next && flow_export::are_near(next->seconds, fields(bytes).seconds)) return consistent;
    sound = sets_end(message, true) == size;
    return next && !sound ? consistent : message.size();
  }

  bool begins(Bytes bytes) const override {
    if (!header(bytes)) return false;
    const std::size_t size = u16(bytes.data() + 2);
    return size >= mole::plugins::header_size + set_header_size && size <= bytes.size() &&
           sets_end(bytes.first(size), false) == size;
  }

 private:
  // Where the sets of a message cease to be consistent. A rest shorter than a set is padding. `reserved`: sets with reserved
  // numbers are allowed; they indicate damage unless the other lengths are consistent.
  static std::size_t sets_end(Bytes message, bool reserved) {
    std::size_t at = mole::plugins::header_size;
    while (message.size() - at >= set_header_size) {
      const std::size_t id = u16(message.data() + at), size = u16(message.data() + at + 2);
      if (!(id == 2 || id == 3 || id >= 256 || reserved) || size < set_header_size || size > message.size() - at) break;
      at += size;
    }
    return message.size() - at < set_header_size ? message.size() : at;
  }
};

const IpfixFraming framing;

}  // namespace

bool Ipfix::recognises(Bytes head) {
  if (!framing.header(head)) return false;
  while (framing.header(head)) {
    const std::size_t size = u16(head.data() + 2);
    if (size > header_size && head.size() >= header_size + 2 && (u16(head.data() + header_size) & ~1u) == 0) return false;
    if (size >= head.size()) return true;
    head = head.subspan(size);
  }
  return head.size() < header_size;
}

Ipfix::Ipfix(ByteSource& source, Sink& sink, const Params& given)
    : stream_(source, sink, framing, flow_export::biflows_of(given)) {}

}  // namespace mole::plugins
