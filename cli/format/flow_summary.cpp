#include "cli/format/flow_summary.hpp"

#include "cli/format/flow_descriptions.hpp"
#include "cli/format/human.hpp"
#include "sdk/model/field_json.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace mole::cli {
namespace {

constexpr std::size_t shown_losses = 5;

template <class T>
void merge(std::vector<T>& into, const std::vector<T>& more) {
  into.insert(into.end(), more.begin(), more.end());
  std::ranges::sort(into);
  into.erase(std::unique(into.begin(), into.end()), into.end());
  if (into.size() > max_listed) into.resize(max_listed);
}

// "0, 3, 17 and more"
template <class T>
std::string listed(const std::vector<T>& values) {
  const auto shown = std::min(values.size(), shown_values);
  return fmt::format(
      "{}{}", fmt::join(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
      values.size() > shown ? values.size() >= max_listed ? ", ..." : fmt::format(", ... ({})", values.size()) : std::string());
}

// "2007-09-22T19:00:00Z to 2007-09-22T20:00:00Z (1h00m)"
std::string span_text(Micros from, Micros to) {
  return fmt::format("{} to {} ({})", format_time(from), format_time(to),
                     human_seconds(static_cast<double>(to - from) / second_us));
}

std::string counted(const std::map<std::string, std::uint64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", human_count(count), name);
  return text;
}

// "1 in 100 by options (exporter 192.0.2.1, domain 1; 120 flows)": one line per exporter and rate; empty: no rate is stated
// anywhere.
std::string sampling_text(const FlowSummary& s) {
  const auto known = [](const SampledFlows& r) { return r.source != SamplingSource::none || r.flows_scaled > 0; };
  if (std::ranges::none_of(s.sampling_rates, known)) return "";
  std::string out;
  std::size_t shown = 0;
  for (const auto& rate : s.sampling_rates) {
    if (shown == shown_values) {
      out += summary_line("", fmt::format("... ({})", s.sampling_rates.size()));
      break;
    }
    auto text = rate.source != SamplingSource::none ? fmt::format("1 in {} by {}", rate.sampling, name_of(rate.source))
                                                    : std::string("rate not known");
    text += fmt::format(" (exporter {}, domain {}; {})", rate.exporter_address.empty() ? "not known" : rate.exporter_address,
                        rate.observation_domain, human_number(rate.flows, "flow", "flows"));
    if (rate.flows_scaled > 0)
      text += fmt::format("; {} scaled by the collector", human_number(rate.flows_scaled, "flow", "flows"));
    out += summary_line(shown++ == 0 ? "sampling" : "", text);
  }
  return out;
}

void merge(std::vector<SampledFlows>& into, const std::vector<SampledFlows>& more) {
  for (const auto& rate : more) {
    const auto same = std::ranges::find_if(into, [&](const SampledFlows& r) {
      return r.exporter_address == rate.exporter_address && r.observation_domain == rate.observation_domain &&
             r.sampling == rate.sampling && r.source == rate.source;
    });
    if (same != into.end()) {
      same->flows += rate.flows;
      same->flows_scaled += rate.flows_scaled;
    } else if (into.size() < max_listed) {
      into.push_back(rate);
    }
  }
}

// What the flows of a file, or of several, are.
std::string contents_text(const FlowSummary& s) {
  std::string out;
  if (s.exporters > 0 || !s.exporter_addresses.empty()) {
    auto text = s.exporter_addresses.empty() ? human_count(s.exporters) : listed(s.exporter_addresses);
    out += summary_line("exporters", text);
  }
  if (s.observation_domains != std::vector<std::uint64_t>{0} && !s.observation_domains.empty())
    out += summary_line("domains", listed(s.observation_domains));
  auto flows = human_count(s.flows);
  if (s.flows != s.flows_read) flows += fmt::format(" of {} pass the filter", human_count(s.flows_read));
  if (s.flows_ipv6 > 0)
    flows += fmt::format(" (IPv4 {}, IPv6 {})", human_count(s.flows - s.flows_ipv6), human_count(s.flows_ipv6));
  out += summary_line("flows", flows);
  if (s.flows > 0) {
    out += summary_line("", span_text(s.first, s.last));
    auto traffic = fmt::format("{} ({}), {}", human_number(s.bytes, "byte", "bytes"), human_bytes(static_cast<double>(s.bytes)),
                               human_number(s.packets, "packet", "packets"));
    out += summary_line("traffic", traffic);
    if (s.biflows > 0)
      out += summary_line(
          "reverse",
          fmt::format("{} ({}), {} in the opposite direction of {}", human_number(s.reverse_bytes, "byte", "bytes"),
                      human_bytes(static_cast<double>(s.reverse_bytes)), human_number(s.reverse_packets, "packet", "packets"),
                      human_number(s.biflows, "biflow", "biflows")));
    out += sampling_text(s);
  }
  if (s.datagrams > 0)
    out += summary_line("exported", fmt::format("{}, {}", span_text(s.exported_first, s.exported_last),
                                                human_number(s.datagrams, "datagram", "datagrams")));
  if (s.flows_lost > 0)
    out += summary_line("lost", fmt::format("{}, by sequence numbers", human_number(s.flows_lost, "flow", "flows")));
  if (s.flows_lost_in_damage > 0)
    out += summary_line(s.flows_lost > 0 ? "" : "lost",
                        fmt::format("{} in damage, by sequence numbers", human_number(s.flows_lost_in_damage, "flow", "flows")));
  if (s.flows_repeated > 0)
    out += summary_line("repeated", fmt::format("{}, in datagrams with the same bytes as an earlier one",
                                                human_number(s.flows_repeated, "flow", "flows")));
  return out;
}

std::string losses_text(const char* what, const std::vector<task::ByteRange>& ranges) {
  std::string out;
  for (std::size_t i = 0; i < std::min(ranges.size(), shown_losses); ++i)
    out += summary_line(i == 0 ? "damage" : "",
                        fmt::format("{} bytes {}-{}: {}", what, ranges[i].from, ranges[i].to, printable(ranges[i].reason)));
  if (ranges.size() > shown_losses)
    out += summary_line("", human_number(ranges.size() - shown_losses, "more range", "more ranges"));
  return out;
}

}  // namespace

void FlowTotals::add(const FlowSummary& file) {
  ++files;
  if (!file.error.empty()) {
    ++unreadable;
    return;
  }
  if (!file.decoder.empty()) ++formats[file.decoder];
  ++states[name_of(file.state)];
  sums.size += file.size;
  sums.content_bytes += file.content_bytes;
  sums.exporters = std::max(sums.exporters, file.exporters);
  merge(sums.exporter_addresses, file.exporter_addresses);
  merge(sums.observation_domains, file.observation_domains);
  merge(sums.sampling, file.sampling);
  merge(sums.sampling_rates, file.sampling_rates);
  const auto widen = [](Micros& first, Micros& last, bool any, Micros from, Micros to) {
    first = any ? std::min(first, from) : from;
    last = any ? std::max(last, to) : to;
  };
  if (file.flows > 0) widen(sums.first, sums.last, sums.flows > 0, file.first, file.last);
  if (file.datagrams > 0)
    widen(sums.exported_first, sums.exported_last, sums.datagrams > 0, file.exported_first, file.exported_last);
  described.add(file);
  sums.datagrams += file.datagrams;
  sums.flows_read += file.flows_read;
  sums.flows_lost += file.flows_lost;
  sums.flows_lost_in_damage += file.flows_lost_in_damage;
  sums.flows_repeated += file.flows_repeated;
  sums.flows += file.flows;
  sums.flows_ipv6 += file.flows_ipv6;
  sums.bytes += file.bytes;
  sums.packets += file.packets;
  sums.biflows += file.biflows;
  sums.reverse_bytes += file.reverse_bytes;
  sums.reverse_packets += file.reverse_packets;
}

std::string summary_text(const FlowSummary& file, ShownElements shown, const Style& style) {
  auto out = style.paint(Paint::bold, printable(file.file)) + "\n";
  if (!file.error.empty()) return out + summary_line("error", style.paint(Paint::red, printable(file.error)));
  auto size = human_bytes(static_cast<double>(file.size));
  if (file.compression != "none")
    size += fmt::format(" in {}, {} decompressed", file.compression, human_bytes(static_cast<double>(file.content_bytes)));
  out += summary_line("format", fmt::format("{}, {}", file.decoder.empty() ? "not recognised" : file.decoder, size));
  const bool sound = file.state == task::FileState::sound;
  out += summary_line("state", style.paint(sound ? Paint::plain : Paint::red, name_of(file.state)));
  return out + contents_text(file) + descriptions_text(file, shown) + losses_text("stored", file.lost_compressed) +
         losses_text("content", file.lost_content);
}

std::string totals_text(const FlowTotals& totals, const Style& style) {
  auto out = style.paint(Paint::bold, human_number(totals.files, "file", "files")) + "\n";
  if (!totals.formats.empty())
    out += summary_line("format",
                        fmt::format("{}; {}", counted(totals.formats), human_bytes(static_cast<double>(totals.sums.size))));
  auto states = totals.states;
  if (totals.unreadable > 0) states["not read"] = totals.unreadable;
  auto sums = totals.sums;
  sums.exporters = 0;  // of one file; those of several files are known only by their addresses
  totals.described.list_in(sums);
  return out + summary_line("state", counted(states)) + contents_text(sums) +
         descriptions_text(sums, ShownElements::all, totals.described.cut());
}

nlohmann::json totals_json(const FlowTotals& totals) {
  auto sums = totals.sums;
  totals.described.list_in(sums);
  nlohmann::json out = sums;
  for (const char* of_one_file : {"file", "decoder", "compression", "state", "lost_compressed", "lost_content"})
    out.erase(of_one_file);
  out["files"] = totals.files;
  out["not_read"] = totals.unreadable;
  out["formats"] = totals.formats;
  out["states"] = totals.states;
  return out;
}

}  // namespace mole::cli
