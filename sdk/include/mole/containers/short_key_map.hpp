// ShortKeyMap: a FlatMap for keys of 16 bits (ports), with what VolumeMap needs of one: from 8192 keys on it is an
// array, which has nothing to probe, grow or sort, merges straight through, and of many keys is smaller than the table.
#pragma once

#include <mole/containers/flat_map.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace mole::detail {

template <class Value>
class ShortKeyMap {
 public:
  using Key = std::uint16_t;

  std::size_t size() const {
    std::size_t n = few_.size();
    for (const auto bits : there_) n += static_cast<std::size_t>(std::popcount(bits));
    return n;
  }
  bool empty() const { return values_.empty() && few_.empty(); }
  std::size_t memory() const {
    return few_.memory() + values_.capacity() * sizeof(Value) + there_.capacity() * sizeof(there_[0]);
  }

  void reserve(std::size_t keys) {
    if (!values_.empty()) return;
    if (few_.size() + keys > most_)
      to_array();
    else
      few_.reserve(keys);
  }
  Value& operator[](Key key) {
    if (values_.empty() && few_.size() >= most_) to_array();
    return values_.empty() ? few_[key] : place(key);
  }
  template <class F>
  void update(std::span<const Key> keys, F f) {
    // in parts, so that a table does not grow far beyond the size of the array
    for (std::size_t from = 0; from < keys.size(); from += part_) {
      const auto part = keys.subspan(from, std::min(part_, keys.size() - from));
      if (values_.empty() && few_.size() >= most_) to_array();
      if (values_.empty()) {
        few_.update(part, [&](Value& v, std::size_t i) { f(v, from + i); });
      } else {
        constexpr std::size_t ahead = 24;
        for (std::size_t i = 0; i < part.size(); ++i) {
          if (i + ahead < part.size()) __builtin_prefetch(&values_[part[i + ahead]], 1);
          f(place(part[i]), from + i);
        }
      }
    }
  }
  const Value* find(Key key) const {
    if (values_.empty()) return few_.find(key);
    return there_[key / 64] >> (key % 64) & 1 ? &values_[key] : nullptr;
  }
  template <class F>
  void for_each(F f) const {
    few_.for_each(f);
    for (std::size_t word = 0; word < there_.size(); ++word)
      for (auto bits = there_[word]; bits != 0; bits &= bits - 1) {
        const auto key = 64 * word + static_cast<std::size_t>(std::countr_zero(bits));
        f(static_cast<Key>(key), values_[key]);
      }
  }
  // As FlatMap's.
  template <class F>
  void merge(const ShortKeyMap& other, F combine) {
    if (values_.empty() && other.values_.empty()) {
      few_.merge(other.few_, combine);
    } else {
      if (values_.empty()) to_array();
      other.for_each([&](Key key, const Value& v) { combine(key, place(key), v); });
    }
  }
  std::vector<std::pair<Key, Value>> sorted() const {
    if (values_.empty()) return few_.sorted();
    std::vector<std::pair<Key, Value>> out;
    out.reserve(size());
    for_each([&](Key key, const Value& v) { out.emplace_back(key, v); });
    return out;
  }

 private:
  static constexpr std::size_t most_ = 8192, part_ = 4096;

  void to_array() {
    values_.resize(65'536);
    there_.resize(65'536 / 64);
    const auto few = std::exchange(few_, {});
    few.for_each([&](Key key, const Value& v) { place(key) = v; });
  }
  Value& place(Key key) {
    there_[key / 64] |= std::uint64_t{1} << (key % 64);
    return values_[key];
  }

  FlatMap<Key, Value> few_;           // empty once there is an array
  std::vector<Value> values_;         // by key; empty, or of all keys
  std::vector<std::uint64_t> there_;  // a bit for each key that is
};

}  // namespace mole::detail
