// Streams of NetFlow v1 or v7: export datagrams of fixed layout, stored one after the other without framing.
#pragma once

#include "plugins/decoders/export/stream.hpp"
#include "plugins/decoders/export/template.hpp"

namespace mole::plugins::flow_export {

// The columns of a record of NetFlow v1, and of v7.
using Columns1 = Writes<start, mole::end, src_addr, dst_addr, src_port, dst_port, protocol, packets, bytes, tcp_flags, tos,
                        next_hop, in_if, out_if, icmp_type, icmp_code>;
using Columns7 = Writes<start, mole::end, src_addr, dst_addr, src_port, dst_port, protocol, packets, bytes, tcp_flags, tos,
                        src_as, dst_as, src_mask, dst_mask, next_hop, in_if, out_if, icmp_type, icmp_code>;

class FixedFraming final : public Framing {
 public:
  FixedFraming(Protocol protocol, std::string_view name) : protocol_(protocol), name_(name) {}

  std::size_t header_size() const override;
  std::string_view name() const override { return name_; }
  std::optional<MessageHeader> header(std::span<const std::byte> bytes) const override;
  MessageHeader fields(std::span<const std::byte> bytes) const override;
  std::size_t measure(ByteSource& in, bool& sound) const override;
  bool begins(std::span<const std::byte> bytes) const override;

  // Whether the head of a file consists of consecutive datagrams with flows and plausible times: two bytes of version and two of
  // count may be anything.
  bool recognises(std::span<const std::byte> head) const;

 private:
  std::size_t size(std::span<const std::byte> header) const;  // of the datagram

  const Protocol protocol_;
  const std::string_view name_;
};

}  // namespace mole::plugins::flow_export
