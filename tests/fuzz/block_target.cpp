#include "runtime/decode/block_content.hpp"
#include "runtime/decode/interleaved_decoder.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace mole::runtime::test {
namespace {

constexpr std::size_t limit = 1 << 20;
constexpr std::uint64_t checksum_at = 48, randomised_at = 80;  // bits of a block

void require(bool holds) {
  if (!holds) std::abort();
}

struct Block {
  std::vector<std::uint8_t> bytes;
  unsigned first;
  std::uint64_t bits;

  bool bit(std::uint64_t at) const { return bytes[(first + at) / 8] >> (7 - (first + at) % 8) & 1; }
  void set(std::uint64_t at, bool value) {
    std::uint8_t& byte = bytes[(first + at) / 8];
    const auto mask = static_cast<std::uint8_t>(0x80 >> (first + at) % 8);
    byte = static_cast<std::uint8_t>(value ? byte | mask : byte & ~mask);
  }
};

// Runs both decoders on a block of exactly these bytes, so that a sanitizer detects reads past the end. Returns libbzip2's
// result.
void compare(const Block& block, DecodedBlock& reference) {
  static InterleavedDecoder interleaved;
  static const auto libbzip2 = make_block_decoder(Bzip2Decoder::libbzip2);
  const std::vector<std::uint8_t> bytes(block.bytes.begin(),
                                        block.bytes.begin() + static_cast<std::ptrdiff_t>((block.first + block.bits + 7) / 8));
  static DecodedBlock decoded;  // allocated once: allocation would dominate the time of a small block
  libbzip2->decode(bytes, block.first, block.bits, limit, reference);
  // The interleaved decoder, without libbzip2, must report a block as whole if and only if libbzip2 does.
  const bool randomised = block.bits > randomised_at && block.bit(randomised_at);
  const bool whole = interleaved.decode_whole(bytes, block.first, block.bits, limit, decoded);
  require(whole == (reference.outcome == DecodedBlock::Outcome::whole && !randomised));
  interleaved.decode(bytes, block.first, block.bits, limit, decoded);
  require(decoded.outcome == reference.outcome && decoded.checksum == reference.checksum);
  if (reference.is_whole())
    require(std::ranges::equal(decoded.content.view(), reference.content.view()));
  else if (reference.outcome == DecodedBlock::Outcome::damaged)
    require(decoded.reason == reference.reason);
  if (reference.outcome == DecodedBlock::Outcome::whole_with_rest) require(decoded.rest_from == reference.rest_from);
}

// Sets the checksum to that of the content, because random input almost never has a matching one.
void correct_checksum(Block& block, const DecodedBlock& decoded) {
  const std::uint32_t sum = bzip2_checksum(decoded.content.view());
  for (unsigned i = 0; i < 32; ++i) block.set(checksum_at + i, sum >> (31 - i) & 1);
}

}  // namespace

void fuzz_block(const std::uint8_t* data, std::size_t size) {
  if (size < 24) return;
  Block block{{data + 1, data + size}, data[0] % 8u, 0};
  block.bits = block.bytes.size() * 8 - block.first - data[0] / 8 % 8;
  static DecodedBlock reference, cut;
  compare(block, reference);
  if (reference.outcome == DecodedBlock::Outcome::damaged && reference.content.size() > 0) {
    correct_checksum(block, reference);
    compare(block, reference);
  }
  if (reference.outcome != DecodedBlock::Outcome::whole_with_rest) return;
  // The block ends at one of these positions, where it must be whole.
  const std::uint64_t all = block.bits;
  for (block.bits = std::max<std::uint64_t>(reference.rest_from, 80); block.bits <= all; ++block.bits) {
    compare(block, cut);
    if (cut.outcome == DecodedBlock::Outcome::whole || block.bits > reference.rest_from + 40) return;
  }
}

}  // namespace mole::runtime::test
