// RunMap: values by key, for keys of which most come once or twice (pairs of addresses, 5-tuples). What is added is only
// written down, in one of some drawers by the upper bits of its key; when a drawer is full, what is new in it is sorted and
// merged with what was there. That costs a fraction of a large table's misses and growth, and half its memory. For keys that
// come often take FlatMap.
//
//   mole::RunMap<std::uint64_t, Seen> pairs;
//   pairs.append(n, [&](std::size_t i) { return std::pair(key_of(i), Seen{...}); });
//   pairs.for_each([&](std::uint64_t key, const Seen& seen) { ... });
//
// A key is std::uint64_t or std::array<std::uint64_t, N>. A value is small, trivially copyable, one that mole::fields can keep,
// and has a `merge` whose order does not matter. Const calls put entries in order too: one thread at a time, as for any state.
#pragma once

#include <mole/fields.hpp>
#include <mole/detail/salted_hash.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
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

// An entry of a RunMap, written down as its parts lie. `mixed` is a key out of KeyMixer.
template <class Key, class Value>
struct PlainEntry {
  Key mixed;
  Value of_key;

  static PlainEntry of(const Key& mixed, const Value& value) { return {mixed, value}; }
  static constexpr bool takes(const Key&) { return true; }  // keys that it can hold
  std::uint64_t head() const { return KeyMixer::head(mixed); }
  bool same(const PlainEntry& e) const { return head() == e.head() && mixed == e.mixed; }
  bool before(const PlainEntry& e) const { return head() != e.head() ? head() < e.head() : mixed < e.mixed; }
  void merge(const PlainEntry& e) { of_key.merge(e.of_key); }
  Key key() const { return mixed; }
  const Value& value() const { return of_key; }
};

// Room for entries that costs nothing before it is written to, and grows where it lies if it can.
template <class Entry>
class EntryBuffer {
 public:
  EntryBuffer() = default;
  EntryBuffer(const EntryBuffer& o) : size_(o.size_) {
    reserve(size_);
    if (size_ > 0) std::memcpy(static_cast<void*>(entries_), o.entries_, size_ * sizeof(Entry));
  }
  EntryBuffer(EntryBuffer&& o) noexcept { swap(o); }
  EntryBuffer& operator=(EntryBuffer o) noexcept {
    swap(o);
    return *this;
  }
  ~EntryBuffer() { std::free(entries_); }

  Entry* data() { return entries_; }
  const Entry* begin() const { return entries_; }
  const Entry* end() const { return entries_ + size_; }
  std::size_t size() const { return size_; }
  std::size_t room() const { return room_; }
  bool full() const { return size_ == room_; }

  void add(const Entry& e) { entries_[size_++] = e; }  // not if it is full
  void resize(std::size_t n) { size_ = n; }            // what is new has no value yet; n within room()
  void reserve(std::size_t n) {
    if (n <= room_) return;
    void* const more = std::realloc(static_cast<void*>(entries_), n * sizeof(Entry));
    if (!more) throw std::bad_alloc();
    entries_ = static_cast<Entry*>(more);
    room_ = n;
  }

 private:
  void swap(EntryBuffer& o) noexcept {
    std::swap(entries_, o.entries_);
    std::swap(size_, o.size_);
    std::swap(room_, o.room_);
  }
  Entry* entries_ = nullptr;
  std::size_t size_ = 0, room_ = 0;
};

}  // namespace detail

// `Entry`: how a key and its value are written down, if not as they are: what PlainEntry has.
template <class Key, class Value, class Entry = detail::PlainEntry<Key, Value>>
class RunMap {
  static_assert(std::is_same_v<Key, std::uint64_t> || detail::is_wide_key<Key>, "a key is std::uint64_t or an array of them");
  static_assert(std::is_trivially_copyable_v<Entry>, "RunMap moves its values about: they are trivially copyable");
  using Mixer = detail::KeyMixer;

 public:
  RunMap() = default;
  RunMap(const RunMap&) = default;
  RunMap(RunMap&& o) { swap(o); }
  RunMap& operator=(RunMap o) {
    swap(o);
    return *this;
  }

  std::size_t size() const {
    settle();
    return written();
  }
  bool empty() const { return written() == 0; }
  // Bytes of memory taken.
  std::size_t memory() const {
    std::size_t bytes = drawers_.capacity() * sizeof(Drawer);
    for (const auto& d : drawers_) bytes += d.entries.room() * sizeof(Entry);
    return bytes;
  }

