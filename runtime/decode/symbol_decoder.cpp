#include "runtime/decode/symbol_decoder.hpp"

#include "runtime/decode/segment_scanner.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mole::runtime {
namespace {

constexpr std::size_t steps_at_once = 2048;  // 8 kB, to stay in the L1 cache
constexpr unsigned max_run_digits = 21;      // libbzip2's limit, which prevents overflow

}  // namespace

SymbolDecoder::SymbolDecoder(bool wide)
    : list_(wide),
      steps_(steps_at_once),
      column_(std::make_unique_for_overwrite<std::uint8_t[]>(InverseBwt::max_bytes + MoveToFront::slack)) {}

bool SymbolDecoder::read(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits) {
  const std::size_t size = (first + bits + 7) / 8;
  input_.resize(std::max(input_.size(), size + BitReader::slack));
  std::memcpy(input_.data(), bytes.data(), size);
  std::memset(input_.data() + size, 0, BitReader::slack);
  bits_ = BitReader(input_.data(), first, first + bits);
  return read_header() && read_values() && read_selectors() && read_codes() && read_symbols() && bits_.at_end();
}

bool SymbolDecoder::read_header() {
  const std::uint64_t magic_high = bits_.take(24), magic = magic_high << 24 | bits_.take(24);
  checksum_ = bits_.take(32);
  const bool randomised = bits_.take(1) != 0;
  origin_ = bits_.take(24);
  return magic == block_magic && !randomised && !bits_.past_end();
}

// Reads the byte values that occur: a bitmap of the 16 ranges, then a 16-bit bitmap for each range in which a value occurs.
bool SymbolDecoder::read_values() {
  const std::uint32_t ranges = bits_.take(16);
  unsigned values = 0;
  for (unsigned range = 0; range < 16; ++range) {
    if ((ranges >> (15 - range) & 1) == 0) continue;
    const std::uint32_t used = bits_.take(16);
    for (unsigned i = 0; i < 16; ++i)
      if (used >> (15 - i) & 1) list_.set(values++, static_cast<std::uint8_t>(range * 16 + i));
  }
  alphabet_size_ = values + 2;  // the two run-length digits (RUNA, RUNB), positions 1 and up, and end of block
  return values > 0 && !bits_.past_end();
}

// Reads, for each group of 50 symbols, the index of its Huffman code; the indices are move-to-front coded, then unary coded.
bool SymbolDecoder::read_selectors() {
  codes_used_ = bits_.take(3);
  const unsigned selectors = bits_.take(15);
  if (codes_used_ < 2 || codes_used_ > max_codes || selectors == 0) return false;
  std::array<std::uint8_t, max_codes> order{0, 1, 2, 3, 4, 5};
  for (unsigned i = 0; i < selectors; ++i) {
    bits_.refill();
    const auto place = static_cast<unsigned>(std::countl_one(bits_.ahead()));
    if (place >= codes_used_ || bits_.past_end()) return false;
    bits_.skip(place + 1);
    if (i >= max_selectors) continue;
    std::rotate(order.begin(), order.begin() + place, order.begin() + place + 1);
    selectors_[i] = order[0];
  }
  selectors_used_ = std::min(selectors, max_selectors);
  return !bits_.past_end();
}

bool SymbolDecoder::read_codes() {
  std::array<std::uint8_t, HuffmanCode::max_symbols> lengths;
  for (unsigned code = 0; code < codes_used_; ++code) {
    unsigned length = bits_.take(5);
    for (unsigned symbol = 0; symbol < alphabet_size_; ++symbol) {
      while (true) {
        if (length < 1 || length > HuffmanCode::max_length || bits_.past_end()) return false;
        if (bits_.take(1) == 0) break;
        length += bits_.take(1) == 0 ? 1u : ~0u;
      }
      lengths[symbol] = static_cast<std::uint8_t>(length);
    }
    codes_[code].build(std::span(lengths).first(alphabet_size_));
  }
  return !bits_.past_end();
}

// Alternates between two phases: converts the symbols of some groups to move-to-front steps, without a branch that depends on
// them, then applies the steps.
bool SymbolDecoder::read_symbols() {
  const unsigned end = alphabet_size_ - 1;
  counts_.fill(0);
  size_ = 0;
  BitReader bits = bits_;
  MtfStep* const steps = steps_.data();
  std::size_t count = 0;
  std::uint32_t run = 0;
  unsigned digits = 0, max_digits = 0;
  // False: the symbol is not a step, but the end or an error.
  const auto take = [&](unsigned symbol) {
    if (symbol >= end) [[unlikely]]
      return false;
    steps[count] = MtfStep(run, symbol - 1);
    const std::uint32_t is_digit = symbol <= 1, if_digit = 0u - is_digit;
    count += 1 - is_digit;
    run = (run + (1u << (digits & 31) << symbol % 2)) & if_digit;
    digits = (digits + 1) & if_digit;
    max_digits = std::max(max_digits, digits);
    return true;
  };
  for (unsigned group = 0; group < selectors_used_; ++group) {
    const HuffmanCode& code = codes_[selectors_[group]];
    unsigned symbol = 0;
    for (unsigned i = 0; i < symbols_per_group; i += 2) {
      bits.refill();
      symbol = code.next(bits);
      if (!take(symbol)) break;
      symbol = code.next(bits);
      if (!take(symbol)) break;
    }
    if (bits.past_end() || max_digits > max_run_digits) return false;
    if (symbol >= end) {
      bits_ = bits;
      return symbol == end && apply_steps(count) && end_run(run) && origin_ < size_;
    }
    if (count > steps_at_once - symbols_per_group) {
      if (!apply_steps(count)) return false;
      count = 0;
    }
  }
  return false;
}

bool SymbolDecoder::apply_steps(std::size_t count) {
  const auto written = list_.undo(std::span(steps_).first(count), column_.get() + size_, InverseBwt::max_bytes - size_, counts_);
  size_ += written.value_or(0);
  return written.has_value();
}

// Writes the run at the end of the block, after the last step.
bool SymbolDecoder::end_run(std::uint32_t run) {
  if (run > InverseBwt::max_bytes - size_) return false;
  std::memset(column_.get() + size_, list_.front(), run);
  counts_[list_.front()] += run;
  size_ += run;
  return true;
}

}  // namespace mole::runtime
