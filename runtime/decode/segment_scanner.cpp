#include "runtime/decode/segment_scanner.hpp"

#include "runtime/decode/bit_reader.hpp"

#include <algorithm>
#include <bitset>
#include <cstring>

namespace mole::runtime {
namespace {

constexpr std::size_t padding = 8;
constexpr std::size_t read_size = std::size_t{1} << 20;

// A magic at bit s of byte p covers bytes p+1..p+5 completely, so the four byte pairs that begin at p+1..p+4 depend only on s.
// Probing one pair in every four bytes therefore finds every magic; one probe in a thousand leads to an exact comparison.
const std::bitset<65536>& probe_table() {
  static const auto probes = [] {
    std::bitset<65536> table;
    for (const std::uint64_t magic : {block_magic, end_magic})
      for (unsigned s = 0; s < 8; ++s)
        for (unsigned pair = 1; pair <= 4; ++pair) {
          const unsigned skip = pair * 8 - s;  // bits of the magic before the pair
          table.set((magic >> (magic_bits - 16 - skip)) & 0xffff);
        }
    return table;
  }();
  return probes;
}

}  // namespace

// Compares the bits at each of the 16 positions from byte `from` on with both magics.
bool SegmentScanner::match(std::uint64_t from, Magic& magic) const {
  const std::uint64_t bits = load_big_endian(window_.data() + (from - base_));
  for (unsigned s = 0; s < 16; ++s) {
    const std::uint64_t value = (bits >> (16 - s)) & ((std::uint64_t{1} << magic_bits) - 1);
    if (value != block_magic && value != end_magic) continue;
    const std::uint64_t bit = from * 8 + s;
    if (bit < earliest_ || bit + magic_bits > filled_ * 8) continue;
    magic = {bit, value == block_magic ? Segment::Kind::block : Segment::Kind::end_of_stream};
    return true;
  }
  return false;
}

bool SegmentScanner::find(Magic& magic) {
  const auto& table = probe_table();
  // A probe reads bytes probe-4 .. probe+5; those past the end of the file are padding.
  const std::uint64_t end = at_end_ ? filled_ : filled_ < 6 ? 0 : filled_ - 5;
  const std::uint8_t* window = window_.data();
  std::uint64_t probe = probe_;
  for (; probe < end; probe += 4) {
    const std::uint8_t* p = window + (probe - base_);
    if (!table[static_cast<std::size_t>(p[0] << 8 | p[1])]) [[likely]]
      continue;
    if (match(probe - 4, magic) || match(probe - 2, magic)) {
      probe_ = probe;  // there may be another magic after it
      return true;
    }
  }
  probe_ = probe;
  return false;
}

Result<> SegmentScanner::refill() {
  const std::uint64_t needed = std::min(start_ / 8, probe_ - 4) / 4 * 4;  // the current segment and the next probe
  const std::size_t drop = static_cast<std::size_t>(needed - base_), kept = static_cast<std::size_t>(filled_ - needed);
  if (drop > 0) std::memmove(window_.data(), window_.data() + drop, kept);
  base_ = needed;
  if (window_.size() < kept + read_size + padding) window_.resize(kept + read_size + padding);
  MOLE_TRY(auto got, file_.read(filled_, {window_.data() + kept, read_size}));
  filled_ += got;
  at_end_ = got < read_size;
  std::memset(window_.data() + (filled_ - base_), 0, padding);
  return {};
}

void SegmentScanner::emit(Segment& out, std::uint64_t to, bool last) {
  out.kind = kind_;
  out.last = last;
  out.from = start_;
  out.to = to;
  const std::uint8_t* window = window_.data();
  out.bytes.assign(window + (out.first_byte() - base_), window + (out.end_byte() - base_));
  start_ = to;
}

Result<bool> SegmentScanner::next(Segment& out) {
  while (!finished_) {
    Magic magic;
    if (filled_ > 0 && find(magic)) {
      const bool empty = magic.bit == start_;  // the file begins with a magic, or the segment was split just before it
      if (!empty) emit(out, magic.bit, false);
      kind_ = magic.kind;
      earliest_ = magic.bit + magic_bits;
      if (!empty) return true;
      continue;
    }
    if (at_end_) {
      finished_ = true;
      if (filled_ * 8 == start_) return false;
      emit(out, filled_ * 8, true);
      return true;
    }
    const std::uint64_t seen = (probe_ - 4) * 8;  // no magic before this bit
    if (seen > start_ + max_bytes * 8) {
      emit(out, seen, false);
      kind_ = Segment::Kind::no_magic;
      return true;
    }
    if (auto read = refill(); !read) return read.error();
  }
  return false;
}

}  // namespace mole::runtime
