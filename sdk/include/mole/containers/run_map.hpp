// RunMap: a map from keys to values for keys that mostly occur once or twice (pairs of addresses, 5-tuples). New entries are
// appended to one of several partitions, chosen by the upper bits of the key; when a partition is full, its new entries are
// sorted and merged with the old ones. That causes a fraction of the cache misses of a large hash table and takes half its
// memory. Use FlatMap for keys that occur often.
//
//   struct Count {
//     std::uint32_t flows = 0;
//     static constexpr auto state = mole::fields(&Count::flows);
//     void merge(const Count& other) { flows += other.flows; }
//   };
//   void add(mole::RunMap<std::uint64_t, Count>& pairs, const mole::Flows<mole::src_addr, mole::dst_addr>& flows) {
//     const auto src = flows.span4<mole::src_addr>(), dst = flows.span4<mole::dst_addr>();
//     pairs.append(flows.size(), [&](std::size_t i) { return std::pair(std::uint64_t{src[i]} << 32 | dst[i], Count{1}); });
//   }
//
// Keys are std::uint64_t or std::array<std::uint64_t, N>. Values are small and trivially copyable, have a type that mole::fields
// can save, and a commutative `merge`. Const functions may sort entries: use a map from one thread at a time.
#pragma once

#include <mole/detail/salted_hash.hpp>
#include <mole/fields.hpp>

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

// A bijection that distributes keys evenly, so that entries can be sorted by mixed key without storing a hash.
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
  // == and < that compare the heads first: mixed keys rarely have equal heads.
  template <class Key>
  static constexpr bool same(const Key& a, const Key& b) {
    return head(a) == head(b) && a == b;
  }
  template <class Key>
  static constexpr bool less(const Key& a, const Key& b) {
    return head(a) != head(b) ? head(a) < head(b) : a < b;
  }
};

// An entry of a RunMap that stores key and value as they are. `mixed` is a key from KeyMixer.
template <class Key, class Value>
struct PlainEntry {
  Key mixed;
  Value of_key;

  static PlainEntry of(const Key& mixed, const Value& value) { return {mixed, value}; }
  static constexpr bool can_store(const Key&) { return true; }
  std::uint64_t head() const { return KeyMixer::head(mixed); }
  bool same(const PlainEntry& e) const { return head() == e.head() && mixed == e.mixed; }
  bool before(const PlainEntry& e) const { return head() != e.head() ? head() < e.head() : mixed < e.mixed; }
  void merge(const PlainEntry& e) { of_key.merge(e.of_key); }
  Key key() const { return mixed; }
  const Value& value() const { return of_key; }
};

// A vector of trivial entries that does not initialise its memory and grows in place if possible.
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
  std::size_t capacity() const { return capacity_; }
  bool full() const { return size_ == capacity_; }

  void add(const Entry& e) { entries_[size_++] = e; }  // must not be full
  void resize(std::size_t n) { size_ = n; }            // new entries are uninitialised; n is at most capacity()
  void reserve(std::size_t n) {
    if (n <= capacity_) return;
    void* const more = std::realloc(static_cast<void*>(entries_), n * sizeof(Entry));
    if (!more) throw std::bad_alloc();
    entries_ = static_cast<Entry*>(more);
    capacity_ = n;
  }

 private:
  void swap(EntryBuffer& o) noexcept {
    std::swap(entries_, o.entries_);
    std::swap(size_, o.size_);
    std::swap(capacity_, o.capacity_);
  }
  Entry* entries_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace detail

