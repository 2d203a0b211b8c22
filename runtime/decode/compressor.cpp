#include "runtime/decode/compressor.hpp"

#include "runtime/decode/bzip2_writer.hpp"

#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <new>

namespace mole::runtime {
namespace {

const std::uint8_t* data_of(std::string_view bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }
std::uint8_t* data_of(std::string& bytes) { return reinterpret_cast<std::uint8_t*>(bytes.data()); }

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, ::deflateEnd);
  std::string out(::deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = const_cast<Bytef*>(data_of(bytes));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = data_of(out);
  stream.avail_out = static_cast<uInt>(out.size());
  if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::bad_alloc();
  out.resize(stream.total_out);
  return out;
}

std::string xz(std::string_view bytes) {
  constexpr std::uint32_t level = 1;
  std::string out(::lzma_stream_buffer_bound(bytes.size()), '\0');
  std::size_t size = 0;
  if (::lzma_easy_buffer_encode(level, LZMA_CHECK_CRC64, nullptr, data_of(bytes), bytes.size(), data_of(out), &size,
                                out.size()) != LZMA_OK)
    throw std::bad_alloc();
  out.resize(size);
  return out;
}

std::string zstd(std::string_view bytes) {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(::ZSTD_createCCtx(), ::ZSTD_freeCCtx);
  if (!context || ::ZSTD_isError(::ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1)) != 0) throw std::bad_alloc();
  std::string out(::ZSTD_compressBound(bytes.size()), '\0');
  const auto size = ::ZSTD_compress2(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
  if (::ZSTD_isError(size) != 0) throw std::bad_alloc();
  out.resize(size);
  return out;
}

std::string lz4(std::string_view bytes) {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  std::string out(::LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
  const auto size = ::LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences);
  if (::LZ4F_isError(size) != 0) throw std::bad_alloc();
  out.resize(size);
  return out;
}

}  // namespace

std::string compress(std::string_view bytes, Compression compression) {
  switch (compression) {
    case Compression::none:
      break;
    case Compression::bzip2:
      return bzip2_compress(bytes, 1);
    case Compression::gzip:
      return gzip(bytes);
    case Compression::xz:
      return xz(bytes);
    case Compression::zstd:
      return zstd(bytes);
    case Compression::lz4:
      return lz4(bytes);
  }
  return std::string(bytes);
}

std::string_view ending_of(Compression compression) {
  switch (compression) {
    case Compression::none:
      break;
    case Compression::bzip2:
      return ".bz2";
    case Compression::gzip:
      return ".gz";
    case Compression::xz:
      return ".xz";
    case Compression::zstd:
      return ".zst";
    case Compression::lz4:
      return ".lz4";
  }
  return "";
}

}  // namespace mole::runtime
