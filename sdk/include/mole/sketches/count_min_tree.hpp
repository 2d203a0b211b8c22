// CountMinTree: which keys hold a declared share of a total, in memory that does not grow. Counters are only added to, so the
// order of adding and merging never shows, and no list of candidates is kept: keys are found by their prefixes, byte by byte.
//
//   mole::CountMinTree<4> bytes_of{2048};
//   bytes_of.add(key, bytes);
//   for (const auto& [key, amount] : bytes_of.at_least(bytes_of.total() / 100)) ...
//
// An amount is never below the true one, and above it by more than e / width of the total in fewer than 2 % of cases: so no key
// of at least the threshold is missed. Cormode, Muthukrishnan, "An improved data stream summary: the count-min sketch and its
// applications", Journal of Algorithms 55 (2005), sections 3 and 4.
#pragma once

#include <mole/fields.hpp>
#include <mole/sketches/hyperloglog.hpp>
#include <mole/detail/short_number.hpp>

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

  // width: counters of a row, a power of two up to 65536.
  explicit CountMinTree(std::uint32_t width) : width_(width) {}

  std::uint64_t total() const { return total_; }
  // Of an amount, as a share of the total; passed with probability exp(-rows).
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
  // Keys of an estimated amount of `least` (1 or more) and their amounts, largest first, equal ones by key. At most 4096 prefixes
  // of a length are followed, the largest: that is out of reach if `least` is above 4 / width of the total.
  std::vector<std::pair<Key, std::uint64_t>> at_least(std::uint64_t least) const {
    std::vector<Prefix> found;
    if (counters_.empty()) return {};
    for (unsigned byte = 0; byte < 256; ++byte)
      follow(found, {Key{static_cast<std::uint8_t>(byte)}, byte, counters_[byte]}, least);
    for (std::size_t level = 1; level < Bytes; ++level) {
      const auto parents = std::exchange(found, {});
      for (const auto& parent : parents) {
        for (unsigned byte = 0; byte < 256; ++byte) {
          Prefix child = parent;
          child.key[level] = static_cast<std::uint8_t>(byte);
          child.hash = extended(parent.hash, static_cast<std::uint8_t>(byte));
          for (std::size_t row = 0; row < rows; ++row)
            child.amount = std::min(child.amount, counters_[place(level, row, child.hash)]);
          follow(found, child, least);
        }
      }
    }
    std::sort(found.begin(), found.end(), larger);
    std::vector<std::pair<Key, std::uint64_t>> out;
    for (const auto& p : found) out.emplace_back(p.key, p.amount);
    return out;
  }

  // Saved: the total and u64 count of counters (0 if nothing was added), then each, as short numbers but for the count.
  static constexpr std::size_t least_size = 9;
  static std::string shape() { return "count_min_tree<" + std::to_string(Bytes) + ">"; }
  void save(StateWriter& w) const {
    detail::save_number(w, total_);
    detail::save_value(w, std::uint64_t{counters_.size()});
    for (const auto n : counters_) detail::save_number(w, n);
  }
  void load(StateReader& r) {
    total_ = detail::load_number(r);
    const auto n = r.count(1);
    if (n != 0 && n != 256 + (Bytes - 1) * rows * width_) StateReader::refuse("a sketch is of another size");
    counters_.resize(n);
    for (auto& c : counters_) c = detail::load_number(r);
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
  static void follow(std::vector<Prefix>& found, const Prefix& prefix, std::uint64_t least) {
    constexpr std::size_t most = 4096;
    if (prefix.amount < least) return;
    found.push_back(prefix);
    if (found.size() < 2 * most) return;
    std::nth_element(found.begin(), found.begin() + most, found.end(), larger);
    found.resize(most);
  }

  std::uint32_t width_;
  std::uint64_t total_ = 0;
  std::vector<std::uint64_t> counters_;  // 256 of the first byte, then rows of each length of prefix; empty: nothing was added
};

}  // namespace mole
