// Numbers the groups of flows in order of first appearance: an open-addressing table with linear probing over keys of a
// fixed number of 64-bit words.
//
//   GroupTable table(3, 64'000'000);
//   std::uint32_t slot = table.find_or_add(key);   // equal keys have equal numbers
//   table.key(slot);                               // the words of that key
#pragma once

#include <mole/detail/salted_hash.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mole::runtime {

// The positions in the table depend on the salt of the process; the numbers do not. Not thread-safe.
class GroupTable {
 public:
  static constexpr std::uint32_t no_slot = 0xffffffffu;

  // `words`: per key, at least one.
  GroupTable(std::size_t words, std::uint32_t max_slots) : words_(words), max_slots_(max_slots), table_(1024, no_slot) {}

  std::uint32_t size() const { return static_cast<std::uint32_t>(keys_.size() / words_); }
  const std::uint64_t* key(std::uint32_t slot) const { return keys_.data() + slot * words_; }

  // Returns the number of the key, which is added if it is new; no_slot if that would exceed max_slots.
  std::uint32_t find_or_add(const std::uint64_t* key) {
    std::size_t at = home(key);
    for (; table_[at] != no_slot; at = next(at))
      if (std::equal(key, key + words_, this->key(table_[at]))) return table_[at];
    const std::uint32_t slot = size();
    if (slot >= max_slots_) return no_slot;
    keys_.insert(keys_.end(), key, key + words_);
    table_[at] = slot;
    if (std::size_t{size()} * 2 > table_.size()) grow();
    return slot;
  }

  // Returns the largest number of entries that a lookup of a known key compares. Scans the table; for tests.
  std::size_t max_probes() const {
    std::size_t longest = 0;
    for (std::size_t at = 0; at < table_.size(); ++at)
      if (table_[at] != no_slot) longest = std::max(longest, ((at - home(key(table_[at]))) & (table_.size() - 1)) + 1);
    return longest;
  }

 private:
  std::size_t home(const std::uint64_t* key) const {
    return static_cast<std::size_t>(detail::salted_hash(std::span(key, words_)) >> shift_);
  }
  std::size_t next(std::size_t at) const { return (at + 1) & (table_.size() - 1); }
  void grow() {
    std::vector<std::uint32_t>(table_.size() * 2, no_slot).swap(table_);
    --shift_;
    for (std::uint32_t slot = 0; slot < size(); ++slot) {
      std::size_t at = home(key(slot));
      while (table_[at] != no_slot) at = next(at);
      table_[at] = slot;
    }
  }

  const std::size_t words_;
  const std::uint32_t max_slots_;
  std::vector<std::uint64_t> keys_;   // words_ per slot
  std::vector<std::uint32_t> table_;  // slots; a power of two, at most half full
  unsigned shift_ = 54;               // 64 - log2(table_.size())
};

}  // namespace mole::runtime
