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
  const bool after_cut = last_.cut;
  const bool all_counted = last_.all_counted && message.all_counted && !last_.cut && !message.cut;
  last_.cut = message.cut;
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
    if (ahead != 0 && all_counted && c.votes + (&c == &conventions_.front() ? 1 : 0) >= most && gap(c, last_, message) == 0) {
      used = &c;
      ahead = 0;
    }
  if (all_counted)
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

std::uint32_t interval_of_probability(const Value& value) {
  double probability = 0;
  if (value.size == 8) probability = std::bit_cast<double>(u64(value.data));
  if (value.size == 4) probability = double{std::bit_cast<float>(u32(value.data))};
  if (!(probability > 0 && probability <= 1)) return 0;
  return clamp_interval(static_cast<std::uint64_t>(std::llround(std::min(1 / probability, 4294967295.0))));
}

std::uint32_t interval_of_selector(const Sampling& announced, std::uint16_t number, std::uint64_t selector) {
  constexpr std::uint16_t selection_sequence = 301;
  const auto of = [&](std::uint64_t id) {
    const auto known = announced.of_selector.find(id);
    return known == announced.of_selector.end() ? 0 : known->second;
  };
  if (number != selection_sequence) return of(selector);
  const auto known = announced.sequence.find(selector);
  if (known == announced.sequence.end()) return 0;
  std::uint64_t interval = 1;
  for (const std::uint64_t id : known->second) interval = clamp_interval(interval * of(id));
  return std::ranges::all_of(known->second, of) ? static_cast<std::uint32_t>(interval) : 0;
}

namespace {

// What an options record says about sampling.
struct SamplingOptions {
  std::optional<std::uint64_t> interval, taken, space, size, population;
  std::uint32_t of_probability = 0;
  bool samples = true;  // false: its selector matches properties of packets, or hashes of them
  std::optional<std::uint64_t> interface, sequence, domain;
  std::vector<std::uint64_t> selectors;

  void read(const Field& field, const Value& value, bool is_scope);
  std::uint32_t rate() const;
};

void SamplingOptions::read(const Field& field, const Value& value, bool is_scope) {
  const std::uint64_t n = read_unsigned(value.data, value.size);
  if (field.enterprise == scope_enterprise && field.id == 2) interface = n;
  if (field.enterprise != 0) return;
  switch (field.id) {
    case 34:
    case 50:
      if (n != 0) interval = n;
      break;
    case 304:
      samples = n < 5;
      break;
    case 305:
      if (n != 0) taken = n;
      break;
    case 306:
      space = n;
      break;
    case 309:
      if (n != 0) size = n;
      break;
    case 310:
      population = n;
      break;
    case 311:
      of_probability = interval_of_probability(value);
      break;
    case 48:
    case 302:
      selectors.push_back(n);
      break;
    case 301:
      sequence = n;
      break;
    case 149:
      if (is_scope && n != 0) domain = n;
      break;
    case 10:
    case 14:
      if (is_scope) interface = n;
      break;
    default:
      break;
  }
}

// 0: not stated. samplingPacketInterval without samplingPacketSpace does not say how many packets are left out (RFC 5477, 8.2.2).
std::uint32_t SamplingOptions::rate() const {
  if (!samples) return 0;
  if (interval) return clamp_interval(*interval);
  if (taken && space) return interval_of_share(*taken, *taken + std::min(*space, ~*taken));
  if (size && population && *population >= *size) return interval_of_share(*size, *population);
  return of_probability;
}

// Returns where to keep what options of a domain say: about itself, or about another domain. nullptr: too much is known.
Sampling* announced_in(Domain& domain, std::uint32_t id, const SamplingOptions& options, std::size_t& samplings) {
  if (!options.domain || *options.domain == id) return &domain.sampling;
  const auto other = static_cast<std::uint32_t>(*options.domain);
  const auto known = domain.of_domains.find(other);
  if (known != domain.of_domains.end()) return &known->second;
  if (samplings >= max_samplings) return nullptr;
  ++samplings;
  return &domain.of_domains[other];
}

}  // namespace

void read_options(const Template& layout, const Value* values, Domain& domain, std::uint32_t id, std::size_t& samplings) {
  SamplingOptions options;
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    if (values[i].size == 0) continue;
    const Field& field = layout.fields[i];
    if (field.enterprise == 0 && field.id == 160) domain.started_ms = to_us(number(values[i]), 1000) / 1000;
    options.read(field, values[i], i < layout.scope_fields);
  }
  const auto set = [&](auto& map, std::uint64_t key, auto value) {
    const auto known = map.find(key);
    if (known == map.end() && samplings >= max_samplings) return;
    if (known == map.end()) ++samplings;
    map[key] = std::move(value);
  };
  const std::uint32_t rate = options.rate();
  const bool is_sequence = rate == 0 && options.sequence && !options.selectors.empty();
  Sampling* to = rate == 0 && !is_sequence ? nullptr : announced_in(domain, id, options, samplings);
  if (to == nullptr) return;
  Sampling& announced = *to;
  if (rate == 0) {
    if (options.selectors.size() <= max_selectors) set(announced.sequence, *options.sequence, std::move(options.selectors));
    return;
  }
  if (!options.selectors.empty())
    set(announced.of_selector, options.selectors.front(), rate);
  else if (options.interface)
    set(announced.of_interface, *options.interface, rate);
  else
    announced.interval = rate;
}

}  // namespace mole::plugins::flow_export
