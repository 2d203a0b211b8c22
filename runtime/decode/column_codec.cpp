#include "runtime/decode/column_codec.hpp"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace mole::runtime {
namespace {

using Address = std::array<std::uint8_t, 16>;

// Returns the number of planes up to the highest one with a nonzero byte.
template <class T>
std::size_t planes_of(const T* numbers, std::uint32_t rows) {
  if constexpr (std::is_same_v<T, Address>) {
    return sizeof(T);
  } else {
    T any = 0;
    for (std::uint32_t i = 0; i < rows; ++i) any |= numbers[i];
    return (static_cast<std::size_t>(std::bit_width(any)) + 7) / 8;
  }
}

template <class T>
void split(const T* numbers, std::uint32_t rows, std::size_t plane, std::uint8_t* out) {
  if constexpr (std::is_same_v<T, Address>) {
    for (std::uint32_t i = 0; i < rows; ++i) out[i] = numbers[i][plane];
  } else {
    for (std::uint32_t i = 0; i < rows; ++i) out[i] = static_cast<std::uint8_t>(numbers[i] >> (8 * plane));
  }
}

template <class T>
void join(const std::uint8_t* plane_bytes, std::uint32_t rows, std::size_t plane, T* numbers) {
  if constexpr (std::is_same_v<T, Address>) {
    for (std::uint32_t i = 0; i < rows; ++i) numbers[i][plane] = plane_bytes[i];
  } else if (plane == 0) {
    for (std::uint32_t i = 0; i < rows; ++i) numbers[i] = plane_bytes[i];
  } else {
    const auto shift = 8 * plane;
    for (std::uint32_t i = 0; i < rows; ++i) numbers[i] = static_cast<T>(numbers[i] | static_cast<T>(T{plane_bytes[i]} << shift));
  }
}

bool all_equal(const std::uint8_t* bytes, std::uint32_t rows) {
  return rows == 0 || std::memcmp(bytes, bytes + 1, rows - 1) == 0;
}

// Divides all numbers by the unit if each is a multiple of it. The divisor is a template argument, so that the compiler
// can multiply instead.
template <std::uint64_t unit>
bool divide(std::vector<std::uint64_t>& numbers) {
  for (const auto n : numbers)
    if (n % unit != 0) return false;
  for (auto& n : numbers) n /= unit;
  return true;
}

}  // namespace

// ---- encoding

struct ColumnEncoder::Compressor {
  Compressor() : context(ZSTD_createCCtx()) {
    if (context == nullptr) throw std::bad_alloc();
    // Planes have few repeated sequences and skewed byte frequencies: search little and always use entropy coding. A setting that
    // this version of zstd does not support affects size or time, not correctness.
    constexpr auto literal_compression = ZSTD_c_experimentalParam5;
    constexpr int always = 1;
    for (const auto& [parameter, value] :
         {std::pair{ZSTD_c_compressionLevel, 1}, std::pair{ZSTD_c_targetLength, 64}, std::pair{ZSTD_c_minMatch, 7},
          std::pair{ZSTD_c_hashLog, 12}, std::pair{literal_compression, always}})
      (void)ZSTD_CCtx_setParameter(context, parameter, value);
  }
  ~Compressor() { ZSTD_freeCCtx(context); }

  ZSTD_CCtx* context;
};

ColumnEncoder::ColumnEncoder() : compressor_(std::make_unique<Compressor>()) {}
ColumnEncoder::~ColumnEncoder() = default;

std::uint32_t ColumnEncoder::append_plane(std::uint32_t rows, std::string& out) {
  const auto* bytes = plane_.data();
  const auto as_text = [&](std::size_t size) { return std::string_view(reinterpret_cast<const char*>(bytes), size); };
  if (all_equal(bytes, rows)) {
    out += as_text(1);
    return 1;
  }
  const std::size_t before = out.size(), room = ZSTD_compressBound(rows);
  out.resize(before + room);
  const std::size_t size = ZSTD_compress2(compressor_->context, out.data() + before, room, bytes, rows);
  if (!ZSTD_isError(size) && size > 1 && size < rows) {
    out.resize(before + size);
    return static_cast<std::uint32_t>(size);
  }
  out.resize(before);
  out += as_text(rows);
  return rows;
}

template <class T>
ColumnPage ColumnEncoder::encode_numbers(const T* numbers, std::uint32_t rows, std::string& out) {
  plane_.resize(rows);
  ColumnPage page;
  page.planes = static_cast<std::uint8_t>(planes_of(numbers, rows));
  for (std::size_t p = 0; p < page.planes; ++p) {
    split(numbers, rows, p, plane_.data());
    page.sizes[p] = append_plane(rows, out);
  }
  return page;
}

