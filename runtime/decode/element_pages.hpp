// Encodes the values of one information element in one batch of a column file (docs/formats/columns.md).
#pragma once

#include "runtime/decode/column_codec.hpp"
#include "runtime/decode/element_columns.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime {

// A batch whose values need more memory is not written to a column file.
inline constexpr std::size_t max_stored_element_bytes = std::size_t{32} << 20;

// Describes the values of an element in a batch in the file.
struct ElementPage {
  ColumnPage counts;           // number of values of each row
  std::uint32_t values = 0;    // their sum
  ColumnPage numbers;          // the values; of text and bytes: their sizes
  std::uint32_t bytes = 0;     // of all values of text and bytes
  std::uint32_t stored = 0;    // their size in the file; smaller than `bytes`: a zstd frame
  std::uint64_t checksum = 0;  // XXH3 of all bytes of the page

  std::uint64_t size() const { return counts.size() + numbers.size() + stored; }
};

// Not thread-safe: use from one thread at a time.
class ElementEncoder {
 public:
  // Appends the values of an element of the batch to `out`. `room`: memory that values may need, reduced by that of these;
  // nullopt: they need more. Throws bad_alloc.
  std::optional<ElementPage> encode(const FlowBatch& batch, int column, std::size_t& room, std::string& out);

 private:
  ColumnEncoder encoder_;
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint64_t> sizes_;
  std::string bytes_;
};

// Not thread-safe: use from one thread at a time.
class ElementDecoder {
 public:
  // Fills the rows, bytes and sizes of `values`. Returns false if the bytes do not match `page`.
  bool decode(const ElementPage& page, std::string_view bytes, std::uint32_t rows, ElementValues& values);

 private:
  ColumnDecoder decoder_;
  std::vector<std::uint32_t> counts_;
};

}  // namespace mole::runtime
