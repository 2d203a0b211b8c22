#include "runtime/decode/known_formats.hpp"

#include <algorithm>

namespace mole::runtime {

std::string_view other_compression(std::span<const std::uint8_t> head) {
  using namespace std::string_view_literals;
  struct Format {
    std::string_view magic, reason;
  };
  static constexpr Format formats[] = {
      {"\x02\x21\x4c\x18"sv,
       "compressed with lz4 in its legacy format, which is not supported; convert the file: lz4 -dc FILE | bzip2"},
      {"\x89LZO\0\r\n\x1a\n"sv, "compressed with lzop, which is not supported; convert the file: lzop -dc FILE | bzip2"},
      {"\x1f\x9d"sv, "compressed with compress, which is not supported; convert the file: gzip -dc FILE | bzip2"},
      {"PK\x03\x04"sv, "a zip archive, which is not supported; convert the file: unzip -p FILE | bzip2"},
      {"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive, which is not supported; convert the file: 7z x -so FILE | bzip2"},
      {"\xff\x06\0\0sNaPpY"sv, "compressed with snappy, which is not supported; convert the file to bzip2"},
  };
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  for (const auto& format : formats)
    if (text.starts_with(format.magic)) return format.reason;
  if (text.substr(std::min<std::size_t>(text.size(), 257)).starts_with("ustar"))
    return "a tar archive, which is not supported; extract its files: tar -xf FILE";
  return {};
}

std::string_view format_named_by(std::span<const std::uint8_t> head) {
  using namespace std::string_view_literals;
  struct Format {
    std::string_view magic, name;
  };
  static constexpr Format formats[] = {
      {"\x0c\xa5"sv, "nfcapd files (nfdump)"},
      {"\xa5\x0c"sv, "nfcapd files (nfdump)"},
      {"\xcf\x10"sv, "flow-tools files"},
      {"\xde\xad\xbe\xef"sv, "SiLK files"},
      {"\0\x0a"sv, "IPFIX messages"},
      {"\0\x09"sv, "NetFlow v9"},
      {"\0\x07"sv, "NetFlow v7"},
      {"\0\x01"sv, "NetFlow v1"},
      {"\0\0\0\x05"sv, "sFlow datagrams"},
      {"\xd4\xc3\xb2\xa1"sv, "packet captures (pcap)"},
      {"\xa1\xb2\xc3\xd4"sv, "packet captures (pcap)"},
      {"\x4d\x3c\xb2\xa1"sv, "packet captures (pcap)"},
      {"\x0a\x0d\x0d\x0a"sv, "packet captures (pcapng)"},
      {"PAR1"sv, "Parquet files"},
  };
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  for (const auto& format : formats)
    if (text.starts_with(format.magic)) return format.name;
  const auto start = text.substr(0, 256);
  const auto is_text = [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t'; };
  return start.size() >= 16 && std::ranges::all_of(start, is_text) ? "text" : ""sv;
}

}  // namespace mole::runtime