ColumnPage ColumnEncoder::encode(const void* values, std::size_t width, std::uint32_t rows, std::string& out) {
  switch (width) {
    case 1:
      return encode_numbers(static_cast<const std::uint8_t*>(values), rows, out);
    case 2:
      return encode_numbers(static_cast<const std::uint16_t*>(values), rows, out);
    case 4:
      return encode_numbers(static_cast<const std::uint32_t*>(values), rows, out);
    case 8:
      return encode_numbers(static_cast<const std::uint64_t*>(values), rows, out);
    default:
      return encode_numbers(static_cast<const Address*>(values), rows, out);
  }
}

ColumnPage ColumnEncoder::encode_times(const std::int64_t* values, const std::int64_t* relative_to, std::uint32_t rows,
                                       std::string& out) {
  numbers_.resize(rows);
  for (std::uint32_t i = 0; i < rows; ++i)
    numbers_[i] = static_cast<std::uint64_t>(values[i]) - static_cast<std::uint64_t>(relative_to ? relative_to[i] : 0);
  std::int64_t base = rows == 0 ? 0 : INT64_MAX;
  for (const auto n : numbers_) base = std::min(base, static_cast<std::int64_t>(n));
  for (auto& n : numbers_) n -= static_cast<std::uint64_t>(base);
  const std::uint32_t unit = divide<1'000'000>(numbers_) ? 1'000'000 : divide<1'000>(numbers_) ? 1'000 : 1;
  ColumnPage page = encode_numbers(numbers_.data(), rows, out);
  page.base = static_cast<std::uint64_t>(base);
  page.unit = unit;
  return page;
}

// ---- decoding

struct ColumnDecoder::Decompressor {
  Decompressor() : context(ZSTD_createDCtx()) {
    if (context == nullptr) throw std::bad_alloc();
  }
  ~Decompressor() { ZSTD_freeDCtx(context); }

  ZSTD_DCtx* context;
};

ColumnDecoder::ColumnDecoder() : decompressor_(std::make_unique<Decompressor>()) {}
ColumnDecoder::~ColumnDecoder() = default;

// Returns the bytes of a plane; null if they cannot be decompressed.
const std::uint8_t* ColumnDecoder::plane(std::string_view stored, std::uint32_t rows) {
  if (stored.size() == rows) return reinterpret_cast<const std::uint8_t*>(stored.data());
  plane_.resize(rows);
  if (stored.size() == 1) {
    std::memset(plane_.data(), stored[0], rows);
  } else if (ZSTD_decompressDCtx(decompressor_->context, plane_.data(), rows, stored.data(), stored.size()) != rows) {
    return nullptr;
  }
  return plane_.data();
}

template <class T>
bool ColumnDecoder::decode_numbers(const ColumnPage& page, std::string_view bytes, std::uint32_t rows, T* numbers) {
  if (page.planes > sizeof(T) || page.size() != bytes.size()) return false;
  if (page.planes < (std::is_same_v<T, Address> ? sizeof(T) : 1)) std::memset(static_cast<void*>(numbers), 0, rows * sizeof(T));
  for (std::size_t p = 0; p < page.planes; ++p) {
    const auto* plane_bytes = plane(bytes.substr(0, page.sizes[p]), rows);
    if (plane_bytes == nullptr) return false;
    join(plane_bytes, rows, p, numbers);
    bytes.remove_prefix(page.sizes[p]);
  }
  return true;
}

bool ColumnDecoder::decode(const ColumnPage& page, std::string_view bytes, std::size_t width, std::uint32_t rows, void* values) {
  switch (width) {
    case 1:
      return decode_numbers(page, bytes, rows, static_cast<std::uint8_t*>(values));
    case 2:
      return decode_numbers(page, bytes, rows, static_cast<std::uint16_t*>(values));
    case 4:
      return decode_numbers(page, bytes, rows, static_cast<std::uint32_t*>(values));
    case 8:
      return decode_numbers(page, bytes, rows, static_cast<std::uint64_t*>(values));
    default:
      return decode_numbers(page, bytes, rows, static_cast<Address*>(values));
  }
}

bool ColumnDecoder::decode_times(const ColumnPage& page, std::string_view bytes, const std::int64_t* relative_to,
                                 std::uint32_t rows, std::int64_t* values) {
  auto* numbers = reinterpret_cast<std::uint64_t*>(values);
  if (!decode_numbers(page, bytes, rows, numbers)) return false;
  const std::uint64_t base = page.base, unit = page.unit;
  if (relative_to)
    for (std::uint32_t i = 0; i < rows; ++i) numbers[i] = base + unit * numbers[i] + static_cast<std::uint64_t>(relative_to[i]);
  else
    for (std::uint32_t i = 0; i < rows; ++i) numbers[i] = base + unit * numbers[i];
  return true;
}

}  // namespace mole::runtime
