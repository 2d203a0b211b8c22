// pcap: magic, version 2.4, time zone, accuracy, snapshot length, link type (24 bytes); then for each packet: seconds, fraction
// of a second, captured size, original size (16 bytes), and the bytes. Numbers have the byte order of the capturing machine.
#include "plugins/decoders/pcap/bytes.hpp"
#include "plugins/decoders/pcap/capture.hpp"

namespace mole::plugins::capture {
namespace {

constexpr std::size_t file_header = 24;

struct Magic {
  std::uint32_t number;
  std::uint32_t fractions;  // of a second
  std::size_t record_header;
};
constexpr Magic magics[]{{0xa1b2c3d4, 1'000'000, 16}, {0xa1b23c4d, 1'000'000'000, 16}, {0xa1b2cd34, 1'000'000, 24}};

// The magic of a file header, and its byte order.
const Magic* magic_of(Bytes head, bool& big) {
  if (head.size() < file_header) return nullptr;
  for (const Magic& magic : magics)
    for (const bool order : {false, true})
      if (read32(head.data(), order) == magic.number && read16(head.data() + 4, order) == 2) {
        big = order;
        return &magic;
      }
  return nullptr;
}

class Pcap final : public Format {
 public:
  std::size_t size(Bytes head) const override {
    bool order;
    if (magic_of(head, order) != nullptr) return file_header;  // also of a further capture, appended to this one
    if (head.size() < magic_->record_header) return 0;
    const Header h = header(head);
    const bool empty = h.seconds == 0 && h.captured == 0 && h.original == 0;  // a region of zeros
    return h.captured > max_packet || h.fraction >= 1'000'000'000 || empty ? 0 : magic_->record_header + h.captured;
  }

  bool ends_well(Bytes bytes, std::size_t size) const override {
    return bytes.size() >= size && (bytes.size() - size < magic_->record_header || likely(bytes.subspan(size)));
  }

  bool likely(Bytes head) const override {
    bool order;
    return magic_of(head, order) != nullptr ||
           (head.size() >= magic_->record_header && is_likely(header(head), seconds_ == 0 ? header(head).seconds : seconds_));
  }

  // Three likely records of about the same time, or fewer up to the end.
  bool begins(Bytes bytes, bool ended) const override {
    bool order;
    if (magic_of(bytes, order) != nullptr) return true;
    std::uint64_t before = 0;
    for (int records = 0; records < 3; ++records) {
      if (bytes.size() < magic_->record_header) return ended && records > 0 && (records > 1 || are_near(before, seconds_));
      const Header h = header(bytes);
      if (h.captured == 0 || !is_likely(h, records == 0 ? h.seconds : before)) return false;
      const std::size_t size = magic_->record_header + h.captured;
      if (bytes.size() < size) return ended && records > 0 && are_near(before, seconds_);
      before = h.seconds;
      bytes = bytes.subspan(size);
    }
    return true;
  }

  std::optional<Packet> read(Bytes record) override {
    bool order;
    if (const Magic* magic = magic_of(record, order); magic != nullptr && record.size() == file_header) {
      magic_ = magic;
      big_ = order;
      link_type_ = read32(record.data() + 20, big_) & 0xffff;  // the upper bits: length of the frame check sequence
      return std::nullopt;
    }
    const Header h = header(record);
    seconds_ = h.seconds;
    return Packet{record.subspan(magic_->record_header), magic_->record_header, h.original, link_type_, big_, h.seconds};
  }

 private:
  struct Header {
    std::uint32_t seconds, fraction, captured, original;
  };
  static bool are_near(std::uint64_t a, std::uint64_t b) { return (a > b ? a - b : b - a) <= max_time_step_s; }
  bool is_likely(const Header& h, std::uint64_t near) const {
    return h.seconds > 0 && h.fraction < magic_->fractions && h.captured <= h.original && h.original <= max_packet &&
           are_near(h.seconds, near);
  }
  Header header(Bytes b) const {
    return {read32(b.data(), big_), read32(b.data() + 4, big_), read32(b.data() + 8, big_), read32(b.data() + 12, big_)};
  }

  const Magic* magic_ = magics;
  bool big_ = false;
  std::uint32_t link_type_ = 0;
  std::uint64_t seconds_ = 0;  // of the last packet
};

}  // namespace

bool is_pcap(Bytes head) {
  bool big;
  return magic_of(head, big) != nullptr;
}

std::unique_ptr<Format> pcap_format() { return std::make_unique<Pcap>(); }

}  // namespace mole::plugins::capture
