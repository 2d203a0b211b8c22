// pcapng: blocks of type (4 bytes), length (4), body, and the length again. A section begins with a block that shows its byte
// order; it describes its interfaces, to which packets refer by number.
#include "plugins/decoders/pcap/bytes.hpp"
#include "plugins/decoders/pcap/capture.hpp"

#include <algorithm>
#include <vector>

namespace mole::plugins::capture {
namespace {

enum BlockType : std::uint32_t {
  interface_block = 1,
  obsolete_packet = 2,
  simple_packet = 3,
  enhanced_packet = 6,
  section_header = 0x0a0d0d0a,  // the same in both byte orders
};

constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::size_t frame = 12;               // of a block, around its body
constexpr std::size_t max_interfaces = 65'536;  // of a section; packets of further ones are not read

bool is_packet(std::uint32_t type) { return type == enhanced_packet || type == simple_packet || type == obsolete_packet; }

struct Interface {
  std::uint32_t link_type = 0, snap_length = 0;
  std::uint8_t resolution = 6;  // time unit: 10^-n s, or 2^-n s with bit 7
  std::int64_t time_offset = 0;

  std::uint64_t seconds(std::uint64_t ticks) const {
    const unsigned n = resolution & 0x7f;
    if (n > 63 || (resolution < 0x80 && n > 19)) return static_cast<std::uint64_t>(time_offset);
    if (resolution >= 0x80) return (ticks >> n) + static_cast<std::uint64_t>(time_offset);
    std::uint64_t unit = 1;
    for (unsigned i = 0; i < n; ++i) unit *= 10;
    return ticks / unit + static_cast<std::uint64_t>(time_offset);
  }
};

class Pcapng final : public Format {
 public:
  std::size_t size(Bytes head) const override {
    if (head.size() < frame) return 0;
    bool big = big_;
    if (!byte_order(head, big)) return 0;
    const std::size_t size = read32(head.data() + 4, big);
    const std::uint32_t type = read32(head.data(), big);
    return size < frame || size % 4 != 0 || size > (is_packet(type) ? max_record : max_other_record) ? 0 : size;
  }

  bool ends_well(Bytes bytes, std::size_t size) const override {
    if (bytes.size() < size) return false;
    bool big = big_;
    (void)byte_order(bytes, big);
    return read32(bytes.data() + size - 4, big) == size;
  }

  bool likely(Bytes head) const override {
    bool big = big_;
    if (head.size() < frame || !byte_order(head, big)) return false;
    const std::uint32_t type = read32(head.data(), big);
    return type == section_header || (type > 0 && type <= enhanced_packet);
  }

  bool begins(Bytes bytes, bool) const override {
    if (!likely(bytes)) return false;
    const std::size_t size = this->size(bytes);
    return size > frame && size <= max_record && ends_well(bytes, size);
  }

  std::optional<Packet> read(Bytes block) override {
    bool order = big_;
    (void)byte_order(block, order);
    const std::uint32_t type = read32(block.data(), order);
    const Bytes body = block.subspan(8, block.size() - frame);
    if (type == section_header) {
      big_ = order;
      interfaces_.clear();
    } else if (type == interface_block) {
      add_interface(body);
    } else if ((type == enhanced_packet || type == obsolete_packet) && body.size() >= 20) {
      const std::uint32_t number = type == enhanced_packet ? read32(body.data(), big_) : read16(body.data(), big_);
      const std::uint64_t ticks = std::uint64_t{read32(body.data() + 4, big_)} << 32 | read32(body.data() + 8, big_);
      const std::size_t captured = std::min<std::size_t>(read32(body.data() + 12, big_), body.size() - 20);
      const Interface* from = interface(number);
      if (from != nullptr) seconds_ = from->seconds(ticks);
      return packet(body.subspan(20, captured), 28, read32(body.data() + 16, big_), from);
    } else if (type == simple_packet && body.size() >= 4) {
      const Interface* from = interface(0);
      const std::size_t original = read32(body.data(), big_);
      std::size_t captured = std::min(original, body.size() - 4);
      if (from != nullptr && from->snap_length > 0) captured = std::min<std::size_t>(captured, from->snap_length);
      return packet(body.subspan(4, captured), 12, original, from);
    }
    return std::nullopt;
  }

 private:
  // The byte order of a block; that of a section header is in itself. Returns false if it is damaged.
  static bool byte_order(Bytes head, bool& big) {
    if (u32(head.data()) != section_header) return true;
    const std::uint32_t magic = u32(head.data() + 8);
    if (magic != byte_order_magic && magic != __builtin_bswap32(byte_order_magic)) return false;
    big = magic == byte_order_magic;
    return true;
  }

  void add_interface(Bytes body) {
    if (body.size() < 8 || interfaces_.size() == max_interfaces) return;
    Interface added{read16(body.data(), big_), read32(body.data() + 4, big_)};
    std::size_t at = 8;
    while (body.size() - at >= 4) {  // options: code, length, value, padded to 4 bytes
      const std::uint16_t code = read16(body.data() + at, big_), size = read16(body.data() + at + 2, big_);
      at += 4;
      if (code == 0 || body.size() - at < size) break;
      if (code == 9 && size == 1) added.resolution = u8(body.data() + at);
      if (code == 14 && size == 8) {
        const std::uint64_t first = read32(body.data() + at, big_), second = read32(body.data() + at + 4, big_);
        added.time_offset = static_cast<std::int64_t>(big_ ? first << 32 | second : second << 32 | first);
      }
      at = std::min<std::size_t>(body.size(), at + (size + 3u) / 4 * 4);
    }
    interfaces_.push_back(added);
  }

  const Interface* interface(std::uint32_t number) const { return number < interfaces_.size() ? &interfaces_[number] : nullptr; }

  Packet packet(Bytes bytes, std::size_t offset, std::uint64_t original, const Interface* from) const {
    return {bytes, offset, original, from == nullptr ? unknown_link_type : from->link_type, big_, seconds_};
  }

  bool big_ = false;
  std::vector<Interface> interfaces_;  // of this section
  std::uint64_t seconds_ = 0;          // of the last packet
};

}  // namespace

bool is_pcapng(Bytes head) {
  if (head.size() < frame || u32(head.data()) != section_header) return false;
  return u32(head.data() + 8) == byte_order_magic || u32(head.data() + 8) == __builtin_bswap32(byte_order_magic);
}

std::unique_ptr<Format> pcapng_format() { return std::make_unique<Pcapng>(); }

}  // namespace mole::plugins::capture
