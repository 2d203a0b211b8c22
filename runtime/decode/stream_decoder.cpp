#include "runtime/decode/stream_decoder.hpp"

#define LZ4F_STATIC_LINKING_ONLY  // for the error codes
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>

namespace mole::runtime {
namespace {

using Bytes = std::span<const std::uint8_t>;
using State = StreamDecoder::State;

// Damaged bytes of deflate or LZMA may be decoded to content for a while before the decoder notices: every prefix code is
// complete, and a match is refused only if it begins before the content. That much content before the damage is noticed is not
// used.
constexpr std::uint64_t doubtful_content = std::uint64_t{64} << 10;

std::uint64_t little_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

// ---- gzip

class GzipDecoder final : public StreamDecoder {
 public:
  GzipDecoder() = default;
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;
  ~GzipDecoder() override { (void)::inflateEnd(&stream_); }

  State start() override {
    const int code = stream_.state == nullptr ? ::inflateInit2(&stream_, 15 + 16) : ::inflateReset(&stream_);
    // The checksum is compared here: zlib reports a wrong one like any other damage.
    if (code != Z_OK || ::inflateValidate(&stream_, 0) != Z_OK) return State::out_of_memory;
    checksum_ = ::crc32(0, nullptr, 0);
    size_ = 0;
    written_ = 0;
    blocks_ = {0};
    return State::more;
  }

  Step decode(Bytes in, std::span<std::uint8_t> out) override {
    stream_.next_in = const_cast<Bytef*>(in.data());  // zlib only reads it
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    stream_.msg = nullptr;
    const int code = inflate_blocks(written_);
    Step step{in.size() - stream_.avail_in, out.size() - stream_.avail_out};
    written_ += step.written;
    checksum_ = ::crc32_z(checksum_, out.data(), step.written);
    size_ += static_cast<std::uint32_t>(step.written);
    keep_trailer(in.first(step.read));
    switch (code) {
      case Z_OK:
      case Z_BUF_ERROR:
        break;
      case Z_STREAM_END:
        step.state = little_endian(Bytes(trailer_).first(4)) == checksum_ && little_endian(Bytes(trailer_).last(4)) == size_
                         ? State::end
                         : State::wrong_content;
        break;
      case Z_MEM_ERROR:
        step.state = State::out_of_memory;
        break;
      default:
        step.state = State::damaged;
        step.why = stream_.msg != nullptr ? stream_.msg : "";
    }
    return step;
  }

  // The start of the last deflate block that begins well before the end of the content: what looked like blocks after that may be
  // part of the damage.
  std::uint64_t sound_content(std::uint64_t written) const override {
    const auto sound = [&](std::uint64_t block) { return block + doubtful_content <= written; };
    const auto last = std::find_if(blocks_.rbegin(), blocks_.rend(), sound);
    return last == blocks_.rend() ? 0 : *last;
  }

 private:
  // Calls inflate for each deflate block and keeps where the blocks begin.
  int inflate_blocks(std::uint64_t written_before) {
    const auto space = stream_.avail_out;
    while (true) {
      const int code = ::inflate(&stream_, Z_BLOCK);
      const bool at_block = (stream_.data_type & 128) != 0;
      if (code != Z_OK || !at_block) return code;
      const auto start = written_before + (space - stream_.avail_out);
      while (blocks_.size() > 1 && blocks_[1] + doubtful_content <= start) blocks_.pop_front();
      if (blocks_.back() != start) blocks_.push_back(start);
      if (stream_.avail_in == 0 || stream_.avail_out == 0) return code;
    }
  }

  // Keeps the last 8 bytes read: the checksum and the size of the content, at the end of the stream.
  void keep_trailer(Bytes read) {
    const std::size_t count = std::min(read.size(), sizeof trailer_);
    std::memmove(trailer_, trailer_ + count, sizeof trailer_ - count);
    std::copy(read.end() - static_cast<std::ptrdiff_t>(count), read.end(), trailer_ + sizeof trailer_ - count);
  }

  z_stream stream_{};
  std::uint64_t written_ = 0;
  std::deque<std::uint64_t> blocks_;  // starts of the last deflate blocks, as positions in the content
  uLong checksum_ = 0;
  std::uint32_t size_ = 0;
  std::uint8_t trailer_[8] = {};
};

// ---- xz, lzma, lzip

using LzmaStart = lzma_ret (*)(lzma_stream* stream, std::uint64_t memory);

class LzmaDecoder final : public StreamDecoder {
 public:
  LzmaDecoder(LzmaStart start, std::uint64_t memory) : start_(start), memory_(memory) {}
  LzmaDecoder(const LzmaDecoder&) = delete;
  LzmaDecoder& operator=(const LzmaDecoder&) = delete;
  ~LzmaDecoder() override { ::lzma_end(&stream_); }

  State start() override { return start_(&stream_, memory_) == LZMA_OK ? State::more : State::out_of_memory; }

