// PortFlows: the TCP and UDP rows of a batch, as columns. The port columns of other protocols contain something else, for example
// the type and code of ICMP.
//
//   using Flows = mole::Flows<mole::src_port, mole::dst_port, mole::protocol, mole::packets, mole::bytes>;
//   std::uint64_t bytes_to_https(const Flows& flows) {
//     thread_local mole::PortFlows ports;
//     ports.select(flows);
//     std::uint64_t sum = 0;
//     for (std::size_t i = 0; i < ports.size(); ++i) sum += ports.dst()[i] == 443 ? ports.bytes()[i] : 0;
//     return sum;
//   }
#pragma once

#include <mole/columns.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mole {

// Use one per thread and reuse it for every batch. The columns are valid until the next select() or the end of the batch.
class PortFlows {
 public:
  template <class Flows>
  void select(const Flows& flows) {
    const auto protocols = flows.template span<protocol>();
    rows_.resize(protocols.size());
    std::size_t n = 0;
    for (std::size_t i = 0; i < protocols.size(); ++i) {
      rows_[n] = static_cast<std::uint32_t>(i);
      n += static_cast<std::size_t>(protocols[i] == 6) + static_cast<std::size_t>(protocols[i] == 17);
    }
    rows_.resize(n);
    src_ = selected(flows.template span<src_port>(), src_copy_);
    dst_ = selected(flows.template span<dst_port>(), dst_copy_);
    packets_ = selected(flows.template span<mole::packets>(), packets_copy_);
    bytes_ = selected(flows.template span<mole::bytes>(), bytes_copy_);
  }
  std::size_t size() const { return src_.size(); }
  std::span<const std::uint16_t> src() const { return src_; }
  std::span<const std::uint16_t> dst() const { return dst_; }
  std::span<const std::uint64_t> packets() const { return packets_; }
  std::span<const std::uint64_t> bytes() const { return bytes_; }

 private:
  // Returns the column itself if every row has ports.
  template <class T>
  std::span<const T> selected(std::span<const T> all, std::vector<T>& copy) const {
    if (rows_.size() == all.size()) return all;
    copy.resize(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) copy[i] = all[rows_[i]];
    return copy;
  }

  std::vector<std::uint32_t> rows_;
  std::vector<std::uint16_t> src_copy_, dst_copy_;
  std::vector<std::uint64_t> packets_copy_, bytes_copy_;
  std::span<const std::uint16_t> src_, dst_;
  std::span<const std::uint64_t> packets_, bytes_;
};

}  // namespace mole
