// RunMap: values by key, for keys of which most come once or twice (pairs of addresses, 5-tuples). What is added is only
// written down; from time to time it is sorted, entries of one key are merged, and the run is merged with those before. That
// costs a fraction of a large table's misses and growth, and half its memory. For keys that come often take FlatMap.
//
//   mole::RunMap<std::uint64_t, Seen> pairs;
//   pairs.append(n, [&](std::size_t i) { return std::pair(key_of(i), Seen{...}); });
//   pairs.for_each([&](std::uint64_t key, const Seen& seen) { ... });
//
// A key is std::uint64_t or std::array<std::uint64_t, N>. A value is small, trivially copyable, one that mole::fields can keep,
// and has a `merge` whose order does not matter. Const calls put entries in order too: one thread at a time, as for any state.
#pragma once

#include <mole/fields.hpp>
#include <mole/salted_hash.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace mole {
namespace detail {

// One-to-one, so that sorting by mixed keys needs no hash beside the key, and spreads them evenly whatever they were.
struct KeyMixer {
  static constexpr std::uint64_t first = 0x9e3779b97f4a7c15u, second = 0xd6e8feb86659fd93u;

  static constexpr std::uint64_t inverse(std::uint64_t odd) {
    std::uint64_t x = odd;
    for (int i = 0; i < 6; ++i) x *= 2 - odd * x;
    return x;
  }
  static constexpr std::uint64_t mix(std::uint64_t x) {
    x *= first;
    return (x ^ x >> 32) * second;
  }
  static constexpr std::uint64_t unmix(std::uint64_t x) {
    x *= inverse(second);
    return (x ^ x >> 32) * inverse(first);
  }
  template <std::size_t N>
  static constexpr std::uint64_t tail(const std::array<std::uint64_t, N>& key) {
    std::uint64_t x = 0;
    for (std::size_t i = 1; i < N; ++i) x = mix(x ^ key[i]);
    return x;
  }
  template <std::size_t N>
  static constexpr std::array<std::uint64_t, N> mix(std::array<std::uint64_t, N> key) {
    key[0] = mix(key[0] ^ tail(key));
    return key;
  }
  template <std::size_t N>
  static constexpr std::array<std::uint64_t, N> unmix(std::array<std::uint64_t, N> key) {
    key[0] = unmix(key[0]) ^ tail(key);
    return key;
  }
  static constexpr std::uint64_t head(std::uint64_t mixed) { return mixed; }
  template <std::size_t N>
  static constexpr std::uint64_t head(const std::array<std::uint64_t, N>& mixed) {
    return mixed[0];
  }
  // As == and <, without a call: mixed keys differ in their heads as a rule.
  template <class Key>
  static constexpr bool same(const Key& a, const Key& b) {
    return head(a) == head(b) && a == b;
  }
  template <class Key>
  static constexpr bool less(const Key& a, const Key& b) {
    return head(a) != head(b) ? head(a) < head(b) : a < b;
  }
};

}  // namespace detail

template <class Key, class Value>
class RunMap {
  static_assert(std::is_same_v<Key, std::uint64_t> || detail::is_wide_key<Key>, "a key is std::uint64_t or an array of them");
  static_assert(std::is_trivially_copyable_v<Value>, "RunMap moves its values about: they are trivially copyable");
  using Mixer = detail::KeyMixer;

 public:
  std::size_t size() const {
    settle();
    return sorted_.size();
  }
  bool empty() const { return sorted_.empty() && fresh_.empty(); }
  // Bytes of memory taken.
  std::size_t memory() const { return (sorted_.capacity() + fresh_.capacity()) * sizeof(Entry); }

  // Adds the pairs (key, value) that make(0) .. make(n - 1) return.
  template <class F>
  void append(std::size_t n, F make) {
    std::array<Entry, 256> part;
    for (std::size_t at = 0; at < n; at += part.size()) {
      const std::size_t count = std::min(part.size(), n - at);
      for (std::size_t i = 0; i < count; ++i) {
        const auto& [key, value] = make(at + i);
        part[i] = {Mixer::mix(key), value};
      }
      fresh_.insert(fresh_.end(), part.data(), part.data() + count);
      settle_if_large();
    }
  }
  void merge(const RunMap& other) {
    for (const auto* entries : {&other.sorted_, &other.fresh_}) {
      fresh_.insert(fresh_.end(), entries->begin(), entries->end());
      settle_if_large();
    }
  }
  // Calls f(key, value) for each entry, in the same order in every process, which is not that of the keys.
  template <class F>
  void for_each(F f) const {
    settle();
    for (const auto& e : sorted_) f(Mixer::unmix(e.key), e.value);
  }

