#include "netflow5.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace mole::plugins {
namespace {

constexpr std::size_t header_size = 24, record_size = 48, max_size = header_size + 30 * record_size;
constexpr std::size_t link_size = 12;                       // of a header up to its export time
constexpr std::size_t look_ahead = max_size + header_size;  // a datagram and the header of its successor
constexpr std::size_t max_chain = 16;                       // datagrams that evidence() considers
constexpr std::size_t max_overtaken = 64;                   // datagrams between one and an earlier one that it overtook
constexpr int certain = 100, convincing = 8;                // values of evidence()

constexpr auto u8 = big_endian<std::uint8_t>;
constexpr auto u16 = big_endian<std::uint16_t>;
constexpr auto u32 = big_endian<std::uint32_t>;

// Export time - SysUptime, modulo 2^32 ms. 0 for exporters that leave SysUptime at 0.
std::uint32_t boot_ms(std::uint32_t seconds, std::uint32_t nanoseconds, std::uint32_t uptime_ms) {
  return uptime_ms == 0 ? 0 : seconds * 1000 + nanoseconds / 1'000'000 - uptime_ms;
}

constexpr std::uint32_t clock_slack_ms = 5'000;  // the export time of some exporters has whole seconds, and clocks are adjusted

bool is_same_boot(std::uint32_t a_ms, std::uint32_t b_ms) { return a_ms - b_ms + clock_slack_ms <= 2 * clock_slack_ms; }

bool are_near(std::uint32_t seconds, std::uint32_t others) {
  constexpr std::uint32_t slack = 3600;
  return seconds - others + slack <= 2 * slack;
}

// Whether `bytes` continue with a header at `at`. False if that is not known, because there are too few bytes.
bool followed(std::span<const std::byte> bytes, std::size_t at) {
  return bytes.size() >= at + 4 && u16(bytes.data() + at) == 5 && u16(bytes.data() + at + 2) <= 30;
}

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
    auto datagram = in_.peek(header.size() + link_size);
    if (datagram.size() < header.size()) {
      if (!skip_truncated(datagram.size(), "datagram cut short")) return false;
      continue;
    }
    if (!followed(datagram, header.size()) || datagram.size() < header.size() + link_size ||
        !are_near(u32(datagram.data() + header.size() + 8), header.seconds)) [[unlikely]] {
      if (skip_incomplete(header.size())) continue;
      datagram = in_.peek(header.size());
    }
    append(out, header, datagram.data() + header_size);
    const bool repeated = header.count > 0 && repeats_.add(datagram.first(header.size()));
    bool in_damage = false;
    const std::uint64_t lost = flows_lost(header, in_damage);
    sink_.datagram({std::int64_t{header.seconds} * 1'000'000 + header.nanoseconds / 1000}, header.count, lost, in_damage,
                   exporter_of(boot_ms(header.seconds, header.nanoseconds, header.uptime_ms)), repeated);
    in_.skip(header.size());
    last_seconds_ = header.seconds;
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

// The next bytes are a header and, as far as it says, a datagram of `size` bytes, which no datagram of about the same time
// follows. If one may begin inside it, bytes of it may be missing: skips what is left of it and returns true.
bool NetFlow5::skip_incomplete(std::size_t size) {
  auto bytes = in_.peek(size + link_size);
  std::size_t first = 1;
  while (first < size && !followed(bytes, first)) ++first;
  if (first == size) return false;
  constexpr std::size_t enough = (1 + max_chain) * max_size;
  bytes = in_.peek(enough);
  const bool ended = bytes.size() < enough;
  const Header header = Header::read(bytes.data());
  const auto succeeds = [&](std::size_t at) {
    if (!followed(bytes, at) || bytes.size() < at + header_size) return false;
    const Header other = Header::read(bytes.data() + at);
    return are_near(other.seconds, header.seconds) ||
           (other.engine == header.engine && other.sequence == header.next_sequence()) ||
           evidence(bytes.subspan(at), ended) >= convincing;
  };
  std::size_t at = first;
  while (at < size && !succeeds(at)) ++at;
  if (at == size) {
    const Match known = match(header);
    if (followed(bytes, size) || bytes.size() < size + 4 || (known.sequence != nullptr && known.ahead >= 0)) return false;
    lost_sync_ = true;
    at = first;
  }
  sink_.skipped(in_.offset(), at, "bytes are missing inside a datagram");
  in_.skip(at);
  ++damage_;
  return true;
}

// Searches for the next datagram. Without one, consumes all bytes and returns false.
bool NetFlow5::resynchronise() {
  constexpr std::size_t enough = 128 * 1024;
  const std::uint64_t from = in_.offset();
  bool found = false, ended = false;
  while (!found && !ended) {
    const auto bytes = in_.peek(enough);
    ended = bytes.size() < enough;
    in_.skip(find_datagram(bytes, ended, found));
  }
  if (in_.offset() > from) sink_.skipped(from, in_.offset() - from, "no NetFlow v5 datagram here");
  lost_sync_ = !found;
  return found;
}

// Returns how many bytes to skip; sets `found` if a datagram begins there. Records can look like consecutive headers, too (those
// from interface 5 to interface 3), so the position with the most evidence within the length of a datagram is used. If the bytes
// do not reach that far behind the first position with evidence, that position is returned as not found, to search from there.
std::size_t NetFlow5::find_datagram(std::span<const std::byte> bytes, bool ended, bool& found) {
  const std::size_t to = ended ? bytes.size() : bytes.size() - max_chain * max_size;
  std::size_t best = to, end = to;
  int most = 0;
  for (std::size_t at = 0; at < end; ++at) {
    const int weight = evidence(bytes.subspan(at), ended);
    if (weight <= most) continue;
    best = at;
    if (weight == certain) {
      most = certain;
      break;
    }
    if (most == 0) {
      if (!ended && at + look_ahead > to) return at;
      end = std::min(to, at + look_ahead);
    }
    most = weight;
  }
  found = most > 0;
  return best;
}

// Weighs what indicates that a whole datagram begins here. 0: nothing. 1: the next header or the end of the bytes follows.
// More: it is related to another datagram, and the number of related ones that follow. `certain`: it continues the sequence of an
// exporter. Related are those exported within an hour of their predecessor, and those that continue a sequence: clocks may be
// wrong and datagrams hours apart. `ended`: no more bytes follow these.
int NetFlow5::evidence(std::span<const std::byte> bytes, bool ended) {
  if (bytes.size() < header_size || u16(bytes.data()) != 5) return 0;
  std::array<Header, max_chain> chain;
  std::size_t n = 0;
  for (; n < max_chain && bytes.size() >= header_size; ++n) {
    chain[n] = Header::read(bytes.data());
    if (!chain[n].valid() || bytes.size() < chain[n].size()) break;
    bytes = bytes.subspan(chain[n].size());
  }
  if (n == 0) return 0;
  const Match known = match(chain[0]);
  if (known.sequence != nullptr && known.same_boot && known.ahead >= 0 && known.sequence->boot_ms != 0) return certain;
  const bool at_end = ended && bytes.empty();
  bool related = at_end || (datagrams_ > 0 && are_near(chain[0].seconds, last_seconds_));
  int others = at_end ? 6 : 0;
  for (std::size_t i = 1; i < n; ++i) {
    const auto precedes = [&](const Header& h) {
      return (chain[i].engine == h.engine && chain[i].sequence == h.next_sequence() && chain[i].count > 0) ||
             (&h + 1 == &chain[i] && are_near(chain[i].seconds, h.seconds));
    };
    related = related || precedes(chain[0]);
    others += std::any_of(chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(i), precedes);
  }
  if (related) return 2 + std::min<int>(others, max_chain - 1);
  return n > 1 || bytes.size() < 4 ? 1 : 0;
}

// Whether this datagram, the next of the bytes, overtook the one with the sequence number `expected`, which follows soon.
bool NetFlow5::overtook(const Header& header, std::uint32_t expected) {
  auto following = in_.peek(header.size() + max_overtaken * max_size).subspan(header.size());
  for (std::size_t i = 0; i < max_overtaken && following.size() >= header_size; ++i) {
    const Header other = Header::read(following.data());
    if (!other.valid() || following.size() < other.size()) return false;
    if (other.engine == header.engine && other.sequence == expected && other.count > 0) return true;
    following = following.subspan(other.size());
  }
  return false;
}

// Finds the sequence that the datagram continues: by its number and boot time, or by its number alone if the clock was corrected.
NetFlow5::Match NetFlow5::match(const Header& header) {
  constexpr std::int64_t max_late = 1'000'000;  // flows
  constexpr std::int64_t max_rate = 1'000'000;  // flows per second of any v5 exporter; a larger step is not a loss
  const auto known = sequences_.find(header.engine);
  if (known == sequences_.end()) return {};
  const std::uint32_t boot = boot_ms(header.seconds, header.nanoseconds, header.uptime_ms);
  Match best;
  for (auto& s : known->second) {
    const std::int64_t ahead = static_cast<std::int32_t>(header.sequence - s.expected);
    const std::int64_t elapsed = std::int64_t{header.seconds} - s.seconds;
    const bool same_boot = is_same_boot(boot, s.boot_ms);
    if (ahead == 0 && same_boot) return {&s, 0, true};
    // A datagram that was overtaken is not newer than the one that overtook it; a newer one belongs to a sequence that restarted.
    const bool late = -max_late <= ahead && ahead < 0 && elapsed <= 1;
    const bool loss = 0 < ahead && ahead <= (std::max<std::int64_t>(elapsed, 0) + 1) * max_rate;
    if (!(ahead == 0 || (same_boot && (late || loss)))) continue;
    if (best.sequence != nullptr && (same_boot != best.same_boot ? best.same_boot : std::llabs(ahead) >= std::llabs(best.ahead)))
      continue;
    best = {&s, ahead, same_boot};
  }
  return best;
}

// Returns the number of flows lost between the last datagram of the same exporter and this one, the next of the bytes.
std::uint64_t NetFlow5::flows_lost(const Header& header, bool& in_damage) {
  const Sequence now{header.next_sequence(), boot_ms(header.seconds, header.nanoseconds, header.uptime_ms), header.seconds,
                     damage_, ++datagrams_};
  const auto [sequence, ahead, same_boot] = match(header);
  if (sequence == nullptr) {  // the first datagram, a restart or another exporter: losses before it are unknown
    add_sequence(header.engine, now);
    return 0;
  }
  in_damage = sequence->damage != damage_;
  if (ahead > 0 && !in_damage && overtook(header, sequence->expected)) {  // or is of another exporter
    add_sequence(header.engine, now);
    return 0;
  }
  if (ahead < 0) {  // overtaken, or repeated: keep the later sequence number
    sequence->damage = damage_;
    return 0;
  }
  *sequence = now;
  return static_cast<std::uint64_t>(ahead);
}

// Limits the number of sequences, so that damaged headers cannot fill the memory.
void NetFlow5::add_sequence(std::uint16_t engine, const Sequence& sequence) {
  constexpr std::size_t max_of_engine = 64, max_total = 64 * 1024;
  if (sequence_count_ == max_total) {
    sequences_.clear();
    sequence_count_ = 0;
  }
  auto& known = sequences_[engine];
  if (known.size() < max_of_engine) {
    known.push_back(sequence);
    ++sequence_count_;
  } else {
    *std::min_element(known.begin(), known.end(), [](const auto& a, const auto& b) { return a.used < b.used; }) = sequence;
  }
}

// Returns a number for the exporter with this boot time. The line cards of a router, with engine numbers of their own, start with
// it. An exporter that is restarted, or whose clock is corrected, gets a new number.
std::uint32_t NetFlow5::exporter_of(std::uint32_t boot_ms) {
  constexpr std::size_t max_exporters = 256;  // further ones get the last number
  if (exporter_ >= boots_.size() || !is_same_boot(boot_ms, boots_[exporter_])) {
    exporter_ = 0;
    while (exporter_ < boots_.size() && !is_same_boot(boot_ms, boots_[exporter_])) ++exporter_;
    if (exporter_ == boots_.size() && exporter_ < max_exporters) boots_.push_back(boot_ms);
    exporter_ = std::min(exporter_, max_exporters - 1);
  }
  boots_[exporter_] = boot_ms;  // clocks drift
  return static_cast<std::uint32_t>(exporter_);
}

void NetFlow5::append(FlowBuilder& out, const Header& header, const std::byte* records) {
  const std::uint32_t n = header.count;
  const std::int64_t now_ms = std::int64_t{header.seconds} * 1000 + header.nanoseconds / 1'000'000;
  // The age of a flow is an unsigned 32-bit difference, correct across a wrap of SysUptime (every 49.7 days). As in nfdump, a
  // time may lie up to 100 s after the datagram (Cisco bug CSCei12353).
  constexpr std::uint32_t max_ahead_ms = 100'000;
  const auto time_at = [&](std::size_t offset) {
    return [=, uptime = header.uptime_ms](const std::byte* r) {
      return (now_ms + max_ahead_ms - std::int64_t{uptime - u32(r + offset) + max_ahead_ms}) * 1000;
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
  column<sampling_source>(out, records, n, [=](const std::byte*) {
    return static_cast<std::uint8_t>(interval == 0 ? MOLE_SAMPLING_UNKNOWN : MOLE_SAMPLING_RECORD);
  });
  column<observation_domain>(out, records, n, [=](const std::byte*) { return std::uint32_t{header.engine}; });
  // The destination port of an ICMP flow is type * 256 + code.
  const auto icmp_at = [](std::size_t offset) {
    return [=](const std::byte* r) { return u8(r + 38) == 1 ? u8(r + offset) : std::uint8_t{0}; };
  };
  column<icmp_type>(out, records, n, icmp_at(34));
  column<icmp_code>(out, records, n, icmp_at(35));
  out.set_rows(out.rows() + n);
}

}  // namespace mole::plugins