  // Adds the pairs (key, value) that make(0) .. make(n - 1) return.
  template <class F>
  void append(std::size_t n, F make) {
    for (std::size_t i = 0; i < n; ++i) {
      const auto& [key, value] = make(i);
      add(key, value);
    }
  }
  void add(const Key& key, const Value& value) { put(Entry::of(Mixer::mix(key), value)); }
  void merge(const RunMap& other) {
    if (empty()) {
      *this = other;
      return;
    }
    for (const auto& d : other.drawers_)
      for (const auto& e : d.entries) put(e);
  }
  // Calls f(key, value) for each entry, in the same order in every process, which is not that of the keys.
  template <class F>
  void for_each(F f) const {
    settle();
    for (const auto& d : drawers_)
      for (const auto& e : d.entries) f(Mixer::unmix(e.key()), e.value());
  }

  // Saved: u64 count, then mixed key and value by rising mixed key (docs/formats/metric_state.md).
  static constexpr std::size_t least_size = 8;
  static std::string shape() { return "runs<" + detail::shape_of<Key>() + "," + detail::shape_of<Value>() + ">"; }
  void save(StateWriter& w) const {
    detail::save_value(w, std::uint64_t{size()});
    for (const auto& d : drawers_) {
      for (const auto& e : d.entries) {
        detail::save_value(w, e.key());
        detail::save_value(w, e.value());
      }
    }
  }
  void load(StateReader& r) {
    const auto n = r.count(sizeof(Key) + detail::Codec<Value>::least);
    *this = RunMap();
    if (n > few) open_drawers(first_bits);
    while (n >> bits_ > many) open_drawers(bits_ + more_bits);
    Key key, before{};
    Value value;
    for (std::size_t i = 0; i < n; ++i, before = key) {
      detail::load_value(r, key);
      detail::load_value(r, value);
      if (i > 0 && !Mixer::less(before, key)) StateReader::refuse("a map is not in order");
      if (!Entry::takes(key)) StateReader::refuse("a key has bits that none has");
      const auto e = Entry::of(key, value);
      auto& d = drawers_[drawer_of(e)];
      if (d.entries.full()) d.entries.reserve(room_for(d.entries.size()));
      d.entries.add(e);
      ++d.sorted;
    }
  }

 private:
  // What shares the upper bits of its mixed key: sorted entries, each key once, then fresh ones as they came.
  struct Drawer {
    detail::EntryBuffer<Entry> entries;
    std::size_t sorted = 0;
  };
  // Entries of a drawer before there are more drawers. At first there is one; then so many that the pages that are being written
  // to stay in the nearer caches, and what is needed to sort one of them does too.
  static constexpr std::size_t few = 1024, many = 524'288 / sizeof(Entry), least_room = 16;
  static constexpr unsigned first_bits = 6, more_bits = 2;

  void swap(RunMap& o) {
    drawers_.swap(o.drawers_);
    std::swap(bits_, o.bits_);
  }
  std::size_t drawer_of(const Entry& e) const { return static_cast<std::size_t>(e.head() >> 1 >> (63 - bits_)); }
  // Entries that are there, fresh ones counted as often as they came.
  std::size_t written() const {
    std::size_t n = 0;
    for (const auto& d : drawers_) n += d.entries.size();
    return n;
  }

  void put(const Entry& e) {
    Drawer* d = &drawers_[drawer_of(e)];
    while (d->entries.full()) [[unlikely]] {
        make_room(*d);
        d = &drawers_[drawer_of(e)];  // there may be more of them now, and this one without any room yet
      }
    d->entries.add(e);
    __builtin_prefetch(d->entries.end() + 4, 1);  // the next line of this drawer: its turn comes in a hundred entries or so
  }
  // A quarter of the room at least is for fresh entries, a third when it was just made: keys that come again and again take
  // little, and each entry is merged some three times, however many there will be.
  void make_room(Drawer& d) {
    settle(d);
    const std::size_t room = d.entries.room(), more = room_for(d.sorted), most = bits_ == 0 ? few : many;
    if (d.sorted < room - room / 4) return;
    // Somebody who makes keys up can fill one drawer alone: more of them would not help.
    if (more <= most || written() < drawers_.size() * (most / 8)) return d.entries.reserve(more);
    split();
  }
  static std::size_t room_for(std::size_t sorted) { return std::max(least_room, sorted + sorted / 2); }
  void open_drawers(unsigned bits) {
    bits_ = bits;
    drawers_ = std::vector<Drawer>(std::size_t{1} << bits);
  }
  void split() {
    settle();
    auto old = std::move(drawers_);
    open_drawers(bits_ == 0 ? first_bits : bits_ + more_bits);
    for (auto& d : old) {
      for (const Entry* from = d.entries.begin(); from != d.entries.end();) {
        Drawer& part = drawers_[drawer_of(*from)];
        const Entry* to = from;
        while (to != d.entries.end() && drawer_of(*to) == drawer_of(*from)) ++to;
        part.sorted = static_cast<std::size_t>(to - from);
        part.entries.reserve(room_for(part.sorted));
        part.entries.resize(part.sorted);
        std::copy(from, to, part.entries.data());
        from = to;
      }
      d = Drawer();
    }
  }

