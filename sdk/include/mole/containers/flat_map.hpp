// FlatMap: a hash map from numbers or addresses to values, in one table (open addressing, linear probing). Saved sorted, so that
// equal maps save to equal bytes. The order of the table differs between processes and must not affect results.
//
//   using BytesByAddress = mole::FlatMap<std::uint32_t, std::uint64_t>;
//   void add(BytesByAddress& sums, const mole::Flows<mole::src_addr, mole::bytes>& flows) {
//     const auto bytes = flows.span<mole::bytes>();
//     sums.update(flows.span4<mole::src_addr>(), [&](std::uint64_t& sum, std::size_t i) { sum += bytes[i]; });
//   }
//
// Values are small and trivially copyable, start as Value{}, and have a type that mole::fields can save. merge() adds numbers and
// merges other values as merge_fields does.
#pragma once

#include <mole/detail/open_table.hpp>
#include <mole/detail/radix_sort.hpp>
#include <mole/fields.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace mole {

template <class Key, class Value>
class FlatMap {
  static_assert(detail::FlatKey<Key>, "a key is an unsigned number, mole::Addr or std::array<std::uint64_t, N>");
  static_assert(std::is_trivially_copyable_v<Value>, "FlatMap copies its values as bytes: they must be trivially copyable");

 public:
  std::size_t size() const { return used_ + (has_zero_ ? 1 : 0); }
  bool empty() const { return size() == 0; }
  // Memory used, in bytes.
  std::size_t memory() const { return table_.capacity() * sizeof(Entry); }

  // Allocates memory for `keys` more keys.
  void reserve(std::size_t keys) { grow_for(keys); }
  // Returns the value of `key`, inserting Value{} if it is new. The reference is valid until the map changes.
  Value& operator[](const Key& key) {
    grow_for(1);
    return place(key, slot(key));
  }
  // Calls f(value of keys[i], i) for each i in order. Prefetches, so that cache misses in a large table overlap.
  template <class F>
  void update(std::span<const Key> keys, F f) {
    detail::visit_slots(
        table_, keys, [this](std::size_t n) { grow_for(n); }, [&](std::size_t i, std::size_t at) { f(place(keys[i], at), i); });
  }
  // Returns nullptr if `key` is missing.
  const Value* find(const Key& key) const {
    if (key == Key{}) return has_zero_ ? &zero_ : nullptr;
    if (table_.empty()) return nullptr;
    for (std::size_t i = slot(key);; i = next(i)) {
      if (table_[i].key == key) return &table_[i].value;
      if (table_[i].key == Key{}) return nullptr;
    }
  }
  // Calls f(key, value) for each entry in unspecified order, for results that do not depend on the order.
  template <class F>
  void for_each(F f) const {
    if (has_zero_) f(Key{}, zero_);
    each(table_, [&](const Entry& e) { f(e.key, e.value); });
  }
  // Calls combine(key, value, value of the same key in the other map) for each key, with Value{} if one map lacks it. The two
  // values may be swapped.
  template <class F>
  void merge(const FlatMap& other, F combine) {
    if (other.size() > size()) return absorb(std::exchange(*this, other), combine);  // the smaller into the larger
    absorb(other, combine);
  }
  void merge(const FlatMap& other) {
    merge(other, [](const Key&, Value& here, const Value& there) {
      if constexpr (std::is_arithmetic_v<Value>)
        here += there;
      else
        detail::merge_value(here, there);
    });
  }
  // Entries in ascending order of keys.
  std::vector<std::pair<Key, Value>> sorted() const {
    std::vector<std::pair<Key, Value>> out;
    out.reserve(size());
    for_each([&](const Key& key, const Value& value) { out.emplace_back(key, value); });
    detail::sort_by_key(out, [](const auto& entry) { return entry.first; });
    return out;
  }
  bool operator==(const FlatMap& other) const { return sorted() == other.sorted(); }

  // Saved: u64 count, then keys and values in ascending order of keys.
  static constexpr std::size_t min_size = 8;
  static std::string shape() { return "map<" + detail::shape_of<Key>() + "," + detail::shape_of<Value>() + ">"; }
  void save(StateWriter& w) const { detail::save_value(w, sorted()); }
  void load(StateReader& r) {
    const auto n = r.count(sizeof(Key) + detail::Codec<Value>::min_size);
    *this = FlatMap();
    grow_for(n);
    detail::load_ascending<Key>(r, n, "a map is not sorted",
                                [&](const Key& key) { detail::load_value(r, place(key, slot(key))); });
  }

 private:
  struct Entry {
    Key key;
    Value value;
  };

  template <class F>
  static void each(const std::vector<Entry>& table, F f) {
    detail::each_taken(
        table, [](const Entry& e) { return e.key == Key{}; }, f);
  }

  template <class F>
  void absorb(const FlatMap& other, F combine) {
    // Grow first: keys arrive in the order of their hashes and would all collide at the start of a small table.
    grow_for(other.used_);
    each(other.table_, [&](const Entry& e) { combine(e.key, place(e.key, slot(e.key)), e.value); });
    if (other.has_zero_) combine(Key{}, place(Key{}, 0), other.zero_);
  }

  std::size_t slot(const Key& key) const { return detail::slot_of(key, table_.size()); }
  std::size_t next(std::size_t i) const { return detail::slot_after(i, table_.size()); }

  // Makes room for `more` keys with at most 3/4 of the table in use.
  void grow_for(std::size_t more) {
    if ((used_ + more) * 4 <= table_.size() * 3) return;
    std::vector<Entry> old(std::max({std::size_t{8}, detail::grown_size(table_), (used_ + more) * 3 / 2}));
    std::swap(old, table_);
    each(old, [&](const Entry& e) {
      std::size_t i = slot(e.key);
      while (table_[i].key != Key{}) i = next(i);  // all keys differ
      table_[i] = e;
    });
  }

  Value& place(const Key& key, std::size_t i) {
    if (key == Key{}) {
      has_zero_ = true;
      return zero_;
    }
    for (;; i = next(i)) {
      if (table_[i].key == key) return table_[i].value;
      if (table_[i].key == Key{}) break;
    }
    table_[i].key = key;
    ++used_;
    return table_[i].value;
  }

  std::vector<Entry> table_;  // Key{} marks a free slot; the value of that key is zero_
  std::size_t used_ = 0;
  bool has_zero_ = false;
  Value zero_{};
};

}  // namespace mole