  Step decode(Bytes in, std::span<std::uint8_t> out) override {
    stream_.next_in = in.data();
    stream_.avail_in = in.size();
    stream_.next_out = out.data();
    stream_.avail_out = out.size();
    const lzma_ret code = ::lzma_code(&stream_, LZMA_RUN);
    Step step{in.size() - stream_.avail_in, out.size() - stream_.avail_out};
    switch (code) {
      case LZMA_OK:
      case LZMA_BUF_ERROR:
        break;
      case LZMA_STREAM_END:
        step.state = State::end;
        break;
      case LZMA_MEM_ERROR:
        step.state = State::out_of_memory;
        break;
      case LZMA_MEMLIMIT_ERROR:
        step.state = State::too_large;
        break;
      case LZMA_OPTIONS_ERROR:
        step.state = State::damaged;
        step.why = "options that liblzma does not know";
        break;
      default:
        step.state = State::damaged;
        step.why = "corrupt data or a wrong checksum";
    }
    return step;
  }

  std::uint64_t sound_content(std::uint64_t written) const override { return written - std::min(written, doubtful_content); }

 private:
  const LzmaStart start_;
  const std::uint64_t memory_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

// ---- zstd, lz4

// Passes one block of a frame at a time to the library, which loses the output of a call that fails.
class FrameDecoder : public StreamDecoder {
 public:
  Step decode(Bytes in, std::span<std::uint8_t> out) final {
    while (true) {
      const bool flush = full_;  // the library may have more output of the last block
      const std::size_t size = wanted_ > next_header_ ? wanted_ - next_header_ : wanted_;
      const auto step = decode_block(in.first(flush ? 0 : std::min(size, in.size())), out);
      full_ = step.written == out.size();
      if (!flush || step.state != State::more || step.written > 0) return step;
    }
  }
  std::size_t wanted() const final { return wanted_; }

 protected:
  // next_header: size of the header of a block, which the library wants to read together with the block before.
  explicit FrameDecoder(std::size_t next_header) : next_header_(next_header) {}
  void reset(std::size_t wanted) {
    wanted_ = wanted;
    full_ = false;
  }
  virtual Step decode_block(Bytes in, std::span<std::uint8_t> out) = 0;

  std::size_t wanted_ = 1;  // the input that the library asks for next

 private:
  const std::size_t next_header_;
  bool full_ = false;
};

class ZstdDecoder final : public FrameDecoder {
 public:
  explicit ZstdDecoder(std::uint64_t memory)
      : FrameDecoder(3), log_(std::clamp(static_cast<int>(std::bit_width(memory)) - 1, smallest_log, 31)) {}

  State start() override {
    if (!context_) context_.reset(::ZSTD_createDCtx());
    if (!context_ || ::ZSTD_isError(::ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only)) != 0 ||
        ::ZSTD_isError(::ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, log_)) != 0)
      return State::out_of_memory;
    reset(5);  // magic and the first byte of the header
    return State::more;
  }

  // Damage in one block may be noticed only in a later one that uses the tables of the block.
  std::uint64_t sound_content(std::uint64_t written) const override { return written - std::min(written, doubtful_blocks); }

 private:
  static constexpr int smallest_log = 10;  // of the format
  static constexpr std::uint64_t doubtful_blocks = 2 * ZSTD_BLOCKSIZE_MAX;

  Step decode_block(Bytes in, std::span<std::uint8_t> out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t code = ::ZSTD_decompressStream(context_.get(), &output, &input);
    if (::ZSTD_isError(code) == 0) {
      wanted_ = std::max<std::size_t>(code, 1);
      return {input.pos, output.pos, code == 0 ? State::end : State::more};
    }
    switch (::ZSTD_getErrorCode(code)) {
      case ZSTD_error_checksum_wrong:
        return {in.size(), 0, State::wrong_content};
      case ZSTD_error_frameParameter_windowTooLarge:
        return {0, 0, State::too_large};
      case ZSTD_error_memory_allocation:
        return {0, 0, State::out_of_memory};
      default:
        return {0, 0, State::damaged, ::ZSTD_getErrorName(code)};
    }
  }

  struct Free {
    void operator()(ZSTD_DCtx* context) const { (void)::ZSTD_freeDCtx(context); }
  };
  const int log_;  // of the largest window
  std::unique_ptr<ZSTD_DCtx, Free> context_;
};

// A block has at most 4 MiB, whatever the memory.
class Lz4Decoder final : public FrameDecoder {
 public:
  Lz4Decoder() : FrameDecoder(4) {}

  State start() override {
    LZ4F_dctx* context = nullptr;
    if (!context_ && LZ4F_isError(::LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) == 0) context_.reset(context);
    if (!context_) return State::out_of_memory;
    ::LZ4F_resetDecompressionContext(context_.get());
    reset(LZ4F_HEADER_SIZE_MIN);
    return State::more;
  }

