#include "nfcapd.hpp"

#include "columns.hpp"
#include "element_values.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace mole::plugins {

using nfcapd::BlockHeader, nfcapd::Compression, nfcapd::FileHeader, nfcapd::Flow;

namespace {

// Returns the number of records if they fill the content of a block exactly.
std::optional<std::uint32_t> count_records(std::span<const std::byte> content) {
  std::uint32_t records = 0;
  for (; content.size() >= nfcapd::element_header_size; ++records) {
    const auto size = nfcapd::load<std::uint16_t>(content.data() + 2);
    if (size < nfcapd::element_header_size || size > content.size()) return std::nullopt;
    content = content.subspan(size);
  }
  return content.empty() ? std::optional(records) : std::nullopt;
}

// Returns how many bytes the first records have whose types nfdump writes.
std::size_t size_of_known(std::span<const std::byte> content, std::uint16_t layout) {
  std::size_t at = 0;
  while (content.size() - at >= nfcapd::element_header_size) {
    const auto type = nfcapd::load<std::uint16_t>(content.data() + at),
               size = nfcapd::load<std::uint16_t>(content.data() + at + 2);
    const bool known = layout == 1 ? type >= 1 && type <= 10 : (type >= 7 && type <= 15) || type == 0x8001 || type == 0x8002;
    if (!known || size < nfcapd::element_header_size || size > content.size() - at) break;
    at += size;
  }
  return at;
}

}  // namespace

Result<bool> Nfcapd::next(FlowBuilder& out) {
  if (header_.layout == 0)
    if (auto read = read_file_header(); !read) return read.error();
  while (true) {
    if (emit(out)) return true;
    if (!in_block_) {
      if (read_block() == Step::end) return finish();
    } else if (unlisted_.empty()) {
      end_block();
    } else {
      list_flows();
    }
  }
}

Result<> Nfcapd::read_file_header() {
  auto header = FileHeader::read(in_.peek(FileHeader::largest));
  if (!header) return header.error();
  header_ = *header;
  in_.skip(header_.size);
  exported_ms_ = header_.created_ms;
  return {};
}

// ---- blocks

bool Nfcapd::is_plain(const BlockHeader& header) const {
  return header_.compression == Compression::none || header.is_plain(header_.layout);
}

// Whether the next `size` bytes are followed by a block header or the end of the file.
bool Nfcapd::is_followed_by_block(std::size_t size) {
  const auto bytes = in_.peek(size + BlockHeader::bytes);
  if (bytes.size() < size + BlockHeader::bytes) return bytes.size() == size;
  return BlockHeader::read(bytes.data() + size).plausible();
}

Nfcapd::Step Nfcapd::read_block() {
  const auto head = in_.peek(BlockHeader::bytes);
  if (head.size() < BlockHeader::bytes) return skip_short(head.size(), lost_sync_ ? lost_reason_ : "block header cut short");
  if (lost_sync_ && !resynchronise()) return Step::skipped;
  const auto header = BlockHeader::read(in_.peek(BlockHeader::bytes).data());
  if (!header.plausible()) {
    lose_sync(header.size > BlockHeader::max_size ? "damaged header of a block, or a block of more than 16 MiB"
                                                  : "damaged header of a block");
    return Step::skipped;
  }
  const std::size_t size = BlockHeader::bytes + header.size;
  const auto stored = in_.peek(size);
  const auto bytes = stored.subspan(BlockHeader::bytes);
  const bool whole = stored.size() == size;
  if (header.is_array() && whole) {
    in_.skip(size);
    ++blocks_;
    return Step::skipped;
  }
  if (is_plain(header)) {
    use(header, bytes, stored.size());
    return Step::block;
  }
  if (whole) {
    if (const auto content = codec_.decompress(header_.compression, bytes)) {
      use(header, *content, size);
      return Step::block;
    }
    if (is_followed_by_block(size)) {
      skip(in_.offset(), size, "damaged block");
      in_.skip(size);
      ++blocks_;
      return Step::skipped;
    }
  }
  lose_sync(whole ? "damaged block" : "block cut short");  // or its size is wrong
  return Step::skipped;
}

// Skips the bytes before a gap or the end of the file.
Nfcapd::Step Nfcapd::skip_short(std::size_t left, std::string_view what) {
  const bool gap = in_.gap();
  // Reports a gap even without bytes before it, so that the host knows which flows were before the damage.
  if (left > 0 || gap) skip(in_.offset(), left, what);
  in_.skip(left);
  if (!gap) return Step::end;
  in_.cross_gap();
  lose_sync("no block of an nfcapd file here");
  return Step::skipped;
}

