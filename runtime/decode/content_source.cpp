#include "runtime/decode/content_source.hpp"

#include "runtime/decode/bzip2_source.hpp"
#include "runtime/decode/compressed_source.hpp"
#include "runtime/decode/file_bytes.hpp"
#include "runtime/decode/known_formats.hpp"
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
Result<bool> has_whole_block(const FileBytes& file, const ContentOptions& options) {
  MOLE_TRY(auto again, file.duplicate());
  MOLE_TRY(auto chunk, Bzip2Source(std::move(again), options).next());
  return chunk.has_value();
}

// Whether a file is one of nfdump's, whose blocks may be bzip2 streams: magic number and layout, in either byte order.
bool is_nfcapd(std::span<const std::uint8_t> head) {
  if (head.size() < 4) return false;
  const auto is_layout = [](std::uint8_t low, std::uint8_t high) { return high == 0 && low >= 1 && low <= 9; };
  return (head[0] == 0x0c && head[1] == 0xa5 && is_layout(head[2], head[3])) ||
         (head[0] == 0xa5 && head[1] == 0x0c && is_layout(head[3], head[2]));
}

// Whether a file without the header of a bzip2 stream is one nevertheless: whether a block begins near the start, or if the file
// begins with equal bytes (a hole), anywhere. A magic may be other data, except behind a header.
Result<bool> is_headless_bzip2(const FileBytes& file, bool hole, const ContentOptions& options) {
  constexpr std::uint64_t near = 1'000'000;  // more than most blocks have, and found with one read
  MOLE_TRY(auto again, file.duplicate());
  SegmentScanner scanner(std::move(again), near);
  Segment segment;
  do {
    if (options.progress) options.progress();
    MOLE_TRY(auto more, scanner.next(segment));
    if (!more || (!hole && segment.to > near * 8 && segment.kind == Segment::Kind::no_magic)) return false;
  } while (segment.kind == Segment::Kind::no_magic);
  if (segment.from == header_bits) return true;
  return has_whole_block(file, options);
}

}  // namespace

Result<std::unique_ptr<ContentSource>> open_content(const std::filesystem::path& path, const ContentOptions& options) {
  MOLE_TRY(auto file, FileBytes::open(path));
  return open_content(std::move(file), options);
}

Result<std::unique_ptr<ContentSource>> open_content(FileBytes file, const ContentOptions& options) {
  std::array<std::uint8_t, 4096> buffer;
  MOLE_TRY(auto got, file.read(0, buffer));
  const auto head = std::span<const std::uint8_t>(buffer).first(got);
  bool bzip2 = begins_bzip2_stream(head) || is_cut_header(head);
  if (!bzip2) {
    MOLE_TRY(const auto* format, stream_format_of(file, head));
    if (format != nullptr)
      return std::unique_ptr<ContentSource>(std::make_unique<CompressedSource>(std::move(file), *format, options));
    if (const auto reason = other_compression(head); !reason.empty())
      return std::unique_ptr<ContentSource>(std::make_unique<UnsupportedSource>(file.size(), reason));
    if (!is_nfcapd(head)) {
      MOLE_TRY(bzip2, is_headless_bzip2(file, is_constant(head), options));
    }
  }
  if (bzip2) return std::unique_ptr<ContentSource>(std::make_unique<Bzip2Source>(std::move(file), options));
  return std::unique_ptr<ContentSource>(std::make_unique<PlainSource>(std::move(file), options.progress));
}

std::string over_content_limit(std::uint64_t limit) {
  return "the content exceeds " + std::to_string(limit) +
         " bytes, a limit against decompression bombs; if the file is sound, raise max_content of the archive in the "
         "manifest, or --max-content of mole flows";
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
