#include "runtime/decode/element_pages.hpp"

#include <zstd.h>

#include <new>
#include <numeric>

namespace mole::runtime {

std::optional<ElementPage> ElementEncoder::encode(const FlowBatch& batch, int column, std::size_t& room, std::string& out) {
  const auto type = type_of_values(column);
  const auto width = size_of_value(type);
  counts_.clear();
  sizes_.clear();
  bytes_.clear();
  for (const auto& of_row : batch.column<mole_values>(column)) {
    counts_.push_back(static_cast<std::uint32_t>(of_row.count));
    for (std::uint64_t i = 0; i < of_row.count; ++i) {
      const auto value = value_bytes(type, of_row, i);
      const std::size_t needed = value.size() + ElementColumns::overhead;
      if (needed > room) return std::nullopt;
      room -= needed;
      if (width == 0) sizes_.push_back(value.size());
      bytes_ += value;
    }
  }
  ElementPage page;
  page.counts = encoder_.encode(counts_.data(), sizeof(std::uint32_t), batch.rows, out);
  page.values = std::accumulate(counts_.begin(), counts_.end(), std::uint32_t{0});
  if (page.values == 0) return page;
  if (type == MOLE_TYPE_TIME) {
    page.numbers = encoder_.encode_times(reinterpret_cast<const std::int64_t*>(bytes_.data()), nullptr, page.values, out);
  } else if (width != 0) {
    page.numbers = encoder_.encode(bytes_.data(), width, page.values, out);
  } else {
    page.numbers = encoder_.encode(sizes_.data(), sizeof(std::uint64_t), page.values, out);
    page.bytes = static_cast<std::uint32_t>(bytes_.size());
    const std::size_t before = out.size(), bound = ZSTD_compressBound(bytes_.size());
    out.resize(before + bound);
    const std::size_t size = ZSTD_compress(out.data() + before, bound, bytes_.data(), bytes_.size(), 1);
    if (ZSTD_isError(size)) throw std::bad_alloc();  // the only possible error, because the buffer is large enough
    if (size < bytes_.size())
      out.resize(before + size);
    else
      out.replace(before, bound, bytes_);
    page.stored = static_cast<std::uint32_t>(out.size() - before);
  }
  return page;
}

bool ElementDecoder::decode(const ElementPage& page, std::string_view bytes, std::uint32_t rows, ElementValues& values) {
  if (bytes.size() != page.size()) return false;
  const auto width = size_of_value(values.type);
  counts_.resize(rows);
  if (!decoder_.decode(page.counts, bytes.substr(0, page.counts.size()), sizeof(std::uint32_t), rows, counts_.data()))
    return false;
  bytes.remove_prefix(page.counts.size());
  if (std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}) != page.values) return false;
  values.rows.clear();
  values.rows.reserve(page.values);
  for (std::uint32_t row = 0; row < rows; ++row) values.rows.insert(values.rows.end(), counts_[row], row);
  values.sizes.resize(width == 0 ? page.values : 0);
  values.bytes.resize(width == 0 ? page.bytes : page.values * width);
  if (page.values == 0) return true;
  const auto numbers = bytes.substr(0, page.numbers.size());
  if (values.type == MOLE_TYPE_TIME)
    return decoder_.decode_times(page.numbers, numbers, nullptr, page.values,
                                 reinterpret_cast<std::int64_t*>(values.bytes.data()));
  if (width != 0) return decoder_.decode(page.numbers, numbers, width, page.values, values.bytes.data());
  if (!decoder_.decode(page.numbers, numbers, sizeof(std::uint64_t), page.values, values.sizes.data())) return false;
  std::uint64_t left = page.bytes;
  for (const auto size : values.sizes) {
    if (size > left) return false;
    left -= size;
  }
  bytes.remove_prefix(page.numbers.size());
  if (page.stored == page.bytes)
    values.bytes = bytes;
  else if (ZSTD_decompress(values.bytes.data(), page.bytes, bytes.data(), bytes.size()) != page.bytes)
    return false;
  return left == 0;
}

}  // namespace mole::runtime
