// ShortKeyMap: a FlatMap for 16-bit keys (ports), with the functions that VolumeMap needs. From 8192 keys on it is an array,
// which needs no probing, growing or sorting and is smaller than a table of that many keys.
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
    for (const auto bits : present_) n += static_cast<std::size_t>(std::popcount(bits));
    return n;
  }
  bool empty() const { return values_.empty() && few_.empty(); }
  std::size_t memory() const {
    return few_.memory() + values_.capacity() * sizeof(Value) + present_.capacity() * sizeof(present_[0]);
  }

  void reserve(std::size_t keys) {
    if (!values_.empty()) return;
    if (few_.size() + keys > max_few_)
      to_array();
    else
      few_.reserve(keys);
  }
  Value& operator[](Key key) {
    if (values_.empty() && few_.size() >= max_few_) to_array();
    return values_.empty() ? few_[key] : place(key);
  }
  template <class F>
  void update(std::span<const Key> keys, F f) {
    // In parts, so that the table does not grow beyond the size of the array.
    for (std::size_t from = 0; from < keys.size(); from += part_) {
      const auto part = keys.subspan(from, std::min(part_, keys.size() - from));
      if (values_.empty() && few_.size() >= max_few_) to_array();
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
    return present_[key / 64] >> (key % 64) & 1 ? &values_[key] : nullptr;
  }
  template <class F>
  void for_each(F f) const {
    few_.for_each(f);
    for (std::size_t word = 0; word < present_.size(); ++word)
      for (auto bits = present_[word]; bits != 0; bits &= bits - 1) {
        const auto key = 64 * word + static_cast<std::size_t>(std::countr_zero(bits));
        f(static_cast<Key>(key), values_[key]);
      }
  }
  // Like FlatMap::merge.
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
  static constexpr std::size_t max_few_ = 8192, part_ = 4096;

  void to_array() {
    values_.resize(65'536);
    present_.resize(65'536 / 64);
    const auto few = std::exchange(few_, {});
    few.for_each([&](Key key, const Value& v) { place(key) = v; });
  }
  Value& place(Key key) {
    present_[key / 64] |= std::uint64_t{1} << (key % 64);
    return values_[key];
  }

  FlatMap<Key, Value> few_;             // empty once values_ is in use
  std::vector<Value> values_;           // by key; empty, or one for every key
  std::vector<std::uint64_t> present_;  // one bit per key
};

}  // namespace mole::detail
