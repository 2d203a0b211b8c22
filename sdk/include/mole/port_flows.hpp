// PortFlows: those rows of a batch that have ports (TCP and UDP), as columns. What other protocols carry there is
// something else: ICMP its type and code.
//
//   thread_local mole::PortFlows ports;
//   ports.select(flows);   // Flows<src_port, dst_port, protocol, packets, bytes, ...>
//   for (const auto port : ports.dst()) ...
#pragma once

#include <mole/columns.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mole {

// Reused from batch to batch; one per thread. The columns are valid until the next select() and as long as the batch.
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
    src_ = kept(flows.template span<src_port>(), src_room_);
    dst_ = kept(flows.template span<dst_port>(), dst_room_);
    packets_ = kept(flows.template span<mole::packets>(), packets_room_);
    bytes_ = kept(flows.template span<mole::bytes>(), bytes_room_);
  }
  std::size_t size() const { return src_.size(); }
  std::span<const std::uint16_t> src() const { return src_; }
  std::span<const std::uint16_t> dst() const { return dst_; }
  std::span<const std::uint64_t> packets() const { return packets_; }
  std::span<const std::uint64_t> bytes() const { return bytes_; }

 private:
  // The column itself if every row has ports.
  template <class T>
  std::span<const T> kept(std::span<const T> all, std::vector<T>& room) const {
    if (rows_.size() == all.size()) return all;
    room.resize(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) room[i] = all[rows_[i]];
    return room;
  }

  std::vector<std::uint32_t> rows_;
  std::vector<std::uint16_t> src_room_, dst_room_;
  std::vector<std::uint64_t> packets_room_, bytes_room_;
  std::span<const std::uint16_t> src_, dst_;
  std::span<const std::uint64_t> packets_, bytes_;
};

}  // namespace mole
