// Scatter: groups the rows of a batch into runs with the same state, keeping their order within a state, so that a metric's `add`
// receives contiguous columns. A batch of long runs is split in place; any other batch is sorted with a counting sort.
#pragma once

#include <mole/abi.h>
#include <mole/addr.hpp>

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

// One per thread, reused for every batch.
class Scatter {
 public:
  // After this, runs() contains all rows except those of MOLE_NO_STATE. If places() is not null, row i moves to position
  // places()[i]. Rows in runs of at least `long_run` on average stay in place, and a state may then have several runs.
  void group(const std::uint32_t* state_of_row, std::uint32_t rows, std::uint32_t state_count, std::uint32_t long_run = 16) {
    runs_.clear();
    sorted_ = false;
    if (rows == 0) return;
    if (cut(state_of_row, rows, state_count, long_run)) return;
    runs_.clear();
    sorted_ = true;
    places_.resize(rows);
    if (state_count <= rows)
      sort_dense(state_of_row, rows, state_count);
    else
      sort_sparse(state_of_row, rows, state_count);
  }
  const std::vector<Run>& runs() const { return runs_; }
  const std::uint32_t* places() const { return sorted_ ? places_.data() : nullptr; }

  // Reserves scratch memory for columns 0 .. count - 1. After this, threads may arrange different slots concurrently.
  void reserve(std::size_t count) { columns_.resize(std::max(count, columns_.size())); }
  // Returns `column`, of elements of `size` bytes, in the order of the runs: itself, or a copy in scratch memory `slot`.
  const void* arranged(const void* column, std::size_t size, std::size_t slot) {
    if (!sorted_) return column;
    if (columns_.size() <= slot) columns_.resize(slot + 1);
    auto& out = columns_[slot];
    if (out.size() < places_.size() * size) out.resize(places_.size() * size);
    size == 1   ? place<std::uint8_t>(column, out.data())
    : size == 2 ? place<std::uint16_t>(column, out.data())
    : size == 4 ? place<std::uint32_t>(column, out.data())
    : size == 8 ? place<std::uint64_t>(column, out.data())
                : place<Addr>(column, out.data());
    return out.data();
  }

 private:
  // Finds the runs in place; false if they are too short.
  bool cut(const std::uint32_t* s, std::uint32_t rows, std::uint32_t state_count, std::uint32_t long_run) {
    for (std::uint32_t first = 0, runs_left = rows / long_run + 1; first < rows; --runs_left) {
      if (runs_left == 0) return false;
      const std::uint32_t state = s[first];
      std::uint32_t end = first + 1;
      while (end + 8 <= rows && all_are(state, s + end)) end += 8;
      while (end < rows && s[end] == state) ++end;
      if (state < state_count) runs_.push_back({state, first, end - first});
      first = end;
    }
    return true;
  }
  static bool all_are(std::uint32_t state, const std::uint32_t* s) {
    return ((s[0] ^ state) | (s[1] ^ state) | (s[2] ^ state) | (s[3] ^ state) | (s[4] ^ state) | (s[5] ^ state) | (s[6] ^ state) |
            (s[7] ^ state)) == 0;
  }

  // Counts and places four parts of the batch in parallel: in a single chain, each increment of a counter would wait for the
  // store of the previous row. Rows without a state go to an extra bucket at the end.
  void sort_dense(const std::uint32_t* s, std::uint32_t rows, std::uint32_t state_count) {
    const std::uint32_t buckets = state_count + 1, part = rows / 4;
    counts_.assign(std::size_t{buckets} * 4, 0);
    std::uint32_t *const c = counts_.data(), *const places = places_.data();
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
      for (std::uint32_t p = 0; p < 4; ++p) places[p * part + i] = c[bucket(p * part + i) + p]++;
    for (std::uint32_t i = 4 * part; i < rows; ++i) places[i] = c[bucket(i) + 3]++;
  }

  // For more states than rows: visits only the counters in use, and resets them.
  void sort_sparse(const std::uint32_t* s, std::uint32_t rows, std::uint32_t state_count) {
    if (sparse_counts_.size() <= state_count) sparse_counts_.resize(std::size_t{state_count} + 1);
    runs_.reserve(rows);
    std::uint32_t *const c = sparse_counts_.data(), *const places = places_.data();
    const auto bucket = [&](std::uint32_t i) { return std::min(s[i], state_count); };
    for (std::uint32_t i = 0; i < rows; ++i)
      if (c[bucket(i)]++ == 0) runs_.push_back({bucket(i), 0, 0});
    std::uint32_t at = 0;
    for (auto& run : runs_) {
      run.first = at;
      run.count = c[run.state];
      at += std::exchange(c[run.state], at);
    }
    for (std::uint32_t i = 0; i < rows; ++i) places[i] = c[bucket(i)]++;
    for (const auto& run : runs_) c[run.state] = 0;
    std::erase_if(runs_, [&](const Run& run) { return run.state == state_count; });
  }

  // Reads sequentially and writes to one place per state, so that each cache line is read once. Reading in the order of the
  // states would load a line once for every state in it.
  template <class Element>
  void place(const void* from, void* to) const {
    const auto* source = static_cast<const Element*>(from);
    auto* target = static_cast<Element*>(to);
    const std::uint32_t* const places = places_.data();
    const std::size_t rows = places_.size();
    for (std::size_t i = 0; i < rows; ++i) target[places[i]] = source[i];
  }

  std::vector<Run> runs_;
  std::vector<std::uint32_t> places_, counts_, sparse_counts_;
  std::vector<std::vector<std::byte>> columns_;
  bool sorted_ = false;
};

}  // namespace mole::detail