 private:
  Step decode_block(Bytes in, std::span<std::uint8_t> out) override {
    std::size_t read = in.size(), written = out.size();
    const std::size_t code = ::LZ4F_decompress(context_.get(), out.data(), &written, in.data(), &read, nullptr);
    if (LZ4F_isError(code) == 0) {
      wanted_ = std::max<std::size_t>(code, 1);
      return {read, written, code == 0 ? State::end : State::more};
    }
    switch (-static_cast<std::ptrdiff_t>(code)) {
      case LZ4F_ERROR_contentChecksum_invalid:
        return {in.size(), 0, State::wrong_content};
      case LZ4F_ERROR_allocation_failed:
        return {0, 0, State::out_of_memory};
      default:
        return {0, 0, State::damaged, ::LZ4F_getErrorName(code)};
    }
  }

  struct Free {
    void operator()(LZ4F_dctx* context) const { (void)::LZ4F_freeDecompressionContext(context); }
  };
  std::unique_ptr<LZ4F_dctx, Free> context_;
};

// ---- formats

// Whether the bytes are the magic number, or its beginning if there are fewer.
bool begins_with(Bytes bytes, std::string_view magic) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return !bytes.empty() && (text.starts_with(magic) || magic.starts_with(text));
}

// Whether the byte at `at` satisfies `holds`, or is beyond the end.
template <class F>
bool byte_is(Bytes bytes, std::size_t at, F holds) {
  return bytes.size() <= at || holds(bytes[at]);
}

bool begins_gzip(Bytes bytes) {
  return begins_with(bytes, "\x1f\x8b\x08") && byte_is(bytes, 3, [](auto flags) { return (flags & 0xe0) == 0; });
}

bool begins_zstd(Bytes bytes) {
  return begins_with(bytes, "\x28\xb5\x2f\xfd") && byte_is(bytes, 4, [](auto descriptor) { return (descriptor & 0x08) == 0; });
}

bool begins_lz4(Bytes bytes) {
  return begins_with(bytes, "\x04\x22\x4d\x18") && byte_is(bytes, 4, [](auto flags) { return (flags & 0xc2) == 0x40; }) &&
         byte_is(bytes, 5, [](auto block) { return (block & 0xcf) == 0x40; });
}

bool begins_xz(Bytes bytes) {
  using namespace std::string_view_literals;
  return begins_with(bytes,
                     "\xfd"
                     "7zXZ\0\0"sv);
}

bool begins_lzip(Bytes bytes) {
  return begins_with(bytes, "LZIP\x01") &&
         byte_is(bytes, 5, [](auto size) { return (size & 0x1f) >= 12 && (size & 0x1f) <= 29; });
}

// The format has no magic number; the rules are those of xz: usual properties, a dictionary of 2^n or 2^n + 2^(n-1) bytes, a size
// that is unknown or less than 256 GiB.
bool begins_lzma(Bytes bytes) {
  if (bytes.size() < 13 || bytes[0] != 0x5d) return false;
  const auto dictionary = little_endian(bytes.subspan(1, 4)), size = little_endian(bytes.subspan(5, 8));
  const auto top = std::bit_floor(dictionary);
  return dictionary >= 4096 && (dictionary == top || dictionary == top + top / 2) &&
         (size == UINT64_MAX || size < std::uint64_t{1} << 38);
}

lzma_ret start_xz(lzma_stream* stream, std::uint64_t memory) { return ::lzma_stream_decoder(stream, memory, 0); }
lzma_ret start_lzip(lzma_stream* stream, std::uint64_t memory) { return ::lzma_lzip_decoder(stream, memory, 0); }

template <LzmaStart start>
std::unique_ptr<StreamDecoder> make_lzma(std::uint64_t memory) {
  return std::make_unique<LzmaDecoder>(start, memory);
}

constexpr StreamFormat formats[] = {
    {"gzip", begins_gzip, true, false,
     [](std::uint64_t) -> std::unique_ptr<StreamDecoder> { return std::make_unique<GzipDecoder>(); }},
    {"zstd", begins_zstd, true, true,
     [](std::uint64_t memory) -> std::unique_ptr<StreamDecoder> { return std::make_unique<ZstdDecoder>(memory); }},
    {"lz4", begins_lz4, true, true,
     [](std::uint64_t) -> std::unique_ptr<StreamDecoder> { return std::make_unique<Lz4Decoder>(); }},
    {"xz", begins_xz, true, false, make_lzma<start_xz>},
    {"lzip", begins_lzip, true, false, make_lzma<start_lzip>},
    {"lzma", begins_lzma, false, false, make_lzma<::lzma_alone_decoder>},
};

}  // namespace

const StreamFormat* stream_format_of(std::span<const std::uint8_t> head) {
  const auto* found =
      std::find_if(std::begin(formats), std::end(formats), [&](const auto& format) { return format.begins(head); });
  return found == std::end(formats) ? nullptr : found;
}

std::uint64_t skippable_frame(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 8 || (little_endian(bytes.first(4)) & ~std::uint64_t{0xf}) != 0x184d2a50) return 0;
  return 8 + little_endian(bytes.subspan(4, 4));
}

}  // namespace mole::runtime
