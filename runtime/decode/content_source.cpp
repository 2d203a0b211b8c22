#include "runtime/decode/content_source.hpp"

#include "runtime/decode/bzip2_source.hpp"
#include "runtime/decode/file_bytes.hpp"
#include "runtime/decode/segment_scanner.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string>

namespace mole::runtime {
namespace {

constexpr std::size_t max_lost = 1024;
constexpr std::size_t plain_chunk = std::size_t{1} << 20;

// A file that is not compressed.
class PlainSource final : public ContentSource {
 public:
  PlainSource(FileBytes file, std::function<void()> progress)
      : ContentSource(file.size()), file_(std::move(file)), progress_(std::move(progress)) {}

  Result<std::optional<Chunk>> next() override {
    buffer_.resize(std::min<std::uint64_t>(plain_chunk, std::max<std::uint64_t>(stored_bytes_, 1)));
    MOLE_TRY(auto got, file_.read(content_bytes_, buffer_));
    if (progress_) progress_();
    if (got == 0) {
      end();
      return std::optional<Chunk>();
    }
    const Chunk chunk{{buffer_.data(), got}, content_bytes_, false};
    content_bytes_ += got;
    return std::optional(chunk);
  }

 private:
  void end() {
    if (stored_bytes_ > 0 && content_bytes_ >= stored_bytes_) return;
    if (lost_.empty())
      add_lost(lost_, content_bytes_, stored_bytes_,
               stored_bytes_ == 0 ? "the file is empty" : "the file was truncated while it was being read");
    ends_in_damage_ = true;
  }

  FileBytes file_;
  const std::function<void()> progress_;
  std::vector<std::uint8_t> buffer_;
};

// A file whose compression is not supported. It has no content.
class UnsupportedSource final : public ContentSource {
 public:
  UnsupportedSource(std::uint64_t stored_bytes, std::string_view reason) : ContentSource(stored_bytes) {
    add_lost(lost_, 0, stored_bytes, reason);
    ends_in_damage_ = true;
  }
  Result<std::optional<Chunk>> next() override { return std::optional<Chunk>(); }
};

bool is_constant(std::span<const std::uint8_t> bytes) {
  return std::adjacent_find(bytes.begin(), bytes.end(), std::not_equal_to<>()) == bytes.end();
}

// Whether a file ends within the header of a bzip2 stream.
bool is_cut_header(std::span<const std::uint8_t> file) {
  return !file.empty() && file.size() < 4 &&
         std::string_view("BZh").starts_with({reinterpret_cast<const char*>(file.data()), file.size()});
}

// Whether the file contains a whole bzip2 block. Decodes blocks until one is whole.
Result<bool> has_whole_block(const std::filesystem::path& path, const ContentOptions& options) {
  MOLE_TRY(auto file, FileBytes::open(path));
  MOLE_TRY(auto chunk, Bzip2Source(std::move(file), options).next());
  return chunk.has_value();
}

// Whether a file without the header of a bzip2 stream is one nevertheless: whether a block begins near the start, or if the file
// begins with equal bytes (a hole), anywhere. A magic may be other data, except behind a header.
Result<bool> is_headless_bzip2(const std::filesystem::path& path, bool hole, const ContentOptions& options) {
  constexpr std::uint64_t near = 1'000'000;  // more than most blocks have, and found with one read
  MOLE_TRY(auto file, FileBytes::open(path));
  SegmentScanner scanner(std::move(file), near);
  Segment segment;
  do {
    if (options.progress) options.progress();
    MOLE_TRY(auto more, scanner.next(segment));
    if (!more || (!hole && segment.to > near * 8 && segment.kind == Segment::Kind::no_magic)) return false;
  } while (segment.kind == Segment::Kind::no_magic);
  if (segment.from == header_bits) return true;
  return has_whole_block(path, options);
}

}  // namespace

Result<std::unique_ptr<ContentSource>> open_content(const std::filesystem::path& path, const ContentOptions& options) {
  MOLE_TRY(auto file, FileBytes::open(path));
  std::array<std::uint8_t, 4096> buffer;
  MOLE_TRY(auto got, file.read(0, buffer));
  const auto head = std::span<const std::uint8_t>(buffer).first(got);
  bool bzip2 = begins_bzip2_stream(head) || is_cut_header(head);
  if (!bzip2) {
    if (const auto reason = other_compression(head); !reason.empty())
      return std::unique_ptr<ContentSource>(std::make_unique<UnsupportedSource>(file.size(), reason));
    MOLE_TRY(bzip2, is_headless_bzip2(path, is_constant(head), options));
  }
  if (bzip2) return std::unique_ptr<ContentSource>(std::make_unique<Bzip2Source>(std::move(file), options));
  return std::unique_ptr<ContentSource>(std::make_unique<PlainSource>(std::move(file), options.progress));
}

std::string_view other_compression(std::span<const std::uint8_t> head) {
  using namespace std::string_view_literals;
  struct Format {
    std::string_view magic, reason;
  };
  static constexpr Format formats[] = {
      {"\x1f\x8b\x08"sv, "compressed with gzip, which is not supported; convert the file: gzip -dc FILE | bzip2"},
      {"\xfd"
       "7zXZ\0"sv,
       "compressed with xz, which is not supported; convert the file: xz -dc FILE | bzip2"},
      {"\x28\xb5\x2f\xfd"sv, "compressed with zstd, which is not supported; convert the file: zstd -dc FILE | bzip2"},
      {"\x04\x22\x4d\x18"sv, "compressed with lz4, which is not supported; convert the file: lz4 -dc FILE | bzip2"},
      {"\x02\x21\x4c\x18"sv, "compressed with lz4, which is not supported; convert the file: lz4 -dc FILE | bzip2"},
      {"\x5d\0\0\x80\0"sv, "compressed with lzma, which is not supported; convert the file: xz -dc FILE | bzip2"},
      {"\x89LZO\0\r\n\x1a\n"sv, "compressed with lzop, which is not supported; convert the file: lzop -dc FILE | bzip2"},
      {"LZIP\x01"sv, "compressed with lzip, which is not supported; convert the file: lzip -dc FILE | bzip2"},
      {"\x1f\x9d"sv, "compressed with compress, which is not supported; convert the file: gzip -dc FILE | bzip2"},
      {"PK\x03\x04"sv, "a zip archive, which is not supported; convert the file: unzip -p FILE | bzip2"},
      {"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive, which is not supported; convert the file: 7z x -so FILE | bzip2"},
      {"\xff\x06\0\0sNaPpY"sv, "compressed with snappy, which is not supported; convert the file to bzip2"},
  };
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  for (const auto& format : formats)
    if (text.starts_with(format.magic)) return format.reason;
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

void add_lost(std::vector<task::ByteRange>& list, std::uint64_t from, std::uint64_t to, std::string_view reason) {
  if (!list.empty() && list.back().to == from && list.back().reason == reason) {
    list.back().to = std::max(list.back().to, to);
  } else if (list.size() < max_lost) {
    list.push_back({from, to, std::string(reason)});
  } else {
    list.back().to = std::max(list.back().to, to);
    list.back().reason = "several losses, including: " + std::string(reason);
  }
}

}  // namespace mole::runtime
