#include "nodes/worker/flow_summary.hpp"

#include "nodes/worker/flow_output.hpp"
#include "sdk/model/element_types.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

namespace mole::nodes {
namespace {

// Adds values to a set of limited size. Most values equal the previous one.
template <class Set, class T>
void add_distinct(Set& set, std::span<const T> values) {
  const T* previous = nullptr;
  for (const T& value : values) {
    if (previous == nullptr || !(value == *previous))
      if (set.size() < max_listed) set.insert(typename Set::value_type(value));
    previous = &value;
  }
}

template <class T>
std::uint64_t sum(std::span<const T> values) {
  return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

// Elements of templates, by whether a list has them.
void add_elements(FlowSummary& out, const runtime::Descriptions& descriptions) {
  for (const auto& [key, lengths] : descriptions.elements()) {
    const auto known = key.id <= UINT16_MAX ? find_element(key.enterprise, static_cast<std::uint16_t>(key.id)) : std::nullopt;
    if (known) {
      ++out.elements_known_seen;
      out.elements_known.push_back(known->name);
    } else {
      ++out.elements_unknown_seen;
      const auto type = element_type_of_number(descriptions.type_of(key));
      if (out.elements_unknown.size() < max_listed)
        out.elements_unknown.push_back({std::to_string(key.enterprise) + "/" + std::to_string(key.id),
                                        {lengths.begin(), lengths.end()},
                                        std::string(descriptions.name_of(key)),
                                        std::string(type ? mole::name_of(*type) : "")});
    }
  }
}

std::vector<SeenName> listed_names(const runtime::Descriptions& descriptions, const runtime::Descriptions::Names& names) {
  std::vector<SeenName> out;
  for (const auto& [key, name] : names) {
    if (out.size() == max_listed) break;
    out.push_back({key.exporter, std::string(descriptions.address_of(key.exporter)), key.domain, key.id, name});
  }
  return out;
}

void add_descriptions(FlowSummary& out, const runtime::Descriptions& descriptions) {
  out.templates_seen = descriptions.templates().size();
  for (const auto& t : descriptions.templates()) {
    if (out.templates.size() == max_listed) break;
    out.templates.push_back({t.exporter, std::string(descriptions.address_of(t.exporter)), t.domain, t.id,
                             t.options ? TemplateKind::options : TemplateKind::data, t.fields});
  }
  add_elements(out, descriptions);
  out.interfaces_seen = descriptions.interfaces().size();
  out.interfaces = listed_names(descriptions, descriptions.interfaces());
  out.applications_seen = descriptions.applications().size();
  out.applications = listed_names(descriptions, descriptions.applications());
}

}  // namespace

runtime::ColumnSet FlowSummarizer::columns() {
  runtime::ColumnSet columns;
  for (const int column : {MOLE_COLUMN_START, MOLE_COLUMN_END, MOLE_COLUMN_PACKETS, MOLE_COLUMN_BYTES, MOLE_COLUMN_SAMPLING,
                           MOLE_COLUMN_OBSERVATION_DOMAIN, MOLE_COLUMN_EXPORTER_ADDR, MOLE_COLUMN_SAMPLING_SOURCE,
                           MOLE_COLUMN_SCALED, MOLE_COLUMN_REVERSE_PACKETS, MOLE_COLUMN_REVERSE_BYTES})
    columns.set(static_cast<std::size_t>(column));
  return columns;
}

void FlowSummarizer::add(const runtime::FlowBatch& batch) {
  if (batch.rows == 0) return;
  const auto first = std::ranges::min(batch.column<std::int64_t>(MOLE_COLUMN_START));
  const auto last = std::ranges::max(batch.column<std::int64_t>(MOLE_COLUMN_END));
  sums_.first = sums_.flows == 0 ? first : std::min(sums_.first, first);
  sums_.last = sums_.flows == 0 ? last : std::max(sums_.last, last);
  sums_.flows += batch.rows;
  if (batch.address_family == 6) sums_.flows_ipv6 += batch.rows;
  sums_.bytes += sum(batch.column<std::uint64_t>(MOLE_COLUMN_BYTES));
  sums_.packets += sum(batch.column<std::uint64_t>(MOLE_COLUMN_PACKETS));
  const auto reverse_bytes = batch.column<std::uint64_t>(MOLE_COLUMN_REVERSE_BYTES),
             reverse_packets = batch.column<std::uint64_t>(MOLE_COLUMN_REVERSE_PACKETS);
  sums_.reverse_bytes += sum(reverse_bytes);
  sums_.reverse_packets += sum(reverse_packets);
  for (std::uint32_t i = 0; i < batch.rows; ++i) sums_.biflows += (reverse_bytes[i] | reverse_packets[i]) != 0;
  add_distinct(sampling_, batch.column<std::uint32_t>(MOLE_COLUMN_SAMPLING));
  add_distinct(domains_, batch.column<std::uint32_t>(MOLE_COLUMN_OBSERVATION_DOMAIN));
  add_distinct(exporters_, batch.column<Addr>(MOLE_COLUMN_EXPORTER_ADDR));
  add_rates(batch);
}

// Counts flows by exporter, rate and source. Most flows are like the previous one.
void FlowSummarizer::add_rates(const runtime::FlowBatch& batch) {
  const auto exporters = batch.column<Addr>(MOLE_COLUMN_EXPORTER_ADDR);
  const auto domains = batch.column<std::uint32_t>(MOLE_COLUMN_OBSERVATION_DOMAIN);
  const auto sampling = batch.column<std::uint32_t>(MOLE_COLUMN_SAMPLING);
  const auto sources = batch.column<std::uint8_t>(MOLE_COLUMN_SAMPLING_SOURCE),
             scaled = batch.column<std::uint8_t>(MOLE_COLUMN_SCALED);
  auto last = rates_.end();
  for (std::uint32_t i = 0; i < batch.rows; ++i) {
    const auto source = from_number<SamplingSource>(sources[i]).value_or(SamplingSource::none);
    const RateKey key{exporters[i], domains[i], sampling[i],
                      source == SamplingSource::none && sampling[i] > 1 ? SamplingSource::record : source};
    if (last == rates_.end() || last->first != key) last = rates_.find(key);
    if (last == rates_.end()) {
      if (rates_.size() >= max_listed) continue;
      last = rates_.emplace(key, FlowCount{}).first;
    }
    ++last->second.flows;
    last->second.scaled += scaled[i] != 0;
  }
}

FlowSummary FlowSummarizer::summary(const task::FileReport& report, const runtime::Descriptions& descriptions) && {
  auto out = std::move(sums_);
  out.state = report.state;
  out.size = report.size;
  out.content_bytes = report.content_bytes;
  out.datagrams = report.datagrams;
  out.exporters = report.exporters;
  out.exported_first = report.exported_first;
  out.exported_last = report.exported_last;
  out.flows_read = report.flows;
  out.flows_lost = report.flows_lost;
  out.flows_lost_in_damage = report.flows_lost_in_damage;
  out.flows_repeated = report.flows_repeated;
  out.decoder = report.decoder;
  out.lost_compressed = report.lost_compressed;
  out.lost_content = report.lost_content;
  out.observation_domains.assign(domains_.begin(), domains_.end());
  out.sampling.assign(sampling_.begin(), sampling_.end());
  for (const auto& [key, count] : rates_) {
    const auto& [exporter, domain, rate, source] = key;
    out.sampling_rates.push_back(
        {exporter == Addr{} ? "" : address_text(exporter), domain, rate, source, count.flows, count.scaled});
  }
  exporters_.erase(Addr{});  // not in the record
  for (const auto& address : exporters_) out.exporter_addresses.push_back(address_text(address));
  add_descriptions(out, descriptions);
  return out;
}

}  // namespace mole::nodes
