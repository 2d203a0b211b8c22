// Encodes one column of one batch: the numbers are split into planes (all lowest bytes, all second bytes, ...) and each plane is
// compressed separately. See docs/formats/columns.md for the format and docs/decisions/0064 for the reasons.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime {

inline constexpr std::size_t max_planes = 16;  // bytes of the widest value, an IPv6 address

// Describes a column of a batch in the file.
struct ColumnPage {
  std::uint64_t base = 0;  // value = base + unit * number, modulo 2^64; 0 and 1 except for times
  std::uint32_t unit = 1;
  std::uint8_t planes = 0;                        // lowest byte first; the bytes above are 0
  std::array<std::uint32_t, max_planes> sizes{};  // stored bytes of a plane. 1: all equal; rows: uncompressed; else zstd

  std::uint64_t size() const {
    std::uint64_t sum = 0;
    for (std::size_t p = 0; p < planes; ++p) sum += sizes[p];
    return sum;
  }
};

// Reuses a compressor and scratch memory. Not thread-safe: use from one thread at a time.
class ColumnEncoder {
 public:
  ColumnEncoder();
  ~ColumnEncoder();

  // Appends the planes of `rows` values of `width` bytes (1, 2, 4, 8 or 16) to `out`. Throws bad_alloc.
  ColumnPage encode(const void* values, std::size_t width, std::uint32_t rows, std::string& out);
  // Encodes times in microseconds: subtracts `relative_to` (`rows` values) unless it is null, then the smallest difference, and
  // stores milliseconds or seconds if all values are then multiples of that unit.
  ColumnPage encode_times(const std::int64_t* values, const std::int64_t* relative_to, std::uint32_t rows, std::string& out);

 private:
  struct Compressor;
  template <class T>
  ColumnPage encode_numbers(const T* numbers, std::uint32_t rows, std::string& out);
  std::uint32_t append_plane(std::uint32_t rows, std::string& out);

  std::unique_ptr<Compressor> compressor_;
  std::vector<std::uint8_t> plane_;
  std::vector<std::uint64_t> numbers_;
};

// Reuses a decompressor and scratch memory. Not thread-safe: use from one thread at a time.
class ColumnDecoder {
 public:
  ColumnDecoder();
  ~ColumnDecoder();

  // Fills `values` from the bytes of a page. Returns false, and leaves `values` unspecified, if the bytes do not match `page`.
  bool decode(const ColumnPage& page, std::string_view bytes, std::size_t width, std::uint32_t rows, void* values);
  bool decode_times(const ColumnPage& page, std::string_view bytes, const std::int64_t* relative_to, std::uint32_t rows,
                    std::int64_t* values);

 private:
  struct Decompressor;
  template <class T>
  bool decode_numbers(const ColumnPage& page, std::string_view bytes, std::uint32_t rows, T* numbers);
  const std::uint8_t* plane(std::string_view stored, std::uint32_t rows);

  std::unique_ptr<Decompressor> decompressor_;
  std::vector<std::uint8_t> plane_;
};

}  // namespace mole::runtime
