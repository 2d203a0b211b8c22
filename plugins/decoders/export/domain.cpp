#include "plugins/decoders/export/domain.hpp"

#include "plugins/decoders/export/operations.hpp"

#include <bit>
#include <cmath>

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

Gap Sequence::next(Protocol protocol, std::uint64_t domain, std::uint32_t number, std::int64_t exported_us, std::uint64_t damage,
                   bool restarted, Reports& reports) {
  // Per second, of any exporter; a larger step is not a loss but a restart.
  const std::int64_t max_rate = protocol == Protocol::v9 ? 10'000 : 1'000'000;
  constexpr std::int64_t max_late = 1'000'000;
  domain_ = domain;
  reports_ = &reports;
  late_ = false;
  Gap gap{domain, expected_, 0, damage != damage_, 1};
  const std::int64_t ahead = static_cast<std::int32_t>(number - expected_);
  const std::int64_t elapsed = (exported_us - exported_us_) / 1'000'000;
  const bool counts_records = protocol == Protocol::v9 && records_ > 1 && number == number_ + records_;  // as some exporters do
  const bool restarts = restarted || (number == 0 && expected_ > 10'000);
  if (known_ && ahead < 0 && ahead >= -max_late && elapsed <= 1 && !restarts) {
    late_ = true;
    late_number_ = number;
    damage_ = damage;
    return gap;
  }
  if (known_ && ahead > 0 && !restarts && !counts_records && ahead <= (std::max<std::int64_t>(elapsed, 0) + 1) * max_rate) {
    gap.count = static_cast<std::uint32_t>(ahead);
    if (protocol == Protocol::v9)
      gap.flows_per_number = datagrams_ == 0 ? 1 : static_cast<double>(flows_) / static_cast<double>(datagrams_);
  }
  known_ = true;
  number_ = number;
  exported_us_ = exported_us;
  damage_ = damage;
  return gap;
}

void Sequence::counted(Protocol protocol, std::uint32_t records, std::uint32_t flows) {
  const std::uint32_t numbers = protocol == Protocol::v9 ? 1 : records;
  flows_ += flows;
  ++datagrams_;
  if (late_) {
    if (reports_ != nullptr) reports_->arrived(domain_, late_number_, numbers);
    return;
  }
  expected_ = number_ + numbers;
  records_ = records;
}

void read_options(const Template& layout, const Value* values, Domain& domain) {
  std::optional<std::uint64_t> interval, space, size, population, selector, interface;
  std::optional<double> probability;
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    const Field& field = layout.fields[i];
    if (values[i].size == 0) continue;
    const std::uint64_t value = number(values[i]);
    if (field.enterprise == scope_enterprise && field.id == 2) interface = value;
    if (field.enterprise != 0) continue;
    switch (field.id) {
      case 160:
        domain.started_ms = static_cast<std::int64_t>(value);
        break;
      case 34:
      case 50:
      case 305:
        if (value != 0) interval = value;
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
    rate = clamp_interval((*interval + space.value_or(0) + *interval / 2) / *interval);
  else if (size && population && *size > 0)
    rate = clamp_interval((*population + *size / 2) / *size);
  else if (probability && *probability > 0 && *probability <= 1)
    rate = clamp_interval(static_cast<std::uint64_t>(std::llround(std::min(1 / *probability, 4e9))));
  if (rate == 0) return;
  domain.announced = true;
  auto& by_number = selector ? domain.sampling.of_selector : domain.sampling.of_interface;
  if (!selector && !interface)
    domain.sampling.interval = rate;
  else if (by_number.size() < max_samplings)
    by_number[selector ? *selector : *interface] = rate;
}

}  // namespace mole::plugins::flow_export