  // Saved: u64 count, then mixed key and value by rising mixed key (docs/formats/metric_state.md).
  static constexpr std::size_t least_size = 8;
  static std::string shape() { return "runs<" + detail::shape_of<Key>() + "," + detail::shape_of<Value>() + ">"; }
  void save(StateWriter& w) const {
    settle();
    detail::save_value(w, std::uint64_t{sorted_.size()});
    for (const auto& e : sorted_) {
      detail::save_value(w, e.key);
      detail::save_value(w, e.value);
    }
  }
  void load(StateReader& r) {
    const auto n = r.count(sizeof(Key) + detail::Codec<Value>::least);
    *this = RunMap();
    sorted_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      detail::load_value(r, sorted_[i].key);
      detail::load_value(r, sorted_[i].value);
      if (i > 0 && !Mixer::less(sorted_[i - 1].key, sorted_[i].key)) StateReader::refuse("a map is not in order");
    }
  }

 private:
  struct Entry {
    Key key;  // mixed
    Value value;
  };
  using Entries = std::vector<Entry>;

  // A quarter as many fresh entries as sorted ones: keys that come again and again take little room, and each entry is merged about
  // five times, however many there will be.
  void settle_if_large() {
    if (fresh_.size() >= std::max<std::size_t>(16384, sorted_.size() / 4)) settle();
  }
  void settle() const {
    if (fresh_.empty()) return;
    sort(fresh_);
    unite(fresh_);
    if (sorted_.empty())
      sorted_.swap(fresh_);
    else
      merge_sorted();
    fresh_.clear();
  }

  // By the upper bits in passes of eight, then what shares them: one entry or two, unless somebody made the keys up to.
  static void sort(Entries& v) {
    const int passes = v.size() < 64 ? 0 : v.size() <= 1024 ? 1 : v.size() <= 65536 ? 2 : 3;
    thread_local Entries scratch;
    if (passes > 0) scratch.resize(v.size());
    std::array<std::array<std::uint32_t, 256>, 3> counts{};
    for (const auto& e : v)
      for (int p = 0; p < passes; ++p) ++counts[static_cast<std::size_t>(p)][digit(e, passes - p)];
    for (int p = 0; p < passes; ++p) {
      auto& starts = counts[static_cast<std::size_t>(p)];
      std::uint32_t at = 0;
      for (auto& c : starts) at += std::exchange(c, at);
      for (const auto& e : v) scratch[starts[digit(e, passes - p)]++] = e;
      v.swap(scratch);
    }
    const int rest = 64 - 8 * passes;
    for (auto first = v.begin(); first != v.end();) {
      auto last = first + 1;
      while (last != v.end() && (passes == 0 || upper(*last, rest) == upper(*first, rest))) ++last;
      if (last - first > 1) std::sort(first, last, [](const Entry& a, const Entry& b) { return Mixer::less(a.key, b.key); });
      first = last;
    }
  }
  // The n-th byte from the top, n from 1.
  static std::size_t digit(const Entry& e, int n) { return Mixer::head(e.key) >> (64 - 8 * n) & 255; }
  static std::uint64_t upper(const Entry& e, int rest) { return Mixer::head(e.key) >> rest; }

  // Entries of one key become one.
  static void unite(Entries& v) {
    auto last = v.begin();
    for (auto e = v.begin() + 1; e != v.end(); ++e) {
      if (Mixer::same(e->key, last->key))
        last->value.merge(e->value);
      else
        *++last = *e;
    }
    v.erase(last + 1, v.end());
  }

  // Merges fresh_ into sorted_ from the back, in place.
  void merge_sorted() const {
    const std::size_t old = sorted_.size();
    sorted_.resize(old + fresh_.size());
    Entry* const base = sorted_.data();
    std::size_t a = old, b = fresh_.size(), to = sorted_.size();
    while (a > 0 && b > 0) {
      const Entry &x = base[a - 1], &y = fresh_[b - 1];
      if (Mixer::same(x.key, y.key)) {
        Entry both = x;
        both.value.merge(y.value);
        --a, --b;
        base[--to] = both;
        continue;
      }
      const bool take_b = Mixer::less(x.key, y.key);
      const Entry* const from = take_b ? &y : &x;
      base[--to] = *from;
      a -= !take_b;
      b -= take_b;
    }
    while (b > 0) base[--to] = fresh_[--b];
    // What is left of the old entries lies in its place; the hole is as long as entries were united.
    sorted_.erase(sorted_.begin() + static_cast<long>(a), sorted_.begin() + static_cast<long>(to));
  }

  mutable Entries sorted_;  // rising, each key once
  mutable Entries fresh_;   // as they came
};

}  // namespace mole
