#include "block_codec.hpp"

#include <bzlib.h>
#include <lz4.h>
#include <lzo/lzo1x.h>
#include <zstd.h>

namespace mole::plugins::nfcapd {
namespace {

constexpr std::size_t limit = BlockHeader::max_size;

template <class To>
To* as(const std::byte* p) {
  return const_cast<To*>(reinterpret_cast<const To*>(p));
}

}  // namespace

std::optional<std::span<const std::byte>> BlockCodec::decompress(Compression compression, std::span<const std::byte> block) {
  if (compression == Compression::none) return block;
  if (!content_) content_.reset(new std::byte[limit]);  // not initialised
  std::size_t size = 0;
  switch (compression) {
    case Compression::none:
      break;
    case Compression::lzo: {
      lzo_uint out = limit;
      if (lzo1x_decompress_safe(as<unsigned char>(block.data()), block.size(), as<unsigned char>(content_.get()), &out,
                                nullptr) != LZO_E_OK)
        return std::nullopt;
      size = out;
      break;
    }
    case Compression::bz2: {
      bz_stream stream{};
      if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) return std::nullopt;
      stream.next_in = as<char>(block.data());
      stream.avail_in = static_cast<unsigned>(block.size());
      stream.next_out = as<char>(content_.get());
      stream.avail_out = static_cast<unsigned>(limit);
      const bool ended = BZ2_bzDecompress(&stream) == BZ_STREAM_END;
      BZ2_bzDecompressEnd(&stream);
      if (!ended || stream.avail_in > 0) return std::nullopt;  // bytes after the stream: the size of the block is wrong
      size = limit - stream.avail_out;
      break;
    }
    case Compression::lz4: {
      const int out = LZ4_decompress_safe(as<char>(block.data()), as<char>(content_.get()), static_cast<int>(block.size()),
                                          static_cast<int>(limit));
      if (out < 0) return std::nullopt;
      size = static_cast<std::size_t>(out);
      break;
    }
    case Compression::zstd: {
      size = ZSTD_decompress(content_.get(), limit, block.data(), block.size());
      if (ZSTD_isError(size) != 0) return std::nullopt;
      break;
    }
  }
  return std::span<const std::byte>(content_.get(), size);
}

}  // namespace mole::plugins::nfcapd
