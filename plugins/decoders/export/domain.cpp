#include "plugins/decoders/export/domain.hpp"

#include "plugins/decoders/export/operations.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace mole::plugins::flow_export {

std::size_t DomainKeyHash::operator()(const DomainKey& key) const {
  std::uint64_t hash = 0x9e3779b97f4a7c15;
  const auto mix = [&](std::uint64_t value) {
    hash = (hash ^ value) * 0xbf58476d1ce4e5b9;
    hash ^= hash >> 29;
  };
  mix(read_unsigned(reinterpret_cast<const std::byte*>(key.exporter.bytes.data()), 8));
  mix(read_unsigned(reinterpret_cast<const std::byte*>(key.exporter.bytes.data() + 8), 8));
  mix(std::uint64_t{key.port} << 40 | std::uint64_t{static_cast<std::uint8_t>(key.protocol)} << 32 | key.domain);
  mix(key.group);
  return hash;
}

std::uint32_t WaitingMessage::end_set(std::size_t set_bytes, std::uint32_t decoded) {
  --sets;
  bytes -= set_bytes;
  if (!records) return 0;
  *records -= std::min(*records, decoded);
  return sets == 0 ? *records : 0;
}

const Template* Domain::find_template(std::uint16_t id, std::uint64_t after_changes) const {
  if (const auto old = replaced.find(id); old != replaced.end()) {
    const auto at = std::lower_bound(old->second.begin(), old->second.end(), after_changes,
                                     [](const ReplacedTemplate& r, std::uint64_t change) { return r.change < change; });
    if (at != old->second.end()) return at->layout.get();
  }
  const auto found = templates.find(id);
  return found == templates.end() ? nullptr : found->second.get();
}

std::uint32_t Sequence::count(const Convention& c, const Numbered& m) {
  return c.unit == Unit::datagram ? 1 : c.unit == Unit::record ? m.records : m.flows;
}

// Numbers between two messages, modulo 2^32.
std::int64_t Sequence::gap(const Convention& c, const Numbered& before, const Numbered& message) {
  const std::uint32_t end = before.number + (c.after ? 0 : count(c, before));
  const std::uint32_t begin = message.number - (c.after ? count(c, message) : 0);
  return static_cast<std::int32_t>(begin - end);
}

const Sequence::Convention& Sequence::best() const {
  static constexpr Convention none{Unit::record, false};
  const auto found = std::max_element(conventions_.begin(), conventions_.end(),
                                      [](const Convention& a, const Convention& b) { return a.votes < b.votes; });
  return found == conventions_.end() ? none : *found;
}

Gap Sequence::next(Protocol protocol, std::uint64_t domain, const Numbered& message, std::uint64_t damage, bool restarted,
                   Reports& reports) {
  constexpr std::int64_t max_late = 1'000'000;
  if (conventions_.empty()) {
    if (protocol == Protocol::v9)
      conventions_ = {{Unit::datagram, false}, {Unit::record, false}, {Unit::record, true}};
    else if (protocol == Protocol::ipfix)
      conventions_ = {{Unit::record, false}, {Unit::flow, false}, {Unit::record, true}, {Unit::flow, true}};
    else
      conventions_ = {{Unit::record, false}};
  }
  const auto next_datagram = [&] {
    flows_ += message.flows;
    ++datagrams_;
  };
  Gap result{domain, 0, 0, damage != damage_, 1};
  damage_ = damage;
  const bool after_cut = std::exchange(last_.cut, message.cut);
  if (!known_) {
    known_ = true;
    last_ = message;
    next_datagram();
    return result;
  }
  const Convention* used = &best();
  std::int64_t ahead = gap(*used, last_, message);
  const std::uint32_t most = used->votes;
  for (const Convention& c : conventions_)  // as long as little is known, any that fits
    if (ahead != 0 && c.votes + 1 >= most && gap(c, last_, message) == 0) {
      used = &c;
      ahead = 0;
    }
  if (last_.all_counted && message.all_counted)
    for (Convention& c : conventions_) c.votes += gap(c, last_, message) == 0 ? 1 : 0;

  // Per second, of any exporter; a larger step is not a loss but a restart.
  const std::int64_t max_rate = used->unit == Unit::datagram ? 10'000 : 1'000'000;
  const std::int64_t elapsed = (message.exported_us - last_.exported_us) / 1'000'000;
  const bool restarts = restarted || (message.number == 0 && last_.number > 10'000);
  const std::uint32_t begin = message.number - (used->after ? count(*used, message) : 0);
  if (ahead < 0 && ahead >= -max_late && elapsed <= 1 && !restarts) {  // late, or repeated
    reports.arrived(domain, begin, count(*used, message));
    next_datagram();
    return result;
  }
  if (used->unit != Unit::datagram && (used->after ? message.cut : after_cut)) result.in_damage = true;
  if (ahead > 0 && !restarts && ahead <= (std::max<std::int64_t>(elapsed, 0) + 1) * max_rate) {
    result.count = static_cast<std::uint32_t>(ahead);
    result.first = begin - result.count;
    if (used->unit == Unit::datagram)
      result.flows_per_number = datagrams_ == 0 ? 1 : static_cast<double>(flows_) / static_cast<double>(datagrams_);
  }
  next_datagram();
  last_ = message;
  return result;
}

void read_options(const Template& layout, const Value* values, Domain& domain, std::size_t& samplings) {
  std::optional<std::uint64_t> interval, taken, space, size, population, selector, interface;
  std::optional<double> probability;
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    const Field& field = layout.fields[i];
    if (values[i].size == 0) continue;
    const std::uint64_t value = number(values[i]);
    if (field.enterprise == scope_enterprise && field.id == 2) interface = value;
    if (field.enterprise != 0) continue;
    switch (field.id) {
      case 160:
        domain.started_ms = to_us(value, 1000) / 1000;
        break;
      case 34:
      case 50:
        if (value != 0) interval = value;
        break;
      case 305:
        if (value != 0) taken = value;
        break;
      case 306:
        space = value;
        break;
      case 309:
        size = value;
        break;
      case 310:
        population = value;
        break;
      case 311:
        if (values[i].size == 8) probability = std::bit_cast<double>(value);
        if (values[i].size == 4) probability = double{std::bit_cast<float>(static_cast<std::uint32_t>(value))};
        break;
      case 48:
      case 302:
        selector = value;
        break;
      case 10:
        if (i < layout.scope_fields) interface = value;
        break;
      default:
        break;
    }
  }
  std::uint32_t rate = 0;
  if (interval)
    rate = clamp_interval(*interval);
  else if (taken)
    rate = clamp_interval((*taken + space.value_or(0) + *taken / 2) / *taken);
  else if (size && population && *size > 0)
    rate = clamp_interval((*population + *size / 2) / *size);
  else if (probability && *probability > 0 && *probability <= 1)
    rate = clamp_interval(static_cast<std::uint64_t>(std::llround(std::min(1 / *probability, 4e9))));
  if (rate == 0) return;
  if (!selector && !interface) {
    domain.sampling.interval = rate;
    return;
  }
  auto& by_number = selector ? domain.sampling.of_selector : domain.sampling.of_interface;
  const std::uint64_t key = selector ? *selector : *interface;
  if (const auto known = by_number.find(key); known != by_number.end())
    known->second = rate;
  else if (samplings < max_samplings) {
    by_number.emplace(key, rate);
    ++samplings;
  }
}

}  // namespace mole::plugins::flow_export
