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

#include <mole/entropy.hpp>
#include <mole/output.hpp>
#include <mole/volume_map.hpp>

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
  static constexpr auto output = columns(
      column("entropy_*", &ConcentrationRow::entropy, unit::bit, "Shannon entropy of *; null without any"),
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
  void add(std::uint64_t count) { add({&count, 1}); }
  // One more part for each count.
  void add(std::span<const std::uint64_t> counts) {
    entropy_.add(counts);
    Wide squares = 0;
    for (const auto count : counts) {
      squares += Wide{count} * count;
      if (count > least_) [[unlikely]]
        enter(count);
    }
    squares_ += squares;
  }
  // All null without parts, and if the total is 2^64 or more.
  ConcentrationRow row() const {
    ConcentrationRow out;
    if (entropy_.total().value_or(0) == 0) return out;
    const auto total = static_cast<double>(*entropy_.total());
    out.entropy = entropy_.bits();
    out.normalised_entropy = entropy_.normalised();
    auto largest = largest_;
    std::sort(largest.begin(), largest.end(), std::greater<>());
    Wide sum = 0;
    for (std::size_t i = 0; i < largest.size(); ++i) {
      sum += largest[i];
      const double share = static_cast<double>(sum) / total;
      if (i < 1) out.top_1 = share;
      if (i < 10) out.top_10 = share;
      out.top_100 = share;
    }
    out.herfindahl = static_cast<double>(squares_) / total / total;
    return out;
  }

 private:
  __extension__ typedef unsigned __int128 Wide;
  static constexpr std::size_t kept = 100;

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
    flow_counts_[waiting_] = v.flows;
    packet_counts_[waiting_] = v.packets;
    byte_counts_[waiting_] = v.bytes;
    if (++waiting_ == part) pass_on();
  }
  VolumeConcentrationRow row() {
    pass_on();
    return {flows_.row(), packets_.row(), bytes_.row()};
  }

 private:
  static constexpr std::size_t part = 256;

  void pass_on() {
    flows_.add({flow_counts_.data(), waiting_});
    packets_.add({packet_counts_.data(), waiting_});
    bytes_.add({byte_counts_.data(), waiting_});
    waiting_ = 0;
  }

  Concentration flows_, packets_, bytes_;
  std::array<std::uint64_t, part> flow_counts_, packet_counts_, byte_counts_;  // not yet added
  std::size_t waiting_ = 0;
};

}  // namespace mole