// `Entry`: a more compact representation of key and value, with the functions of PlainEntry.
template <class Key, class Value, class Entry = detail::PlainEntry<Key, Value>>
class RunMap {
  static_assert(std::is_same_v<Key, std::uint64_t> || detail::is_wide_key<Key>, "a key is std::uint64_t or an array of them");
  static_assert(std::is_trivially_copyable_v<Entry>, "RunMap copies its entries as bytes: they must be trivially copyable");
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
    sort_all();
    return appended();
  }
  bool empty() const { return appended() == 0; }
  // Memory used, in bytes.
  std::size_t memory() const {
    std::size_t bytes = partitions_.capacity() * sizeof(Partition);
    for (const auto& p : partitions_) bytes += p.entries.capacity() * sizeof(Entry);
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
    for (const auto& p : other.partitions_)
      for (const auto& e : p.entries) put(e);
  }
  // Calls f(key, value) for each entry in the order of mixed keys, which is the same in every process.
  template <class F>
  void for_each(F f) const {
    sort_all();
    for (const auto& p : partitions_)
      for (const auto& e : p.entries) f(Mixer::unmix(e.key()), e.value());
  }

  // Saved: u64 count, then mixed keys and values in ascending order of mixed keys (docs/formats/metric_state.md).
  static constexpr std::size_t min_size = 8;
  static std::string shape() { return "runs<" + detail::shape_of<Key>() + "," + detail::shape_of<Value>() + ">"; }
  void save(StateWriter& w) const {
    detail::save_value(w, std::uint64_t{size()});
    for (const auto& p : partitions_) {
      for (const auto& e : p.entries) {
        detail::save_value(w, e.key());
        detail::save_value(w, e.value());
      }
    }
  }
  void load(StateReader& r) {
    const auto n = r.count(sizeof(Key) + detail::Codec<Value>::min_size);
    *this = RunMap();
    if (n > max_first) set_partitions(first_bits);
    while (n >> bits_ > max_later) set_partitions(bits_ + more_bits);
    Key key, before{};
    Value value;
    for (std::size_t i = 0; i < n; ++i, before = key) {
      detail::load_value(r, key);
      detail::load_value(r, value);
      if (i > 0 && !Mixer::less(before, key)) StateReader::reject("a map is not sorted");
      if (!Entry::can_store(key)) StateReader::reject("a key has invalid bits");
      const auto e = Entry::of(key, value);
      auto& p = partitions_[partition_of(e)];
      if (p.entries.full()) p.entries.reserve(capacity_for(p.entries.size()));
      p.entries.add(e);
      ++p.sorted;
    }
  }

 private:
  // Entries with the same upper bits of the mixed key: sorted ones with distinct keys, then fresh ones in order of arrival.
  struct Partition {
    detail::EntryBuffer<Entry> entries;
    std::size_t sorted = 0;
  };
  // Maximum number of entries of a partition before it is split, for the first partition and for later ones. The pages
  // being written to, and the memory to sort one partition, then fit in the L2 cache.
  static constexpr std::size_t max_first = 1024, max_later = 524'288 / sizeof(Entry), min_capacity = 16;
  static constexpr unsigned first_bits = 6, more_bits = 2;

  void swap(RunMap& o) {
    partitions_.swap(o.partitions_);
    std::swap(bits_, o.bits_);
  }
  std::size_t partition_of(const Entry& e) const { return static_cast<std::size_t>(e.head() >> 1 >> (63 - bits_)); }
  // Number of entries, counting keys as often as they were appended since the last sort.
  std::size_t appended() const {
    std::size_t n = 0;
    for (const auto& p : partitions_) n += p.entries.size();
    return n;
  }

  void put(const Entry& e) {
    Partition* p = &partitions_[partition_of(e)];
    while (p->entries.full()) [[unlikely]] {
        make_room(*p);
        p = &partitions_[partition_of(e)];  // make_room may have split it, and the new one may be full
      }
    p->entries.add(e);
    __builtin_prefetch(p->entries.end() + 4, 1);  // the next cache line of this partition, needed about a hundred entries later
  }
  // At least a quarter of the capacity is for fresh entries, a third right after growing. Repeated keys therefore take little
  // memory, and each entry is merged about three times, whatever the size of the map.
  void make_room(Partition& p) {
    sort(p);
    const std::size_t capacity = p.entries.capacity(), larger = capacity_for(p.sorted), max = bits_ == 0 ? max_first : max_later;
    if (p.sorted < capacity - capacity / 4) return;
    // Crafted keys can fill a single partition; more partitions would not help then.
    if (larger <= max || appended() < partitions_.size() * (max / 8)) return p.entries.reserve(larger);
    split();
  }
  static std::size_t capacity_for(std::size_t sorted) { return std::max(min_capacity, sorted + sorted / 2); }
  void set_partitions(unsigned bits) {
    bits_ = bits;
    partitions_ = std::vector<Partition>(std::size_t{1} << bits);
  }
  void split() {
    sort_all();
    auto old = std::move(partitions_);
    set_partitions(bits_ == 0 ? first_bits : bits_ + more_bits);
    for (auto& p : old) {
      for (const Entry* from = p.entries.begin(); from != p.entries.end();) {
        Partition& part = partitions_[partition_of(*from)];
        const Entry* to = from;
        while (to != p.entries.end() && partition_of(*to) == partition_of(*from)) ++to;
        part.sorted = static_cast<std::size_t>(to - from);
        part.entries.reserve(capacity_for(part.sorted));
        part.entries.resize(part.sorted);
        std::copy(from, to, part.entries.data());
        from = to;
      }
      p = Partition();
    }
  }

  void sort_all() const {
    for (auto& p : partitions_) sort(p);
  }
  void sort(Partition& p) const {
    const std::size_t fresh = p.entries.size() - p.sorted;
    if (fresh == 0) return;
    Entry *const all = p.entries.data(), *const first = all + p.sorted, *const end = first + fresh;
    detail::EntryBuffer<Entry> scratch;
    scratch.reserve(std::min(fresh, max_later));
    std::size_t left = 0;
    if (fresh <= max_later) {
      spread(first, fresh, scratch.data());
      left = sort_nearly_sorted(scratch.data(), fresh);
    }
    if (left > 0) {
      p.entries.resize(merge_sorted(all, p.sorted, scratch.data(), left));
    } else {
      const auto before = [](const Entry& x, const Entry& y) { return x.before(y); };
      std::sort(first, end, before);
      std::inplace_merge(all, first, end, before);
      p.entries.resize(merge_adjacent(all, p.entries.size()));
    }
    p.sorted = p.entries.size();
  }

  // Copies n entries to `to`, ordered by the bits of the key that follow those of the partition. There are as many cells as
  // entries, or up to twice as many.
  void spread(const Entry* from, std::size_t n, Entry* to) const {
    constexpr unsigned max_bits = 13;
    std::array<std::uint16_t, std::size_t{1} << max_bits> at;
    const unsigned bits = std::min(max_bits, static_cast<unsigned>(std::bit_width(n))), left = bits_;
    const auto cell = [&](const Entry& e) { return static_cast<std::size_t>(e.head() << left >> 1 >> (63 - bits)); };
    const std::size_t cells = std::size_t{1} << bits;
    std::fill_n(at.begin(), cells, std::uint16_t{0});
    for (std::size_t i = 0; i < n; ++i) ++at[cell(from[i])];
    unsigned sum = 0;
    for (std::size_t c = 0; c < cells; ++c) sum += std::exchange(at[c], static_cast<std::uint16_t>(sum));
    for (std::size_t i = 0; i < n; ++i) to[at[cell(from[i])]++] = from[i];
  }
  // Insertion sort for n entries that are near their final places; merges entries with the same key. Returns the number of
  // entries left, or 0 if the entries are too far from their places, because the keys were crafted, and need a different sort.
  static std::size_t sort_nearly_sorted(Entry* v, std::size_t n) {
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
  // Merges adjacent entries with the same key. Returns the number of entries left.
  static std::size_t merge_adjacent(Entry* v, std::size_t n) {
    std::size_t last = 0;
    for (std::size_t i = 1; i < n; ++i) {
      if (v[i].same(v[last]))
        v[last].merge(v[i]);
      else
        v[++last] = v[i];
    }
    return last + 1;
  }
  // Merges the `b` sorted entries of `other` into the `a` sorted entries of `base`, from the back. `base` has room for all.
  // Returns the number of entries left.
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
      // Without a branch, which would be mispredicted.
      const std::size_t take_y = x.before(y);
      const auto at_x = reinterpret_cast<std::uintptr_t>(&x), at_y = reinterpret_cast<std::uintptr_t>(&y);
      base[--to] = *reinterpret_cast<const Entry*>(at_x ^ ((at_x ^ at_y) & (0 - take_y)));
      a -= 1 - take_y;
      b -= take_y;
    }
    while (b > 0) base[--to] = other[--b];
    // The remaining old entries are in place; close the gap left by merged entries.
    if (to > a) std::copy(base + to, base + end, base + a);
    return end - (to - a);
  }

  mutable std::vector<Partition> partitions_ = std::vector<Partition>(1);  // 2^bits_, in ascending order of keys
  unsigned bits_ = 0;
};

}  // namespace mole
