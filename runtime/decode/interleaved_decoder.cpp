#include "runtime/decode/interleaved_decoder.hpp"

#include "runtime/decode/block_content.hpp"

namespace mole::runtime {

InterleavedDecoder::InterleavedDecoder(bool wide)
    : symbols_(wide), text_(std::make_unique_for_overwrite<std::uint8_t[]>(InverseBwt::max_bytes)) {}

void InterleavedDecoder::decode(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, std::size_t limit,
                                DecodedBlock& out) {
  if (decode_whole(bytes, first, bits, limit, out)) return;
  if (!fallback_) fallback_ = make_block_decoder(Bzip2Decoder::libbzip2);
  fallback_->decode(bytes, first, bits, limit, out);
}

bool InterleavedDecoder::decode_whole(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, std::size_t limit,
                                      DecodedBlock& out) {
  if (!symbols_.read(bytes, first, bits)) return false;
  const std::span text(text_.get(), symbols_.column().size());
  inverse_.invert(symbols_.column(), symbols_.counts(), symbols_.origin(), text);
  if (!expand_runs(text, limit, out.content) || bzip2_checksum(out.content.view()) != symbols_.checksum()) return false;
  out.outcome = DecodedBlock::Outcome::whole;
  out.checksum = symbols_.checksum();
  return true;
}

}  // namespace mole::runtime
