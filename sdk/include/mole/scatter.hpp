// From "state of each row" to runs of rows with one state, in the order of the rows, so that an author's `add` always sees
// contiguous columns. A batch in long runs is cut where it lies; a mixed one is counting-sorted.
#pragma once

#include <mole/abi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace mole::detail {

// Rows [first, first + count) belong to `state`.
struct Run {
  std::uint32_t state;
  std::uint32_t first, count;
};

// Reused from batch to batch; one per thread.
class Scatter {
 public:
  // After this, runs() name all rows but those of MOLE_NO_STATE. If order() is not null, they are positions in it, and
  // order()[position] is the row.
  void group(const std::uint32_t* state_of_row, std::uint32_t rows, std::uint32_t state_count) {
    runs_.clear();
    sorted_ = false;
    if (rows == 0) return;
    if (changes(state_of_row, rows) <= rows / 16) return cut(state_of_row, rows, state_count);
    sorted_ = true;
    order_.resize(rows);
    if (state_count <= rows) sort_dense(state_of_row, rows, state_count);
    else sort_sparse(state_of_row, rows, state_count);
  }
  const std::vector<Run>& runs() const { return runs_; }
  const std::uint32_t* order() const { return sorted_ ? order_.data() : nullptr; }

  // `column`, of elements of `size` bytes, in the order of the runs: itself, or a copy in scratch memory `slot`.
  const void* arranged(const void* column, std::size_t size, std::size_t slot) {
    if (!sorted_) return column;
    if (columns_.size() <= slot) columns_.resize(slot + 1);
    auto& out = columns_[slot];
    if (out.size() < order_.size() * size) out.resize(order_.size() * size);
    switch (size) {
      case 1: gather<1>(column, out.data()); break;
      case 2: gather<2>(column, out.data()); break;
      case 4: gather<4>(column, out.data()); break;
      case 8: gather<8>(column, out.data()); break;
      default: gather<16>(column, out.data()); break;
    }
    return out.data();
  }

 private:
  static std::uint32_t changes(const std::uint32_t* s, std::uint32_t rows) {
    std::uint32_t n = 0;
    for (std::uint32_t i = 1; i < rows; ++i) n += s[i] != s[i - 1];
    return n;
  }

  void cut(const std::uint32_t* s, std::uint32_t rows, std::uint32_t state_count) {
    for (std::uint32_t first = 0, i = 1; i <= rows; ++i) {
      if (i < rows && s[i] == s[first]) continue;
      if (s[first] < state_count) runs_.push_back({s[first], first, i - first});
      first = i;
    }
  }

  // Four parts of the batch are counted and placed side by side: one chain of increments of the same counter would wait
  // for the store of the row before. Rows without a state go to one more bucket, behind all others.
  void sort_dense(const std::uint32_t* s, std::uint32_t rows, std::uint32_t state_count) {
    const std::uint32_t buckets = state_count + 1, part = rows / 4;
    counts_.assign(std::size_t{buckets} * 4, 0);
    std::uint32_t* const c = counts_.data();
    const auto bucket = [&](std::uint32_t i) { return std::size_t{std::min(s[i], state_count)} * 4; };
    for (std::uint32_t i = 0; i < part; ++i)
      for (std::uint32_t p = 0; p < 4; ++p) ++c[bucket(p * part + i) + p];
    for (std::uint32_t i = 4 * part; i < rows; ++i) ++c[bucket(i) + 3];
    std::uint32_t at = 0;
    for (std::uint32_t b = 0; b < buckets; ++b) {
      const std::uint32_t first = at;
      for (std::uint32_t p = 0; p < 4; ++p) at += std::exchange(c[4 * b + p], at);
      if (b < state_count && at > first) runs_.push_back({b, first, at - first});
    }
    for (std::uint32_t i = 0; i < part; ++i)
      for (std::uint32_t p = 0; p < 4; ++p) order_[c[bucket(p * part + i) + p]++] = p * part + i;
    for (std::uint32_t i = 4 * part; i < rows; ++i) order_[c[bucket(i) + 3]++] = i;
  }

  // More states than rows: look only at the counters that are used, and leave them zero.
  void sort_sparse(const std::uint32_t* s, std::uint32_t rows, std::uint32_t state_count) {
    if (sparse_counts_.size() <= state_count) sparse_counts_.resize(std::size_t{state_count} + 1);
    runs_.reserve(rows);
    std::uint32_t* const c = sparse_counts_.data();
    const auto bucket = [&](std::uint32_t i) { return std::min(s[i], state_count); };
    for (std::uint32_t i = 0; i < rows; ++i)
      if (c[bucket(i)]++ == 0) runs_.push_back({bucket(i), 0, 0});
    std::uint32_t at = 0;
    for (auto& run : runs_) {
      run.first = at;
      run.count = c[run.state];
      at += std::exchange(c[run.state], at);
    }
    for (std::uint32_t i = 0; i < rows; ++i) order_[c[bucket(i)]++] = i;
    for (const auto& run : runs_) c[run.state] = 0;
    std::erase_if(runs_, [&](const Run& run) { return run.state == state_count; });
  }

  template <std::size_t Size>
  void gather(const void* from, std::byte* to) const {
    const auto* source = static_cast<const std::byte*>(from);
    for (const std::uint32_t row : order_) {
      std::memcpy(to, source + std::size_t{row} * Size, Size);
      to += Size;
    }
  }

  std::vector<Run> runs_;
  std::vector<std::uint32_t> order_, counts_, sparse_counts_;
  std::vector<std::vector<std::byte>> columns_;
  bool sorted_ = false;
};

}  // namespace mole::detail
