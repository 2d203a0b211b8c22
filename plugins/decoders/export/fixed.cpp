#include "plugins/decoders/export/fixed.hpp"

#include "plugins/decoders/export/state.hpp"

#include <algorithm>

namespace mole::plugins::flow_export {
namespace {

constexpr std::uint16_t max_records = 30;             // of a datagram; Cisco's have at most 24 (v1) or 27 (v7)
constexpr std::uint32_t first_netflow = 820'454'400;  // 1996
constexpr std::size_t enough_headers = 4;             // that follow each other, to be no coincidence

}  // namespace

std::size_t FixedFraming::header_size() const { return format_of(protocol_).header; }

std::size_t FixedFraming::size(std::span<const std::byte> header) const {
  const FixedFormat format = format_of(protocol_);
  return format.header + u16(header.data() + 2) * format.record;
}

std::optional<MessageHeader> FixedFraming::header(std::span<const std::byte> bytes) const {
  if (bytes.size() < header_size() || u16(bytes.data()) != static_cast<std::uint16_t>(protocol_) ||
      u16(bytes.data() + 2) > max_records)
    return std::nullopt;
  return fields(bytes);
}

// NetFlow v1 has no sequence number; its SysUptime increases, too.
MessageHeader FixedFraming::fields(std::span<const std::byte> bytes) const {
  return {u32(bytes.data() + 8), u32(bytes.data() + (protocol_ == Protocol::v1 ? 4 : 16)), 0};
}

std::size_t FixedFraming::measure(ByteSource& in, bool& sound) const {
  const std::size_t whole = size(in.peek(header_size()));
  const auto bytes = in.peek(whole + header_size());
  sound = bytes.size() == whole || (bytes.size() > whole && header(bytes.subspan(whole)));
  return std::min(whole, bytes.size());
}

// Records can look like a header and its successor: those from interface 1 do, in v1. Their bytes are not a time, and do not look
// like a chain of headers.
bool FixedFraming::begins(std::span<const std::byte> bytes) const {
  std::optional<std::uint32_t> boot;
  for (std::size_t headers = 0; headers < enough_headers; ++headers) {
    if (bytes.empty()) return headers > 0;
    if (bytes.size() < header_size()) return headers > 1;
    const auto found = header(bytes);
    if (!found) return false;
    const auto its_boot = boot_of(found->seconds, u32(bytes.data() + 4));
    const bool plausible = found->seconds >= first_netflow;
    if (boot && plausible && is_same_boot(*boot, its_boot)) return true;
    boot = plausible ? std::optional(its_boot) : std::nullopt;
    if (size(bytes) > bytes.size()) return headers > 0;
    bytes = bytes.subspan(size(bytes));
  }
  return true;
}

bool FixedFraming::recognises(std::span<const std::byte> head) const {
  constexpr std::uint32_t second_ns = 1'000'000'000;
  bool flows = false;
  while (head.size() >= header_size()) {
    const auto found = header(head);
    if (!found || found->seconds < first_netflow || u32(head.data() + 12) >= second_ns) return false;
    flows = flows || u16(head.data() + 2) > 0;
    head = head.subspan(std::min(size(head), head.size()));
  }
  return flows;
}

}  // namespace mole::plugins::flow_export