// Begins to return the flows of a block, which is `stored` bytes long in the file.
void Nfcapd::use(const BlockHeader& header, std::span<const std::byte> content, std::size_t stored) {
  ++blocks_;
  in_block_ = true;
  block_ = header;
  stored_ = stored;
  broken_ = 0;
  unread_ = 0;
  listed_ = unreadable_ = unknown_ = 0;
  // A record of a wrong size can contain the start of the next block.
  if (is_plain(header) && count_records(content) != header.records) {
    const std::size_t known = size_of_known(content, header_.layout);
    unread_ = content.size() - known;
    content = content.first(known);
  }
  if (header_.layout == 1) {
    const auto converted = layout1_.convert(content);
    listed_ = unreadable_ = converted.unreadable;
    content = converted.records;
  }
  unlisted_ = content;
  list_flows();
}

void Nfcapd::list_flows() {
  const auto outcome = records_.read(unlisted_);
  returned_ = {};
  listed_ += outcome.records;
  unreadable_ += outcome.unreadable;
  unknown_ += outcome.unknown;
  unlisted_ = unlisted_.subspan(outcome.read);
  if (outcome.paused) return;
  broken_ = unlisted_.size() + unread_;
  unlisted_ = {};
}

// Reports what could not be read of a block, after its flows, and continues after it.
void Nfcapd::end_block() {
  in_block_ = false;
  const auto offset = in_.offset();
  const bool whole = stored_ == BlockHeader::bytes + block_.size;
  if (unreadable_ > 0) skip(offset, stored_, std::to_string(unreadable_) + " damaged records in a block");
  if (unknown_ > 0)
    skip(offset, stored_,
         std::to_string(unknown_) + " records of unknown types in a block: it is damaged, or a later version of nfdump wrote it");
  const bool miscounted = listed_ != block_.records;
  if (whole && broken_ == 0 && miscounted)
    skip(offset, BlockHeader::bytes,
         "the header of a block says " + std::to_string(block_.records) + " records, but it contains " + std::to_string(listed_));
  if (whole && broken_ == 0 && (!miscounted || is_plain(block_))) return in_.skip(stored_);
  if (whole && is_followed_by_block(stored_)) {
    const std::size_t lost = broken_ == 0 || is_plain(block_) ? broken_ : stored_;
    if (lost > 0) skip(offset + stored_ - lost, lost, "damaged records in a block");
    in_.skip(stored_);
  } else if (!is_plain(block_)) {  // its size may be wrong, so that the next block begins inside it
    in_.skip(BlockHeader::bytes);
    lose_sync("damaged records in a block");
  } else {  // cut short, or its size is wrong
    if (whole) skip(offset, BlockHeader::bytes, "the header of a block has a wrong size");
    cut_short_ = !whole;
    in_.skip(stored_ - broken_);
    lose_sync(whole ? "damaged records in a block" : "block cut short");
  }
}

void Nfcapd::skip(std::uint64_t offset, std::uint64_t size, std::string_view reason) {
  sink_.skipped(offset, size, reason);
  damaged_ = damaged_ || size > 0;
}

// ---- after damage

void Nfcapd::lose_sync(std::string_view reason) {
  lost_sync_ = true;
  lost_reason_ = reason;
}

// Searches for the next block. Without one, consumes all bytes but the last few and returns false.
bool Nfcapd::resynchronise() {
  // Bytes that look like the header of a large block, again and again, are not all tried.
  constexpr std::size_t look_ahead = 64 << 10, max_size = 5 << 20, max_attempts = 256, step = 1 << 20;
  const std::uint16_t type = header_.layout == 1 ? 2 : 3;
  const std::uint64_t from = in_.offset();
  std::size_t attempts = 0;
  bool found = false;
  while (in_.peek(BlockHeader::bytes).size() == BlockHeader::bytes) {
    const auto bytes = in_.window(look_ahead);
    std::size_t at = 0;
    BlockHeader header{};
    bool likely = false;
    for (; !likely && at + BlockHeader::bytes <= bytes.size(); ++at) {
      if (nfcapd::load<std::uint16_t>(bytes.data() + at + 8) != type) continue;
      header = BlockHeader::read(bytes.data() + at);
      likely = header.plausible() && header.size > 0 && header.size <= max_size;
    }
    if (likely) --at;
    in_.skip(at);
    if (!likely) continue;
    found = is_block(header);
    if (found) break;
    in_.skip(++attempts < max_attempts ? 1 : std::min(step, in_.window(step).size()));
  }
  if (in_.offset() > from) skip(from, in_.offset() - from, lost_reason_);
  lost_sync_ = !found;
  return found;
}

