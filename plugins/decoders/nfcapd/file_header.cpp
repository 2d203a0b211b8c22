#include "file_header.hpp"

#include <algorithm>
#include <string>

namespace mole::plugins::nfcapd {
namespace {

constexpr std::uint16_t magic = 0xA50C, swapped_magic = 0x0CA5;
constexpr std::size_t size1 = 276, size2 = 40;

Result<FileHeader> read_layout1(std::span<const std::byte> head) {
  const std::byte* p = head.data();
  FileHeader header;
  const auto flags = load<std::uint32_t>(p + 4);
  header.layout = 1;
  header.size = size1;
  header.compression = (flags & 1) != 0    ? Compression::lzo
                       : (flags & 8) != 0  ? Compression::bz2
                       : (flags & 16) != 0 ? Compression::lz4
                                           : Compression::none;
  header.blocks = load<std::uint32_t>(p + 8);
  const std::byte* statistics = p + 140;
  header.created_ms = std::uint64_t{load<std::uint32_t>(statistics + 124)} * 1000 + load<std::uint16_t>(statistics + 130);
  header.sequence_failures = load<std::uint32_t>(statistics + 132);
  return header;
}

Result<FileHeader> read_layout2(std::span<const std::byte> head) {
  const std::byte* p = head.data();
  FileHeader header;
  header.layout = 2;
  header.size = size2;
  const auto compression = std::to_integer<std::uint8_t>(p[16]), encryption = std::to_integer<std::uint8_t>(p[17]);
  if (encryption != 0) return corrupt("the nfcapd file is encrypted; decrypt it first");
  if (compression > static_cast<std::uint8_t>(Compression::zstd))
    return corrupt("the nfcapd file has the unknown compression " + std::to_string(compression) +
                   "; compress it differently, such as with nfdump -J 3");
  header.compression = static_cast<Compression>(compression);
  header.created_ms = std::min<std::uint64_t>(load<std::uint64_t>(p + 8), 1ull << 40) * 1000;
  header.appendix_blocks = load<std::uint16_t>(p + 18);
  header.blocks = load<std::uint32_t>(p + 36);
  header.is_closed = load<std::uint64_t>(p + 24) != 0;
  return header;
}

}  // namespace

bool FileHeader::recognises(std::span<const std::byte> head) {
  if (head.size() < 4) return false;
  const auto version = load<std::uint16_t>(head.data() + 2);
  switch (load<std::uint16_t>(head.data())) {
    case magic:
      return version >= 1 && version <= 9;
    case swapped_magic:
      return version >= 0x100 && version <= 0x900 && version % 0x100 == 0;
    default:
      return false;
  }
}

Result<FileHeader> FileHeader::read(std::span<const std::byte> head) {
  if (!recognises(head))
    return corrupt(
        "the file does not begin with the header of an nfcapd file; check `decoder`, and whether its start is missing");
  if (load<std::uint16_t>(head.data()) == swapped_magic)
    return corrupt("the nfcapd file was written on a big-endian machine; export it there, such as with nfdump -o csv");
  const auto layout = load<std::uint16_t>(head.data() + 2);
  if (layout > 2)
    return corrupt("the nfcapd file has layout " + std::to_string(layout) +
                   ", and only layouts 1 and 2 (nfdump 1.6 and 1.7) are read; convert it with the nfdump that wrote it, such as "
                   "with nfdump -o csv");
  if (head.size() < (layout == 1 ? size1 : size2))
    return corrupt("the header of the nfcapd file is truncated; copy the file again");
  return layout == 1 ? read_layout1(head) : read_layout2(head);
}

}  // namespace mole::plugins::nfcapd
