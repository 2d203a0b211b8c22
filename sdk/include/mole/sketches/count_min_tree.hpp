// CountMinTree: finds the keys with at least a given share of a total in a fixed amount of memory. Its counters only increase, so
// the result does not depend on the order of adding and merging. It has no list of candidates: keys are found by their prefixes,
// byte by byte.
//
//   std::size_t heavy_keys(const mole::CountMinTree<4>& bytes_by_key) {
//     return bytes_by_key.at_least(bytes_by_key.total() / 100).size();   // keys with at least 1 % of the bytes
//   }
//
// An estimate is never less than the true amount, so no key above the threshold is missed. It exceeds the true amount by more
// than (e / width) times the total in fewer than 2 % of cases. Cormode, Muthukrishnan, "An improved data stream summary: the
// count-min sketch and its applications", Journal of Algorithms 55 (2005), sections 3 and 4.
#pragma once

#include <mole/detail/leb128.hpp>
#include <mole/fields.hpp>
#include <mole/sketches/hyperloglog.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mole {

template <std::size_t Bytes>
class CountMinTree {
 public:
  using Key = std::array<std::uint8_t, Bytes>;
  static constexpr std::size_t rows = 4;

  // `width`: counters per row, a power of two up to 65536.
  explicit CountMinTree(std::uint32_t width) : width_(width) {}

  std::uint64_t total() const { return total_; }
  // Upper bound of the error of an estimate, as a share of the total; exceeded with probability exp(-rows).
  static double error_bound(std::uint32_t width) { return 2.718281828459045 / width; }

  void add(const Key& key, std::uint64_t amount) {
    if (counters_.empty()) counters_.resize(256 + (Bytes - 1) * rows * width_);
    total_ += amount;
    counters_[key[0]] += amount;
    std::uint64_t hash = key[0];
    for (std::size_t level = 1; level < Bytes; ++level) {
      hash = extended(hash, key[level]);
      for (std::size_t row = 0; row < rows; ++row) counters_[place(level, row, hash)] += amount;
    }
  }
  void merge(const CountMinTree& other) {
    if (other.counters_.empty()) return;
    counters_.resize(other.counters_.size());
    for (std::size_t i = 0; i < counters_.size(); ++i) counters_[i] += other.counters_[i];
    total_ += other.total_;
  }
  // Returns the keys with an estimated amount of at least `min_amount` (1 or more) and their amounts, largest first, ties by key.
  // Only the 4096 largest prefixes of each length are followed, which is enough if `min_amount` is above (4 / width) times the
  // total.
  std::vector<std::pair<Key, std::uint64_t>> at_least(std::uint64_t min_amount) const {
    std::vector<Prefix> found;
    if (counters_.empty()) return {};
    for (unsigned byte = 0; byte < 256; ++byte)
      follow(found, {Key{static_cast<std::uint8_t>(byte)}, byte, counters_[byte]}, min_amount);
    for (std::size_t level = 1; level < Bytes; ++level) {
      const auto parents = std::exchange(found, {});
      for (const auto& parent : parents) {
        for (unsigned byte = 0; byte < 256; ++byte) {
          Prefix child = parent;
          child.key[level] = static_cast<std::uint8_t>(byte);
          child.hash = extended(parent.hash, static_cast<std::uint8_t>(byte));
          for (std::size_t row = 0; row < rows; ++row)
            child.amount = std::min(child.amount, counters_[place(level, row, child.hash)]);
          follow(found, child, min_amount);
        }
      }
    }
    std::sort(found.begin(), found.end(), larger);
    std::vector<std::pair<Key, std::uint64_t>> out;
    for (const auto& p : found) out.emplace_back(p.key, p.amount);
    return out;
  }

  // Saved: the total, u64 number of counters (0 if nothing was added), then the counters; total and counters as LEB128.
  static constexpr std::size_t min_size = 9;
  static std::string shape() { return "count_min_tree<" + std::to_string(Bytes) + ">"; }
  void save(StateWriter& w) const {
    detail::save_leb128(w, total_);
    detail::save_value(w, std::uint64_t{counters_.size()});
    for (const auto n : counters_) detail::save_leb128(w, n);
  }
  void load(StateReader& r) {
    total_ = detail::load_leb128(r);
    const auto n = r.count(1);
    if (n != 0 && n != 256 + (Bytes - 1) * rows * width_) StateReader::reject("a sketch has the wrong size");
    counters_.resize(n);
    for (auto& c : counters_) c = detail::load_leb128(r);
  }

 private:
  struct Prefix {
    Key key;
    std::uint64_t hash, amount;
  };
  static bool larger(const Prefix& a, const Prefix& b) { return a.amount != b.amount ? a.amount > b.amount : a.key < b.key; }

  static std::uint64_t extended(std::uint64_t hash, std::uint8_t byte) { return stable_hash(hash << 8 ^ hash >> 56 ^ byte); }
  std::size_t place(std::size_t level, std::size_t row, std::uint64_t hash) const {
    return 256 + ((level - 1) * rows + row) * width_ + (hash >> (16 * row) & (width_ - 1));
  }
  static void follow(std::vector<Prefix>& found, const Prefix& prefix, std::uint64_t min_amount) {
    constexpr std::size_t max_prefixes = 4096;
    if (prefix.amount < min_amount) return;
    found.push_back(prefix);
    if (found.size() < 2 * max_prefixes) return;
    std::nth_element(found.begin(), found.begin() + max_prefixes, found.end(), larger);
    found.resize(max_prefixes);
  }

  std::uint32_t width_;
  std::uint64_t total_ = 0;
  std::vector<std::uint64_t>
      counters_;  // 256 for the first byte, then the rows of each longer prefix; empty if nothing was added
};

}  // namespace mole
