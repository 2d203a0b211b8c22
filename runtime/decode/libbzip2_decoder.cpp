#include "runtime/decode/libbzip2_decoder.hpp"

#include "runtime/decode/bit_reader.hpp"
#include "runtime/decode/block_content.hpp"
#include "runtime/decode/segment_scanner.hpp"

#include <bzlib.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace mole::runtime {
namespace {

constexpr std::size_t header_bytes = 4;    // "BZh9"
constexpr std::size_t trailer_bytes = 10;  // end-of-stream magic and checksum
constexpr std::size_t typical_block = 1'000'000;

// dst[0..count) = src shifted left by `shift` bits; src has count+1 bytes if shift is not 0.
void copy_shifted(std::uint8_t* dst, const std::uint8_t* src, std::size_t count, unsigned shift) {
  if (shift == 0) {
    std::memcpy(dst, src, count);
    return;
  }
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const std::uint64_t value = __builtin_bswap64(load_big_endian(src + i) << shift | src[i + 8] >> (8 - shift));
    std::memcpy(dst + i, &value, sizeof value);
  }
  for (; i < count; ++i) dst[i] = static_cast<std::uint8_t>(src[i] << shift | src[i + 1] >> (8 - shift));
}

// Appends the low `count` bits of `value` at bit `at` of zeroed memory.
void put_bits(std::uint8_t* bytes, std::uint64_t at, std::uint64_t value, unsigned count) {
  for (unsigned i = 0; i < count; ++i, ++at)
    if (value >> (count - 1 - i) & 1) bytes[at / 8] = static_cast<std::uint8_t>(bytes[at / 8] | 0x80 >> (at % 8));
}

}  // namespace

// libbzip2 allocates its state (64 kB) and the table of a block (3.6 MB) and frees both at the end, so a stack allocator is
// enough.
struct Libbzip2Decoder::Arena {
  static constexpr std::size_t size = std::size_t{4} << 20;
  std::unique_ptr<std::byte[]> memory = std::make_unique_for_overwrite<std::byte[]>(size);
  std::size_t used = 0;

  static void* allocate(void* self, int items, int item_size) {
    auto& arena = *static_cast<Arena*>(self);
    const std::size_t wanted = (static_cast<std::size_t>(items) * static_cast<std::size_t>(item_size) + 63) / 64 * 64;
    if (wanted > size - arena.used) return nullptr;
    void* memory = arena.memory.get() + arena.used;
    arena.used += wanted;
    return memory;
  }
  static void free(void*, void*) {}
};

Libbzip2Decoder::Libbzip2Decoder() : arena_(std::make_unique<Arena>()) {}
Libbzip2Decoder::~Libbzip2Decoder() = default;

void Libbzip2Decoder::make_stream(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, DecodedBlock& out) {
  const std::size_t whole = bits / 8, size = header_bytes + whole + 1 + trailer_bytes;
  stream_.resize(std::max(size, stream_.size()));
  std::uint8_t* const block = stream_.data() + header_bytes;
  // Always level 9: the level is only an upper bound, and the header of the stream may be damaged.
  std::memcpy(stream_.data(), "BZh9", header_bytes);
  copy_shifted(block, bytes.data(), whole, first);
  std::memset(block + whole, 0, 1 + trailer_bytes);
  for (std::uint64_t i = whole * 8; i < bits; ++i) {
    const std::uint64_t from = first + i;
    put_bits(block, i, bytes[from / 8] >> (7 - from % 8) & 1, 1);
  }
  out.checksum = static_cast<std::uint32_t>(load_big_endian(block + magic_bits / 8) >> 32);
  put_bits(block, bits, end_magic, magic_bits);
  put_bits(block, bits + magic_bits, out.checksum, 32);
  stream_.resize(size);
}

void Libbzip2Decoder::decode(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, std::size_t limit,
                             DecodedBlock& out) {
  out.outcome = DecodedBlock::Outcome::damaged;
  out.content.set_size(0);
  out.reason = "bzip2 block cut off";
  if (bits < magic_bits + 32) return;
  make_stream(bytes, first, bits, out);
  out.content.reserve(std::min(typical_block, limit + 1));

  arena_->used = 0;
  bz_stream bz{};
  bz.bzalloc = Arena::allocate;
  bz.bzfree = Arena::free;
  bz.opaque = arena_.get();
  if (BZ2_bzDecompressInit(&bz, 0, 0) != BZ_OK) throw std::bad_alloc();
  bz.next_in = reinterpret_cast<char*>(stream_.data());
  bz.avail_in = static_cast<unsigned>(stream_.size());
  int code = BZ_OK;
  while (code == BZ_OK) {
    const std::size_t size = out.content.size();
    if (size > limit) break;
    // One byte more than the limit shows that the block is too large. The size of each call must not depend on the capacity of
    // the buffer: if a block ends within a run, libbzip2 reports only the bytes of earlier calls.
    const std::size_t wanted = std::min(std::max(typical_block, size * 2), limit + 1), room = wanted - size;
    out.content.reserve(wanted);
    bz.next_out = reinterpret_cast<char*>(out.content.data() + size);
    bz.avail_out = static_cast<unsigned>(room);
    code = BZ2_bzDecompress(&bz);
    out.content.set_size(size + room - bz.avail_out);
    if (code == BZ_OK && bz.avail_out > 0) break;  // all input is used and libbzip2 needs more
  }
  const std::uint64_t consumed = stream_.size() - bz.avail_in;
  BZ2_bzDecompressEnd(&bz);

  if (code == BZ_MEM_ERROR) throw std::bad_alloc();
  if (out.content.size() > limit) {
    out.outcome = DecodedBlock::Outcome::too_large;
  } else if (code == BZ_STREAM_END) {
    out.outcome = DecodedBlock::Outcome::whole;
  } else if (out.content.size() > 0 && bzip2_checksum(out.content.view()) == out.checksum) {
    // The block is whole; libbzip2 failed on the data after it.
    out.outcome = DecodedBlock::Outcome::whole_with_rest;
    const std::uint64_t bit = (consumed - header_bytes) * 8;
    out.rest_from = std::min(bits, bit > 16 ? bit - 16 : 0);
  } else {
    out.reason = code == BZ_OK            ? "bzip2 block cut off"
                 : out.content.size() > 0 ? "bzip2 block fails its checksum"
                                          : "bzip2 block damaged";
  }
}

}  // namespace mole::runtime
