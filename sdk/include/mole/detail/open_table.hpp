// The hash table of FlatMap and FlatSet: open addressing with linear probing in one array, with slots in the order of the hashes.
#pragma once

#include <mole/detail/salted_hash.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mole::detail {

// The number of slots need not be a power of two. Rehashing visits old and new slots in order.
template <class Key>
std::size_t slot_of(const Key& key, std::size_t slots) {
  __extension__ typedef unsigned __int128 Wide;
  return static_cast<std::size_t>(Wide{salted_hash(key)} * slots >> 64);
}
inline std::size_t slot_after(std::size_t i, std::size_t slots) { return i + 1 == slots ? 0 : i + 1; }

// Returns the number of slots of the next larger table: twice as many below 512 KiB, else 1.5 times as many.
template <class Entry>
std::size_t grown_size(const std::vector<Entry>& table) {
  return table.size() * sizeof(Entry) < (1u << 19) ? table.size() * 2 : table.size() * 3 / 2;
}

// Calls f(entry) for entries that are not free. Collects their indices first, without branches, which would be mispredicted.
template <class Entry, class Free, class F>
void each_taken(const std::vector<Entry>& table, Free is_free, F f) {
  constexpr std::size_t part = 64;
  std::array<std::uint8_t, part> found;
  for (std::size_t from = 0; from < table.size(); from += part) {
    const Entry* const entries = &table[from];
    const std::size_t size = std::min(part, table.size() - from);
    std::size_t n = 0;
    for (std::size_t i = 0; i < size; ++i) {
      found[n] = static_cast<std::uint8_t>(i);
      n += !is_free(entries[i]);
    }
    for (std::size_t i = 0; i < n; ++i) f(entries[found[i]]);
  }
}

// Calls f(i, slot of keys[i]) for each i in order, in parts, and grow_for(number of keys) before each part. Prefetches, so that
// cache misses in a large table overlap.
template <class Entry, class Key, class Grow, class F>
void visit_slots(std::vector<Entry>& table, std::span<const Key> keys, Grow grow_for, F f) {
  constexpr std::size_t part = 256, ahead = 24;
  std::array<std::size_t, part> slots;
  for (std::size_t from = 0; from < keys.size(); from += part) {
    const std::size_t n = std::min(part, keys.size() - from);
    grow_for(n);
    for (std::size_t i = 0; i < n; ++i) slots[i] = slot_of(keys[from + i], table.size());
    for (std::size_t i = 0; i < std::min(ahead, n); ++i) __builtin_prefetch(&table[slots[i]], 1);
    for (std::size_t i = 0; i < n; ++i) {
      if (i + ahead < n) __builtin_prefetch(&table[slots[i + ahead]], 1);
      f(from + i, slots[i]);
    }
  }
}

}  // namespace mole::detail