  void settle() const {
    for (auto& d : drawers_) settle(d);
  }
  void settle(Drawer& d) const {
    const std::size_t fresh = d.entries.size() - d.sorted;
    if (fresh == 0) return;
    Entry *const all = d.entries.data(), *const first = all + d.sorted, *const end = first + fresh;
    detail::EntryBuffer<Entry> scratch;
    scratch.reserve(std::min(fresh, many));
    std::size_t left = 0;
    if (fresh <= many) {
      spread(first, fresh, scratch.data());
      left = unite_nearly_sorted(scratch.data(), fresh);
    }
    if (left > 0) {
      d.entries.resize(merge_sorted(all, d.sorted, scratch.data(), left));
    } else {
      const auto before = [](const Entry& x, const Entry& y) { return x.before(y); };
      std::sort(first, end, before);
      std::inplace_merge(all, first, end, before);
      d.entries.resize(unite(all, d.entries.size()));
    }
    d.sorted = d.entries.size();
  }

  // Copies n entries to `to` in the order of the bits of the key behind those of the drawer: as a rule one to each value of them,
  // or two.
  void spread(const Entry* from, std::size_t n, Entry* to) const {
    constexpr unsigned most_bits = 13;
    std::array<std::uint16_t, std::size_t{1} << most_bits> at;
    const unsigned bits = std::min(most_bits, static_cast<unsigned>(std::bit_width(n))), left = bits_;
    const auto cell = [&](const Entry& e) { return static_cast<std::size_t>(e.head() << left >> 1 >> (63 - bits)); };
    const std::size_t cells = std::size_t{1} << bits;
    std::fill_n(at.begin(), cells, std::uint16_t{0});
    for (std::size_t i = 0; i < n; ++i) ++at[cell(from[i])];
    unsigned sum = 0;
    for (std::size_t c = 0; c < cells; ++c) sum += std::exchange(at[c], static_cast<std::uint16_t>(sum));
    for (std::size_t i = 0; i < n; ++i) to[at[cell(from[i])]++] = from[i];
  }
  // Sorts n entries of which each is near its place; entries of one key become one. Returns how many are left; 0 if they are
  // further from their places than chance has it, because somebody made the keys up, and are better sorted otherwise.
  static std::size_t unite_nearly_sorted(Entry* v, std::size_t n) {
    std::size_t end = 1, steps_left = 16 * n;
    for (std::size_t i = 1; i < n; ++i) {
      const Entry e = v[i];
      std::size_t to = end;
      while (to > 0 && e.before(v[to - 1])) --to;
      if (end - to > steps_left) return 0;
      steps_left -= end - to;
      if (to > 0 && v[to - 1].same(e)) {
        v[to - 1].merge(e);
        continue;
      }
      for (std::size_t j = end++; j > to; --j) v[j] = v[j - 1];
      v[to] = e;
    }
    return end;
  }
  // Entries of one key, side by side, become one. Returns how many are left.
  static std::size_t unite(Entry* v, std::size_t n) {
    std::size_t last = 0;
    for (std::size_t i = 1; i < n; ++i) {
      if (v[i].same(v[last]))
        v[last].merge(v[i]);
      else
        v[++last] = v[i];
    }
    return last + 1;
  }
  // Merges b sorted entries of `other` into a sorted ones of `base`, from the back; there is room for all of them. Returns how
  // many are left.
  static std::size_t merge_sorted(Entry* base, std::size_t a, const Entry* other, std::size_t b) {
    const std::size_t end = a + b;
    std::size_t to = end;
    while (a > 0 && b > 0) {
      const Entry &x = base[a - 1], &y = other[b - 1];
      if (x.same(y)) {
        Entry both = x;
        both.merge(y);
        --a, --b;
        base[--to] = both;
        continue;
      }
      // By arithmetic: nobody can foresee which it is.
      const std::size_t take_y = x.before(y);
      const auto at_x = reinterpret_cast<std::uintptr_t>(&x), at_y = reinterpret_cast<std::uintptr_t>(&y);
      base[--to] = *reinterpret_cast<const Entry*>(at_x ^ ((at_x ^ at_y) & (0 - take_y)));
      a -= 1 - take_y;
      b -= take_y;
    }
    while (b > 0) base[--to] = other[--b];
    // What is left of the old entries lies in its place; the hole is as long as entries were united.
    if (to > a) std::copy(base + to, base + end, base + a);
    return end - (to - a);
  }

  mutable std::vector<Drawer> drawers_ = std::vector<Drawer>(1);  // 2^bits_, by rising keys
  unsigned bits_ = 0;
};

}  // namespace mole
