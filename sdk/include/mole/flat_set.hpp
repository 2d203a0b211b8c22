// FlatSet: a set of numbers, addresses or std::array<std::uint64_t, N> in one flat table (open addressing, linear probing).
// Saved sorted, so that equal sets are equal bytes; the table's own order must never show in a result.
#pragma once

#include <mole/fields.hpp>
#include <mole/radix_sort.hpp>
#include <mole/salted_hash.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mole {

template <class T>
class FlatSet {
 public:
  std::size_t size() const { return used_ + (has_zero_ ? 1 : 0); }
  bool empty() const { return size() == 0; }

  void insert(const T& key) {
    grow_for(1);
    place(key);
  }
  // Looks ahead, so that the misses of a large table overlap.
  void insert(std::span<const T> keys) {
    constexpr std::size_t ahead = 16;
    for (std::size_t at = 0; at < keys.size(); at += ahead) {
      const auto part = keys.subspan(at, std::min(ahead, keys.size() - at));
      grow_for(part.size());
      for (const auto& key : part) __builtin_prefetch(&table_[slot(key)], 1);
      for (const auto& key : part) place(key);
    }
  }
  bool contains(const T& key) const {
    if (key == T{}) return has_zero_;
    if (table_.empty()) return false;
    for (std::size_t i = slot(key);; i = (i + 1) & mask()) {
      if (table_[i] == key) return true;
      if (table_[i] == T{}) return false;
    }
  }
  void merge(const FlatSet& other) {
    // Keys come in the order of their hashes: into a small table that would pile up at its start.
    grow_for(other.used_);
    for (const auto& key : other.table_)
      if (key != T{}) place(key);
    has_zero_ |= other.has_zero_;
  }
  // Calls f(key) for each, in no order that may be relied on: for counts, sums of integers and the like.
  template <class F>
  void for_each(F f) const {
    if (has_zero_) f(T{});
    for (const auto& key : table_)
      if (key != T{}) f(key);
  }
  std::vector<T> sorted() const {
    std::vector<T> out;
    out.reserve(size());
    for_each([&](const T& key) { out.push_back(key); });
    detail::sort_by_key(out, [](const T& key) { return key; });
    return out;
  }
  bool operator==(const FlatSet& other) const { return sorted() == other.sorted(); }

  // Saved: u64 count, then the keys in rising order.
  static constexpr std::size_t least_size = 8;
  static std::string shape() { return "set<" + detail::shape_of<T>() + ">"; }
  void save(StateWriter& w) const { detail::save_value(w, sorted()); }
  void load(StateReader& r) {
    const auto n = r.count(sizeof(T));
    *this = FlatSet();
    grow_for(n);
    T before{};
    for (std::size_t i = 0; i < n; ++i) {
      T key;
      detail::load_value(r, key);
      if (i > 0 && !(before < key)) StateReader::refuse("a set is not in order");
      place(before = key);
    }
  }

 private:
  std::size_t mask() const { return table_.size() - 1; }

  std::size_t slot(const T& key) const { return static_cast<std::size_t>(detail::salted_hash(key) >> 20) & mask(); }

  // Room for `more` keys with at most 5/8 of the table in use.
  void grow_for(std::size_t more) {
    if ((used_ + more) * 8 <= table_.size() * 5) return;
    std::vector<T> old = std::move(table_);
    table_.assign(std::max<std::size_t>(16, std::bit_ceil((used_ + more) * 8 / 5 + 1)), T{});
    used_ = 0;
    for (const auto& key : old)
      if (key != T{}) place(key);
  }

  void place(const T& key) {
    if (key == T{}) {
      has_zero_ = true;
      return;
    }
    std::size_t i = slot(key);
    while (table_[i] != T{}) {
      if (table_[i] == key) return;
      i = (i + 1) & mask();
    }
    table_[i] = key;
    ++used_;
  }

  std::vector<T> table_;  // T{}: free; its own presence is has_zero_
  std::size_t used_ = 0;
  bool has_zero_ = false;
};

}  // namespace mole
