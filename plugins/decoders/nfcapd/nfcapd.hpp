// The files of nfdump's collectors (nfcapd, nfpcapd, sfcapd) and of nfdump -w: a header, and blocks of records that are
// compressed independently. docs/formats/nfcapd.md describes the formats, and what is reported as export time.
#pragma once

#include <mole/decoder.hpp>

#include "block_codec.hpp"
#include "block_records.hpp"
#include "file_header.hpp"
#include "layout1.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mole::plugins {

class Nfcapd {
 public:
  static constexpr auto about = mole::decoder("nfcapd", "1.1.0", "Files of nfdump 1.6 and 1.7");
  using writes =
      mole::Writes<start, end, src_addr, dst_addr, src_port, dst_port, protocol, packets, bytes, tcp_flags, tos, src_as, dst_as,
                   src_mask, dst_mask, next_hop, in_if, out_if, sampling, application_label, observation_domain, exporter_addr,
                   src_vlan, dst_vlan, mpls_label, post_src_addr, post_dst_addr, post_src_port, post_dst_port, reverse_packets,
                   reverse_bytes, icmp_type, icmp_code, end_reason, flow_direction, scaled, sampling_source, any_element>;

  // Whether the head begins with the magic number of nfdump's files, in any layout and byte order.
  static bool recognises(std::span<const std::byte> head) { return nfcapd::FileHeader::recognises(head); }

  Nfcapd(ByteSource& source, Sink& sink) : in_(source), sink_(sink) {}
  Result<bool> next(FlowBuilder& out);

 private:
  enum class Step { block, skipped, end };

  Result<> read_file_header();
  Step read_block();
  Step skip_short(std::size_t left, std::string_view what);
  void use(const nfcapd::BlockHeader& header, std::span<const std::byte> content, std::size_t stored);
  void list_flows();
  bool emit(FlowBuilder& out);
  void report(std::span<const nfcapd::Flow> flows);
  void end_block();
  bool is_followed_by_block(std::size_t size);
  void skip(std::uint64_t offset, std::uint64_t size, std::string_view reason);
  void lose_sync(std::string_view reason);
  bool resynchronise();
  bool is_block(const nfcapd::BlockHeader& header);
  bool is_plain(const nfcapd::BlockHeader& header) const;
  Result<bool> finish();

  ByteSource& in_;
  Sink& sink_;
  nfcapd::FileHeader header_;
  nfcapd::BlockCodec codec_;
  nfcapd::Layout1 layout1_;
  nfcapd::BlockRecords records_;

  // The current block. Its flows are returned in batches, those of family 4 first.
  bool in_block_ = false;
  nfcapd::BlockHeader block_{};
  std::size_t stored_ = 0;               // bytes in the file, with the header; fewer than it says if the block is cut short
  std::span<const std::byte> unlisted_;  // content that records_ has not listed yet
  std::size_t broken_ = 0;               // bytes at its end that are not records
  std::size_t unread_ = 0;               // of these, bytes that records_ does not get
  std::uint32_t listed_ = 0;             // records
  std::uint32_t unreadable_ = 0, unknown_ = 0;
  std::array<std::size_t, 2> returned_{};  // flows of each family that records_ has listed

  bool lost_sync_ = false;
  std::string_view lost_reason_;
  bool damaged_ = false, cut_short_ = false;  // something was skipped; the last block is incomplete
  std::uint64_t blocks_ = 0, flows_ = 0;
  std::uint64_t exported_ms_ = 0;  // of the last flow
};

}  // namespace mole::plugins
