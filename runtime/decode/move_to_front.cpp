#include "runtime/decode/move_to_front.hpp"

#include <cstring>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace mole::runtime {
namespace {

// ---- 16 rows of 16 bytes; shifts only the rows up to the place
// Each load reads exactly the bytes of one store, so the processor can forward them.

constexpr unsigned row_bytes = 16;
using Row = std::uint8_t __attribute__((vector_size(row_bytes)));

Row load(const std::uint8_t* p) {
  Row value;
  std::memcpy(&value, p, row_bytes);
  return value;
}
void store(std::uint8_t* p, Row value) { std::memcpy(p, &value, row_bytes); }

// Returns `row` shifted up by one place, with the last value of `below` in its first place.
Row shifted(Row below, Row row) {
#ifdef __x86_64__  // g++ 12 compiles the shuffle to 16 single moves
  return reinterpret_cast<Row>(
      _mm_or_si128(_mm_slli_si128(reinterpret_cast<__m128i>(row), 1), _mm_srli_si128(reinterpret_cast<__m128i>(below), 15)));
#else
  return __builtin_shufflevector(below, row, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
#endif
}

// Returns a mask: 0 up to `place`, 255 beyond it.
Row keep_beyond(unsigned place) {
  alignas(64) static constexpr auto pattern = [] {
    std::array<std::uint8_t, 2 * row_bytes> bytes{};
    for (unsigned i = row_bytes; i < bytes.size(); ++i) bytes[i] = 255;
    return bytes;
  }();
  return load(pattern.data() + row_bytes - 1 - place);
}

// Writes `value` to `out`, `run` times. Most runs are short; the bytes after the run are overwritten by the next value.
inline void put_run(std::uint8_t* out, std::uint8_t value, std::uint32_t run) {
  std::memset(out, value, MoveToFront::slack);
  if (run > MoveToFront::slack) [[unlikely]]
    std::memset(out, value, run);
}

bool has_avx2() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
  return false;
#endif
}

}  // namespace

MoveToFront::MoveToFront(bool wide) : wide_(wide && has_avx2()) {}

inline std::uint8_t MoveToFront::take(unsigned place) {
  const std::uint8_t value = list_[place];
  const unsigned last = place / row_bytes;
  const Row values = Row{} + value;
  Row below = last == 0 ? values : load(list_.data() + (last - 1) * row_bytes);
  // In the row of `place` only the values before it move.
  const Row old = load(list_.data() + last * row_bytes), keep = keep_beyond(place % row_bytes);
  store(list_.data() + last * row_bytes, (old & keep) | (shifted(below, old) & ~keep));
  for (unsigned row = last; row-- > 0;) {
    const Row current = below;
    below = row == 0 ? values : load(list_.data() + (row - 1) * row_bytes);
    store(list_.data() + row * row_bytes, shifted(below, current));
  }
  return value;
}

std::optional<std::size_t> MoveToFront::undo_by_rows(std::span<const MtfStep> steps, std::uint8_t* out, std::size_t room,
                                                     std::array<std::uint32_t, 256>& counts) {
  std::size_t size = 0;
  for (const MtfStep step : steps) {
    if (step.run() >= room - size) [[unlikely]]
      return std::nullopt;
    put_run(out + size, list_[0], step.run());
    counts[list_[0]] += step.run();
    size += step.run();
    const std::uint8_t value = take(step.place());
    out[size++] = value;
    ++counts[value];
  }
  return size;
}

// ---- 8 rows of 32 bytes; stores all rows
// Rows beyond the place are rewritten unchanged, to avoid a branch that would be mispredicted: in flow records half of the values
// are beyond place 31, at random places.

#ifdef __x86_64__
__attribute__((target("avx2,bmi,bmi2"))) std::optional<std::size_t> MoveToFront::undo_wide(
    std::span<const MtfStep> steps, std::uint8_t* out, std::size_t room, std::array<std::uint32_t, 256>& counts) {
  constexpr unsigned rows = 8;
  // Places are signed bytes, because AVX2 compares only those.
  const __m256i first_places =
      _mm256_setr_epi8(-128, -127, -126, -125, -124, -123, -122, -121, -120, -119, -118, -117, -116, -115, -114, -113, -112, -111,
                       -110, -109, -108, -107, -106, -105, -104, -103, -102, -101, -100, -99, -98, -97);
  __m256i* const list = reinterpret_cast<__m256i*>(list_.data());
  __m256i row[rows];
  for (unsigned i = 0; i < rows; ++i) row[i] = _mm256_load_si256(list + i);
  std::size_t size = 0;
  for (const MtfStep step : steps) {
    if (step.run() >= room - size) [[unlikely]]
      return std::nullopt;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + size), _mm256_broadcastb_epi8(_mm256_castsi256_si128(row[0])));
    if (step.run() > slack) [[unlikely]]
      std::memset(out + size, list_[0], step.run());
    size += step.run();
    counts[list_[0]] += step.run();

    const std::uint8_t value = list_[step.place()];
    const __m256i last = _mm256_set1_epi8(static_cast<char>(step.place() - 128));
    __m256i below = _mm256_set1_epi8(static_cast<char>(value));
    __m256i places = first_places;
#pragma GCC unroll 8
    for (unsigned i = 0; i < rows; ++i) {
      const __m256i old = row[i];
      const __m256i moved = _mm256_alignr_epi8(old, _mm256_permute2x128_si256(below, old, 0x21), 15);
      row[i] = _mm256_blendv_epi8(moved, old, _mm256_cmpgt_epi8(places, last));
      _mm256_store_si256(list + i, row[i]);
      places = _mm256_add_epi8(places, _mm256_set1_epi8(32));
      below = old;
    }
    out[size++] = value;
    ++counts[value];
  }
  return size;
}
#else
std::optional<std::size_t> MoveToFront::undo_wide(std::span<const MtfStep> steps, std::uint8_t* out, std::size_t room,
                                                  std::array<std::uint32_t, 256>& counts) {
  return undo_by_rows(steps, out, room, counts);
}
#endif

}  // namespace mole::runtime
