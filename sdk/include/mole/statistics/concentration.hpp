// Concentration: how unevenly a total is distributed over its parts (bytes over addresses, flows over ports): entropy, shares of
// the largest parts, Herfindahl index. The result does not depend on the order of the parts.
//
//   struct Row {
//     mole::ConcentrationRow src;
//     static constexpr auto output = mole::columns(
//         mole::group("src_addr", "source addresses", &Row::src, mole::ConcentrationRow::output));   // entropy_src_addr, ...
//   };
//   Row row_of(std::span<const std::uint64_t> counts) {
//     mole::Concentration c;
//     for (const auto count : counts) c.add(count);
//     return {c.row()};
//   }
//
// VolumeConcentration is the same for flows, packets and bytes at once.
#pragma once

#include <mole/containers/volume_map.hpp>
#include <mole/output.hpp>
#include <mole/statistics/entropy.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace mole {

// '*' stands for the parts.
struct ConcentrationRow {
  std::optional<double> entropy, normalised_entropy, top_1, top_10, top_100, herfindahl;
  static constexpr auto output =
      columns(column("entropy_*", &ConcentrationRow::entropy, unit::bit, "Shannon entropy of *; null if there are none"),
              column("normalised_entropy_*", &ConcentrationRow::normalised_entropy, unit::one,
                     "Entropy of * divided by the logarithm of their number, 0 to 1; null if fewer than two"),
              column("top_1_share_*", &ConcentrationRow::top_1, unit::one, "Largest share among *"),
              column("top_10_share_*", &ConcentrationRow::top_10, unit::one, "Share of the 10 largest *"),
              column("top_100_share_*", &ConcentrationRow::top_100, unit::one, "Share of the 100 largest *"),
              column("herfindahl_*", &ConcentrationRow::herfindahl, unit::one, "Sum of the squared shares of *, 0 to 1"));
};

class Concentration {
 public:
  // Adds a part; parts of 0 are ignored.
  void add(std::uint64_t count) {
    const bool is_small = count < small_.size();
    ++small_[is_small ? count : 0];
    large_[pending_] = count;  // overwritten by the next one if this one is small
    pending_ += !is_small;
    if (pending_ == large_.size()) [[unlikely]]
      add_large();
  }
  // All columns are null if there are no parts or the total is 2^64 or more.
  ConcentrationRow row() const {
    Concentration all(*this);
    all.add_pending();
    return all.computed();
  }

 private:
  __extension__ typedef unsigned __int128 Wide;
  static constexpr std::size_t max_kept = 100;

  void add_large() {
    entropy_.add({large_.data(), pending_});
    for (std::size_t i = 0; i < pending_; ++i) {
      squares_ += Wide{large_[i]} * large_[i];
      if (large_[i] > min_) [[unlikely]]
        keep(large_[i]);
    }
    pending_ = 0;
  }
  // Adds to the heap of the largest counts, the smallest of them first.
  void keep(std::uint64_t count) {
    if (largest_.size() == max_kept) {
      std::pop_heap(largest_.begin(), largest_.end(), std::greater<>());
      largest_.back() = count;
    } else {
      largest_.push_back(count);
    }
    std::push_heap(largest_.begin(), largest_.end(), std::greater<>());
    if (largest_.size() == max_kept) min_ = largest_.front();
  }
  // Adds pending counts, and the small ones, which are all smaller than the large ones.
  void add_pending() {
    add_large();
    std::sort(largest_.begin(), largest_.end(), std::greater<>());
    for (std::size_t count = small_.size() - 1; count > 0; --count) {
      const auto times = small_[count];
      if (times == 0) continue;
      entropy_.add(count, times);
      squares_ += Wide{count * count} * times;
      largest_.insert(largest_.end(), std::min<std::uint64_t>(times, max_kept - largest_.size()), count);
    }
  }
  ConcentrationRow computed() const {
    ConcentrationRow out;
    if (entropy_.total().value_or(0) == 0) return out;
    const auto total = static_cast<double>(*entropy_.total());
    out.entropy = entropy_.bits();
    out.normalised_entropy = entropy_.normalised();
    Wide sum = 0;
    for (std::size_t i = 0; i < largest_.size(); ++i) {
      sum += largest_[i];
      const double share = static_cast<double>(sum) / total;
      if (i < 1) out.top_1 = share;
      if (i < 10) out.top_10 = share;
      out.top_100 = share;
    }
    out.herfindahl = static_cast<double>(squares_) / total / total;
    return out;
  }

  std::array<std::uint64_t, 256> small_{};  // number of parts by count; most counts are small (entry 0 is unused)
  std::array<std::uint64_t, 64> large_{};   // counts not yet added
  std::size_t pending_ = 0;
  Entropy entropy_;
  Wide squares_ = 0;
  std::vector<std::uint64_t> largest_;
  std::uint64_t min_ = 0;  // only larger counts can be among the largest
};

// '*' stands for the parts.
struct VolumeConcentrationRow {
  ConcentrationRow flows, packets, bytes;
  static constexpr auto output =
      columns(group("*_flows", "* by flows", &VolumeConcentrationRow::flows, ConcentrationRow::output),
              group("*_packets", "* by packets", &VolumeConcentrationRow::packets, ConcentrationRow::output),
              group("*_bytes", "* by bytes", &VolumeConcentrationRow::bytes, ConcentrationRow::output));
};

class VolumeConcentration {
 public:
  void add(const Volume& v) {
    flows_.add(v.flows);
    packets_.add(v.packets);
    bytes_.add(v.bytes);
  }
  VolumeConcentrationRow row() const { return {flows_.row(), packets_.row(), bytes_.row()}; }

 private:
  Concentration flows_, packets_, bytes_;
};

}  // namespace mole
