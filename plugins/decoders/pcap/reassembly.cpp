#include "plugins/decoders/pcap/reassembly.hpp"

#include <algorithm>
#include <iterator>

namespace mole::plugins::capture {

std::optional<IpPacket> Reassembly::add(const IpPacket& fragment, std::uint64_t offset, std::uint64_t seconds) {
  while (!parts_.empty() && seconds > parts_.front().seconds && seconds - parts_.front().seconds > max_fragment_age_s)
    give_up(parts_.begin(), "fragments of a datagram are missing");
  const Key key{fragment.source, fragment.destination, fragment.source.is_v4() ? fragment.protocol : std::uint8_t{0},
                fragment.identification};
  auto known = by_key_.find(key);
  if (known == by_key_.end()) {
    const auto before = completed_.find(key);
    const bool repeated = before != completed_.end() && seconds <= before->second + max_fragment_age_s;
    parts_.push_back({key, {}, 0, 0, offset, fragment.payload.size(), seconds, fragment.protocol, repeated});
    known = by_key_.emplace(key, std::prev(parts_.end())).first;
  }
  Parts& parts = *known->second;
  const Fit fit = insert(parts, fragment);
  if (fit == Fit::conflicting) {
    give_up(known->second, "fragments of a datagram contradict each other");
    return std::nullopt;
  }
  if (fit == Fit::added) bytes_ += fragment.payload.size();
  if (parts.end > 0 && parts.bytes == parts.end) {
    whole_.clear();
    for (const auto& [at, bytes] : parts.fragments) whole_.insert(whole_.end(), bytes.begin(), bytes.end());
    IpPacket packet = fragment;
    packet.fragment = packet.more_fragments = false;
    packet.at = 0;
    packet.protocol = parts.protocol;
    packet.payload = whole_;
    packet.size = whole_.size();
    remove(known->second);
    if (completed_.size() >= max_fragmented) completed_.clear();
    completed_[key] = seconds;
    return packet;
  }
  while (parts_.size() > max_fragmented || bytes_ > max_fragment_bytes)
    give_up(parts_.begin(), "too many incomplete datagrams at a time");
  return std::nullopt;
}

void Reassembly::finish() {
  while (!parts_.empty()) give_up(parts_.begin(), "fragments of a datagram are missing");
}

Reassembly::Fit Reassembly::insert(Parts& parts, const IpPacket& fragment) {
  const Bytes payload = fragment.payload;
  const std::size_t end = fragment.at + payload.size();
  // All but the last fragment consist of units of 8 bytes.
  if (payload.empty() || end > max_ip_payload || (fragment.more_fragments && payload.size() % 8 != 0)) return Fit::conflicting;
  if (parts.end > 0 && (end > parts.end || (!fragment.more_fragments && end != parts.end))) return Fit::conflicting;
  const auto next = parts.fragments.lower_bound(fragment.at);
  if (next != parts.fragments.end()) {
    if (next->first == fragment.at && std::equal(payload.begin(), payload.end(), next->second.begin(), next->second.end()))
      return Fit::repeated;
    if (next->first < end || !fragment.more_fragments) return Fit::conflicting;
  }
  if (next != parts.fragments.begin() && std::prev(next)->first + std::prev(next)->second.size() > fragment.at)
    return Fit::conflicting;
  if (parts.fragments.size() == max_fragments) return Fit::conflicting;
  parts.fragments.emplace(fragment.at, std::vector<std::byte>(payload.begin(), payload.end()));
  parts.bytes += payload.size();
  if (!fragment.more_fragments) parts.end = end;
  if (fragment.at == 0) parts.protocol = fragment.protocol;
  return Fit::added;
}

void Reassembly::give_up(Order::iterator parts, std::string_view why) {
  const auto& fragments = parts->fragments;
  Bytes first;
  if (!fragments.empty() && fragments.begin()->first == 0) first = fragments.begin()->second;
  if (!parts->repeated)
    given_up_({parts->key.source, parts->key.destination, parts->protocol, first, parts->offset, parts->size, why});
  remove(parts);
}

void Reassembly::remove(Order::iterator parts) {
  bytes_ -= parts->bytes;
  by_key_.erase(parts->key);
  parts_.erase(parts);
}

}  // namespace mole::plugins::capture
