// Concentration: how unevenly a total is spread over its parts (bytes over addresses, flows over ports): entropy,
// shares of the largest parts, Herfindahl's index. Independent of the order of the parts.
//
//   struct Row { mole::ConcentrationRow src; };
//   static constexpr auto output = mole::columns(
//       mole::group("src_addr", "source addresses", &Row::src, mole::ConcentrationRow::output));   // entropy_src_addr
//       ...
//
// VolumeConcentration is the same for flows, packets and bytes at once.
#pragma once

#include <mole/statistics/entropy.hpp>
#include <mole/output.hpp>
#include <mole/containers/volume_map.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace mole {

// '*': what the parts are.
struct ConcentrationRow {
  std::optional<double> entropy, normalised_entropy, top_1, top_10, top_100, herfindahl;
  static constexpr auto output =
      columns(column("entropy_*", &ConcentrationRow::entropy, unit::bit, "Shannon entropy of *; null without any"),
              column("normalised_entropy_*", &ConcentrationRow::normalised_entropy, unit::one,
                     "Entropy of * over the logarithm of their number, 0 to 1; null if fewer than two"),
              column("top_1_share_*", &ConcentrationRow::top_1, unit::one, "Share of the largest of *"),
              column("top_10_share_*", &ConcentrationRow::top_10, unit::one, "Share of the 10 largest of *"),
              column("top_100_share_*", &ConcentrationRow::top_100, unit::one, "Share of the 100 largest of *"),
              column("herfindahl_*", &ConcentrationRow::herfindahl, unit::one, "Sum of the squared shares of *, 0 to 1"));
};

class Concentration {
 public:
  // One more part; one of 0 is none.
  void add(std::uint64_t count) {
    const bool is_small = count < small_.size();
    ++small_[is_small ? count : 0];
    large_[waiting_] = count;  // the next one's place if it is small
    waiting_ += !is_small;
    if (waiting_ == large_.size()) [[unlikely]]
      add_large();
  }
  // One more part for each count.
  void add(std::span<const std::uint64_t> counts) {
    for (const auto count : counts) add(count);
  }
  // All null without parts, and if the total is 2^64 or more.
  ConcentrationRow row() const {
    Concentration all(*this);
    all.settle();
    return all.settled();
  }

 private:
  __extension__ typedef unsigned __int128 Wide;
  static constexpr std::size_t kept = 100;

  void add_large() {
    entropy_.add({large_.data(), waiting_});
    for (std::size_t i = 0; i < waiting_; ++i) {
      squares_ += Wide{large_[i]} * large_[i];
      if (large_[i] > least_) [[unlikely]]
        enter(large_[i]);
    }
    waiting_ = 0;
  }
  // A heap of the largest, the least of them first.
  void enter(std::uint64_t count) {
    if (largest_.size() == kept) {
      std::pop_heap(largest_.begin(), largest_.end(), std::greater<>());
      largest_.back() = count;
    } else {
      largest_.push_back(count);
    }
    std::push_heap(largest_.begin(), largest_.end(), std::greater<>());
    if (largest_.size() == kept) least_ = largest_.front();
  }
  // Adds what waits, and the small ones: each is less than any of the large.
  void settle() {
    add_large();
    std::sort(largest_.begin(), largest_.end(), std::greater<>());
    for (std::size_t count = small_.size() - 1; count > 0; --count) {
      const auto times = small_[count];
      if (times == 0) continue;
      entropy_.add(count, times);
      squares_ += Wide{count * count} * times;
      largest_.insert(largest_.end(), std::min<std::uint64_t>(times, kept - largest_.size()), count);
    }
  }
  ConcentrationRow settled() const {
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

  std::array<std::uint64_t, 256> small_{};  // most counts are: how many there are of each (of 0: no matter what)
  std::array<std::uint64_t, 64> large_{};   // not yet added
  std::size_t waiting_ = 0;
  Entropy entropy_;
  Wide squares_ = 0;
  std::vector<std::uint64_t> largest_;
  std::uint64_t least_ = 0;  // a count must be above it to enter
};

// '*': what the parts are.
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
