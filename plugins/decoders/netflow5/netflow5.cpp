#include "netflow5.hpp"

#include <cstdlib>

namespace mole::plugins {
namespace {

constexpr std::size_t header_size = 24, record_size = 48, max_size = header_size + 30 * record_size;

constexpr auto u8 = big_endian<std::uint8_t>;
constexpr auto u16 = big_endian<std::uint16_t>;
constexpr auto u32 = big_endian<std::uint32_t>;

std::int64_t distance(std::uint32_t a, std::uint32_t b) { return std::llabs(std::int64_t{a} - std::int64_t{b}); }

// Writes one column of a datagram's records, if it is needed.
template <class Column, class Value>
void column(FlowBuilder& out, const std::byte* records, std::uint32_t count, Value value) {
  typename Column::stored* cell = out.column<Column>();
  if (cell == nullptr) return;
  cell += out.rows();
  for (std::uint32_t i = 0; i < count; ++i) cell[i] = {value(records + i * record_size)};
}

}  // namespace

NetFlow5::Header NetFlow5::Header::read(const std::byte* p) {
  return {u16(p), u16(p + 2), u32(p + 4), u32(p + 8), u32(p + 12), u32(p + 16), u16(p + 20), u16(p + 22)};
}

bool NetFlow5::recognises(std::span<const std::byte> head) {
  if (head.size() < header_size) return false;
  std::size_t at = 0;
  while (at + header_size <= head.size()) {
    const Header header = Header::read(head.data() + at);
    if (!header.valid()) return false;
    at += header.size();
  }
  return true;
}

Result<bool> NetFlow5::next(FlowBuilder& out) {
  while (out.room() >= 30) {
    const auto head = in_.peek(header_size);
    if (head.size() < header_size) {
      if (!skip_truncated(head.size(), "datagram header cut short")) return false;
      continue;
    }
    if (lost_sync_ && !resynchronise()) continue;
    const Header header = Header::read(in_.peek(header_size).data());
    if (!header.valid()) {
      lost_sync_ = true;
      ++damage_;
      continue;
    }
    const auto datagram = in_.peek(header.size());
    if (datagram.size() < header.size()) {
      if (!skip_truncated(datagram.size(), "datagram cut short")) return false;
      continue;
    }
    bool in_damage = false;
    const std::uint64_t lost = flows_lost(header, in_damage);
    append(out, header, datagram.data() + header_size);
    sink_.datagram({std::int64_t{header.seconds} * 1'000'000 + header.nanoseconds / 1000}, header.count, lost, in_damage);
    last_seconds_ = header.seconds;
    in_.skip(header.size());
  }
  return true;
}

// Skips a header or datagram truncated to `left` bytes. Returns false at the end of the file; at a gap, continues after it.
bool NetFlow5::skip_truncated(std::size_t left, std::string_view what) {
  const bool gap = in_.gap();
  // Reports a gap even without bytes before it, so that the host knows which flows were before the damage.
  if (left > 0 || gap) sink_.skipped(in_.offset(), left, what);
  if (!gap) {
    in_.skip(left);
    return false;
  }
  in_.cross_gap();
  lost_sync_ = true;
  ++damage_;
  return true;
}

// Searches for the next datagram. If there is none, consumes all bytes and returns false.
bool NetFlow5::resynchronise() {
  constexpr std::size_t look_ahead = max_size + header_size, enough = 64 * 1024;
  const std::uint64_t from = in_.offset();
  bool found = false, ended = false;
  while (!found && !ended) {
    const auto bytes = in_.window(enough);
    ended = bytes.size() < enough;
    const std::size_t end = ended ? bytes.size() : bytes.size() - look_ahead;
    std::size_t at = 0;
    while (at < end && !begins_datagram(bytes.subspan(at))) ++at;
    found = at < end;
    in_.skip(at);
  }
  if (in_.offset() > from) sink_.skipped(from, in_.offset() - from, "no NetFlow v5 datagram here");
  lost_sync_ = !found;
  return found;
}

// Whether this is a plausible header, close in time to the last datagram, and followed by another header or the end of the bytes.
bool NetFlow5::begins_datagram(std::span<const std::byte> bytes) const {
  constexpr std::int64_t max_jump = 2 * 86'400, max_step = 3600;  // seconds
  if (bytes.size() < header_size || u16(bytes.data()) != 5) return false;
  const Header header = Header::read(bytes.data());
  if (!header.valid() || header.nanoseconds >= 1'000'000'000 || bytes.size() < header.size()) return false;
  if (last_seconds_ && distance(header.seconds, *last_seconds_) > max_jump) return false;
  const auto rest = bytes.subspan(header.size());
  if (rest.size() < header_size) return rest.size() < 2 || u16(rest.data()) == 5;
  const Header following = Header::read(rest.data());
  return following.valid() && distance(following.seconds, header.seconds) <= max_step;
}

std::uint64_t NetFlow5::flows_lost(const Header& header, bool& in_damage) {
  const Engine now{header.sequence + header.count, header.uptime_ms, header.seconds, damage_};
  const auto [known, first] = engines_.try_emplace(header.engine, now);
  if (first) return 0;  // losses before the first datagram are unknown
  in_damage = known->second.damage != damage_;
  const std::uint64_t lost = missing(known->second, header);
  known->second.damage = damage_;
  return lost;
}

// Returns the number of flows lost between the last datagram of the engine and this one, and updates the engine.
std::uint64_t NetFlow5::missing(Engine& engine, const Header& header) {
  constexpr std::int64_t clock_slack_ms = 60'000;  // unix_secs may be corrected while SysUptime is not
  constexpr std::int32_t max_late = 1'000'000;     // flows
  constexpr std::int64_t max_rate = 1'000'000;     // flows per second of any v5 exporter; a larger jump is not a loss
  const std::uint32_t ahead = header.sequence - engine.expected;
  const std::int64_t elapsed_s = std::int64_t{header.seconds} - std::int64_t{engine.seconds};
  // In 32 bits, so that a wrap of SysUptime (every 49.7 days) is a small step.
  const std::int64_t step_ms = static_cast<std::int32_t>(header.uptime_ms - engine.uptime_ms);
  const bool restarted = header.uptime_ms < engine.uptime_ms && std::llabs(step_ms - elapsed_s * 1000) > clock_slack_ms;
  const auto behind = -static_cast<std::int64_t>(static_cast<std::int32_t>(ahead));
  if (!restarted && behind > 0 && behind <= max_late) return 0;  // out of order: keep the later sequence number
  engine.expected = header.sequence + header.count;
  engine.uptime_ms = header.uptime_ms;
  engine.seconds = header.seconds;
  if (restarted || behind > 0) return 0;
  return ahead <= (elapsed_s < 0 ? 1 : elapsed_s + 1) * max_rate ? ahead : 0;
}

void NetFlow5::append(FlowBuilder& out, const Header& header, const std::byte* records) {
  const std::uint32_t n = header.count;
  const std::int64_t now_ms = std::int64_t{header.seconds} * 1000 + header.nanoseconds / 1'000'000;
  // A signed 32-bit difference is correct across a wrap of SysUptime.
  const auto time_at = [&](std::size_t offset) {
    return [=, uptime = header.uptime_ms](const std::byte* r) {
      return (now_ms - static_cast<std::int32_t>(uptime - u32(r + offset))) * 1000;
    };
  };
  const auto at16 = [](std::size_t offset) { return [=](const std::byte* r) { return u16(r + offset); }; };
  const auto at32 = [](std::size_t offset) { return [=](const std::byte* r) { return u32(r + offset); }; };
  const auto at8 = [](std::size_t offset) { return [=](const std::byte* r) { return u8(r + offset); }; };
  column<start>(out, records, n, time_at(24));
  column<mole::end>(out, records, n, time_at(28));
  column<src_addr>(out, records, n, at32(0));
  column<dst_addr>(out, records, n, at32(4));
  column<next_hop>(out, records, n, at32(8));
  column<in_if>(out, records, n, at16(12));
  column<out_if>(out, records, n, at16(14));
  column<packets>(out, records, n, at32(16));
  column<bytes>(out, records, n, at32(20));
  column<src_port>(out, records, n, at16(32));
  column<dst_port>(out, records, n, at16(34));
  column<tcp_flags>(out, records, n, at8(37));
  column<protocol>(out, records, n, at8(38));
  column<tos>(out, records, n, at8(39));
  column<src_as>(out, records, n, at16(40));
  column<dst_as>(out, records, n, at16(42));
  column<src_mask>(out, records, n, at8(44));
  column<dst_mask>(out, records, n, at8(45));
  const std::uint32_t interval = header.sampling & 0x3fff;
  column<sampling>(out, records, n, [=](const std::byte*) { return interval == 0 ? 1 : interval; });
  out.set_rows(out.rows() + n);
}

}  // namespace mole::plugins