// Whether the next bytes are a whole block with this header.
bool Nfcapd::is_block(const BlockHeader& header) {
  const std::size_t size = BlockHeader::bytes + header.size;
  const auto stored = in_.peek(size);
  if (stored.size() < size) return false;
  const auto bytes = stored.subspan(BlockHeader::bytes);
  const auto content = codec_.decompress(is_plain(header) ? Compression::none : header_.compression, bytes);
  return content && count_records(*content) == header.records;
}

Result<bool> Nfcapd::finish() {
  // A failure means that at least one flow is missing. There are not more of them than flows.
  const auto failures = std::max(header_.sequence_failures, records_.sequence_failures());
  const auto losses = failures - std::min(failures, records_.misunderstood_failures());
  if (const auto lost = std::min(losses, flows_); lost > 0)
    sink_.datagram({static_cast<std::int64_t>(exported_ms_) * 1000}, 0, lost);
  if (damaged_) return false;
  if (!header_.is_closed)
    return corrupt("the collector did not finish this nfcapd file; flows after those of its last block are missing");
  const bool ended = records_.has_statistics() || blocks_ >= std::uint64_t{header_.blocks} + header_.appendix_blocks;
  if (cut_short_ || !ended)
    return corrupt("the nfcapd file ends after " + std::to_string(blocks_) + " of " +
                   std::to_string(std::uint64_t{header_.blocks} + header_.appendix_blocks) + " blocks; copy it again");
  return false;
}

// ---- flows

bool Nfcapd::emit(FlowBuilder& out) {
  if (!in_block_) return false;
  for (const std::uint32_t family : {4u, 6u}) {
    std::size_t& returned = returned_[family == 6];
    auto flows = std::span(records_.flows(family)).subspan(returned);
    flows = flows.first(std::min<std::size_t>(flows.size(), out.capacity()));
    if (flows.empty()) continue;
    out.set_address_family(family);
    nfcapd::fill_columns(out, records_, family, flows, header_.layout == 1 ? layout1_.absent() : 0);
    nfcapd::put_elements(out, records_, flows);
    report(flows);
    out.set_rows(static_cast<std::uint32_t>(flows.size()));
    returned += flows.size();
    flows_ += flows.size();
    return true;
  }
  return false;
}

// Reports consecutive flows of an exporter that the collector received in the same second as a datagram. If the time of receipt
// is missing, or far from the time of the flow, as in files written from replayed traffic, up to 64 flows are a datagram that was
// exported at the end of the last one.
void Nfcapd::report(std::span<const Flow> flows) {
  constexpr std::uint64_t max_delay_ms = 3'600'000, max_ms = 1ull << 52;
  constexpr std::size_t max_group = 64;
  std::array<std::uint64_t, max_group> ends;
  std::size_t n = 0;                 // flows in `ends`
  std::uint32_t received_flows = 0;  // flows received in the second of received_ms
  std::uint64_t received_ms = 0;
  std::uint32_t exporter = 0;
  const auto put = [&](std::uint64_t exported_ms, std::uint32_t count) {
    exported_ms_ = std::min(exported_ms, max_ms);
    sink_.datagram({static_cast<std::int64_t>(exported_ms_) * 1000}, count, 0, false, exporter);
  };
  const auto flush = [&] {
    if (received_flows > 0) put(received_ms, received_flows);
    received_flows = 0;
    if (n == 0) return;
    const auto last = ends.begin() + static_cast<std::ptrdiff_t>(n), middle = ends.begin() + static_cast<std::ptrdiff_t>(n / 2);
    std::nth_element(ends.begin(), middle, last);
    std::uint64_t latest = *middle;  // times far from the others are wrong
    for (auto end = middle; end != last; ++end)
      if (*end <= *middle + max_delay_ms) latest = std::max(latest, *end);
    put(latest == 0 ? exported_ms_ : latest, static_cast<std::uint32_t>(n));
    n = 0;
  };
  for (const Flow& flow : flows) {
    const auto times = nfcapd::times_of(records_.data() + flow.record, records_.shape(flow));
    const auto number = records_.origin(flow).number;
    const auto difference = times.received > times.last ? times.received - times.last : times.last - times.received;
    const bool is_received = times.received != 0 && difference <= max_delay_ms;
    const bool same = number == exporter && (is_received ? n == 0 && times.received / 1000 == received_ms / 1000
                                                         : received_flows == 0 && n < max_group);
    if (!same) flush();
    exporter = number;
    if (is_received) {
      if (received_flows++ == 0) received_ms = times.received;
    } else {
      ends[n++] = times.last;
    }
  }
  flush();
}

}  // namespace mole::plugins
