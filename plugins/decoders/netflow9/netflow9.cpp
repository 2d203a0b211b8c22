#include "plugins/decoders/netflow9/netflow9.hpp"

#include <algorithm>

namespace mole::plugins {
namespace {

using Bytes = std::span<const std::byte>;
constexpr auto u16 = big_endian<std::uint16_t>;
constexpr auto u32 = big_endian<std::uint32_t>;

constexpr std::size_t v9_header = 20, set_header = 4, max_datagram = 65'535;

// A header has no length: a datagram ends where the next header begins, whose version is no valid id of a flowset.
class NetFlow9Framing final : public flow_export::Framing {
 public:
  std::size_t header_size() const override { return v9_header; }
  std::string_view name() const override { return "NetFlow v9"; }

  std::optional<flow_export::MessageHeader> header(Bytes bytes) const override {
    if (bytes.size() < v9_header || u16(bytes.data()) != 9) return std::nullopt;
    if (bytes.size() >= v9_header + set_header && u16(bytes.data() + v9_header) != 9 &&
        u16(bytes.data() + v9_header + 2) < set_header && u32(bytes.data() + v9_header) != 0)
      return std::nullopt;
    return fields(bytes);
  }

  flow_export::MessageHeader fields(Bytes bytes) const override {
    return {u32(bytes.data() + 8), u32(bytes.data() + 12), u32(bytes.data() + 16)};
  }

  std::size_t measure(ByteSource& in, bool& sound) const override {
    const std::size_t size = measure(in, false, sound);
    const Bytes bytes = in.peek(size + v9_header);
    if (sound && (bytes.size() == size || are_near(bytes.data() + size, bytes.data()))) return size;
    // A reserved id, even 9, indicates damage unless a header of about the same time or nothing follows the flowsets.
    bool sound_if_reserved = false;
    const std::size_t with_reserved = measure(in, true, sound_if_reserved);
    if (!sound_if_reserved) return size;
    sound = true;
    return with_reserved;
  }

  bool begins(Bytes bytes) const override {
    if (!header(bytes)) return false;
    std::size_t at = v9_header;
    while (bytes.size() >= at + set_header && at < max_datagram && is_set(bytes.data() + at)) at += u16(bytes.data() + at + 2);
    return at > v9_header && (bytes.size() == at || (at < bytes.size() && header(bytes.subspan(at)).has_value()));
  }

 private:
  // `reserved`: flowsets with reserved ids are allowed.
  std::size_t measure(ByteSource& in, bool reserved, bool& sound) const {
    std::size_t at = v9_header;
    while (true) {
      const Bytes bytes = in.peek(at + v9_header + set_header);
      sound = bytes.size() == at ||
              (header(bytes.subspan(std::min(at, bytes.size()))) && (!reserved || are_near(bytes.data() + at, bytes.data())));
      if (sound) return at;
      if (bytes.size() < at + set_header)  // zeros are padding
        return at > v9_header && std::any_of(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(),
                                             [](std::byte b) { return b != std::byte{0}; })
                   ? at
                   : bytes.size();
      const std::byte* set = bytes.data() + at;
      const std::size_t size = u16(set + 2);
      // A header with a count of 20 looks like a flowset as long as a header: skipping it would join two datagrams.
      const bool may_be_header = u16(set) == 9 && size == v9_header;
      if (!is_set(set) && (!reserved || size < set_header || may_be_header)) return padding_end(in, at, sound);
      if (at + size > max_datagram) return at;
      at += size;
      if (const std::size_t available = in.peek(at).size(); available < at) return available;
    }
  }

  static bool are_near(const std::byte* header, const std::byte* other) {
    return flow_export::are_near(u32(header + 8), u32(other + 8));
  }
  static bool is_set(const std::byte* p) { return (u16(p) <= 1 || u16(p) >= 256) && u16(p + 2) >= set_header; }

  // Zeros may fill the rest of a datagram. Returns their end if a header or nothing follows, else `at`.
  std::size_t padding_end(ByteSource& in, std::size_t at, bool& sound) const {
    const Bytes bytes = in.peek(max_datagram + v9_header);
    std::size_t end = at;
    while (end < bytes.size() && bytes[end] == std::byte{0}) ++end;
    if (end == bytes.size()) {
      sound = end <= max_datagram;
      return std::min(end, max_datagram);
    }
    if (end > at && header(bytes.subspan(end - 1))) {
      sound = true;
      return end - 1;
    }
    return at;
  }
};

const NetFlow9Framing framing;

}  // namespace

bool NetFlow9::recognises(Bytes head) {
  if (!framing.header(head)) return false;
  std::size_t at = v9_header;
  while (head.size() >= at + set_header) {
    const std::uint16_t id = u16(head.data() + at), size = u16(head.data() + at + 2);
    if (id == 9) {
      if (head.size() < at + v9_header) return true;
      if (!framing.header(head.subspan(at))) return false;
      at += v9_header;
    } else if (id == 0 && size == 0) {
      return true;  // padding
    } else if (size >= set_header) {
      at += size;
    } else {
      return false;
    }
  }
  return true;
}

NetFlow9::NetFlow9(ByteSource& source, Sink& sink, const Params& given)
    : stream_(source, sink, framing, flow_export::biflows_of(given)) {}

}  // namespace mole::plugins
