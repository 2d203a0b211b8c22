// FlatSet: a hash set of numbers, addresses or std::array<std::uint64_t, N> in one table (open addressing, linear probing). Saved
// sorted, so that equal sets save to equal bytes. The order of the table must not affect results.
//
//   void add(mole::FlatSet<std::uint32_t>& sources, const mole::Flows<mole::src_addr>& flows) {
//     sources.insert(flows.span4<mole::src_addr>());
//   }
#pragma once

#include <mole/detail/open_table.hpp>
#include <mole/detail/radix_sort.hpp>
#include <mole/fields.hpp>

#include <algorithm>
#include <cstddef>
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
    place(key, slot(key));
  }
  void insert(std::span<const T> keys) {
    detail::visit_slots(
        table_, keys, [this](std::size_t n) { grow_for(n); }, [&](std::size_t i, std::size_t at) { place(keys[i], at); });
  }
  bool contains(const T& key) const {
    if (key == T{}) return has_zero_;
    if (table_.empty()) return false;
    for (std::size_t i = slot(key);; i = next(i)) {
      if (table_[i] == key) return true;
      if (table_[i] == T{}) return false;
    }
  }
  void merge(const FlatSet& other) {
    // Grow first: keys arrive in the order of their hashes and would all collide at the start of a small table.
    grow_for(other.used_);
    each(other.table_, [&](const T& key) { place(key, slot(key)); });
    has_zero_ |= other.has_zero_;
  }
  // Calls f(key) for each key in unspecified order, for results that do not depend on the order.
  template <class F>
  void for_each(F f) const {
    if (has_zero_) f(T{});
    each(table_, f);
  }
  std::vector<T> sorted() const {
    std::vector<T> out;
    out.reserve(size());
    for_each([&](const T& key) { out.push_back(key); });
    detail::sort_by_key(out, [](const T& key) { return key; });
    return out;
  }
  bool operator==(const FlatSet& other) const { return sorted() == other.sorted(); }

  // Saved: u64 count, then the keys in ascending order.
  static constexpr std::size_t min_size = 8;
  static std::string shape() { return "set<" + detail::shape_of<T>() + ">"; }
  void save(StateWriter& w) const { detail::save_value(w, sorted()); }
  void load(StateReader& r) {
    const auto n = r.count(sizeof(T));
    *this = FlatSet();
    grow_for(n);
    detail::load_ascending<T>(r, n, "a set is not sorted", [&](const T& key) { place(key, slot(key)); });
  }

 private:
  template <class F>
  static void each(const std::vector<T>& table, F f) {
    detail::each_taken(
        table, [](const T& key) { return key == T{}; }, f);
  }
  std::size_t slot(const T& key) const { return detail::slot_of(key, table_.size()); }
  std::size_t next(std::size_t i) const { return detail::slot_after(i, table_.size()); }

  // Makes room for `more` keys with at most 5/8 of the table in use.
  void grow_for(std::size_t more) {
    if ((used_ + more) * 8 <= table_.size() * 5) return;
    std::vector<T> old(std::max({std::size_t{16}, detail::grown_size(table_), (used_ + more) * 8 / 5 + 1}));
    std::swap(old, table_);
    used_ = 0;
    each(old, [&](const T& key) { place(key, slot(key)); });
  }

  void place(const T& key, std::size_t i) {
    if (key == T{}) {
      has_zero_ = true;
      return;
    }
    while (table_[i] != T{}) {
      if (table_[i] == key) return;
      i = next(i);
    }
    table_[i] = key;
    ++used_;
  }

  std::vector<T> table_;  // T{} marks a free slot; has_zero_: whether that key is present
  std::size_t used_ = 0;
  bool has_zero_ = false;
};

}  // namespace mole
