#include "cli/simulate/truth.hpp"

#include "cli/simulate/archive.hpp"
#include "cli/simulate/event.hpp"
#include "cli/simulate/routes.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

using nlohmann::json;

json totals_json(const Totals& t) { return {{"flows", t.flows}, {"packets", t.packets}, {"bytes", t.bytes}}; }

std::string hour_name(const HourOfRouter& f) { return fmt::format("{}@{}", f.router, format_time(f.hour)); }

json file_json(const SimulationSpec& spec, const FileTruth& f) {
  const auto& truth = f.exported.truth;
  return {{"file", hour_file_name(spec, f.file)},
          {"router", f.file.router},
          {"sequence", spec.first_sequence + static_cast<std::uint64_t>((f.file.hour - spec.range.from) / hour_us)},
          {"from", format_time(f.file.hour)},
          {"to", format_time(f.file.hour + hour_us)},
          {"missing", f.missing},
          {"flows", truth.received.flows},
          {"packets", truth.received.packets},
          {"bytes", truth.received.bytes},
          {"datagrams", f.exported.datagrams},
          {"datagrams_lost", f.exported.datagrams_lost},
          {"flows_lost", truth.measured.flows - truth.received.flows},
          {"content_bytes", f.content_bytes},
          {"compressed_bytes", f.compressed_bytes},
          {"damage", f.damage}};
}

json address_json(std::uint32_t address) { return address == 0 ? json(nullptr) : json(dotted(address)); }

json event_json(const SimulationSpec& spec, std::size_t index, const std::vector<FileTruth>& files) {
  const auto& event = spec.events[index];
  const auto parties = parties_of(spec, index);
  std::map<std::string, std::uint64_t> flows;
  for (const auto& file : files)
    if (!event.router || *event.router == file.file.router)
      flows[std::to_string(file.file.router)] += file.exported.by_event[index];
  return {{"kind", event_kind_name(event.kind)},
          {"from", format_time(event.span.from)},
          {"to", format_time(event.span.to)},
          {"share", static_cast<double>(event.per_million) / 1e6},
          {"flows", flows},
          {"source", address_json(parties.source)},
          {"destination", address_json(parties.destination)},
          {"port", parties.port ? json(parties.port) : json(nullptr)}};
}

std::string lines(const std::vector<json>& rows) {
  std::string text = "[";
  for (std::size_t i = 0; i < rows.size(); ++i) text += (i ? ",\n  " : "\n  ") + rows[i].dump();
  return text + "\n]";
}

}  // namespace

json spec_json(const SimulationSpec& spec) {
  json gaps = json::array(), damages = json::array(), events = json::array();
  for (const auto& event : spec.events) events.push_back(event_text(event));
  for (const auto& gap : spec.gaps) gaps.push_back(hour_name(gap));
  for (const auto& damage : spec.damages)
    damages.push_back(fmt::format("{}:{}", hour_name(damage.file), damage_kind_name(damage.kind)));
  return {{"seed", spec.seed},
          {"from", format_time(spec.range.from)},
          {"to", format_time(spec.range.to)},
          {"routers", spec.routers},
          {"flows_per_hour", spec.flows_per_hour},
          {"late_per_million", spec.late_per_million},
          {"loss_per_million", spec.loss_per_million},
          {"noise_per_million", spec.noise_per_million},
          {"growth_per_million", spec.growth_per_million},
          {"first_sequence", spec.first_sequence},
          {"gaps", gaps},
          {"damages", damages},
          {"events", events}};
}

std::string truth_text(const SimulationSpec& spec, const std::vector<FileTruth>& files) {
  std::vector<json> file_rows, interval_rows;
  std::map<std::pair<std::uint32_t, Micros>, Truth> intervals;
  for (const auto& file : files) {
    file_rows.push_back(file_json(spec, file));
    for (auto [from, truth] : file.exported.by_interval) {
      if (file.missing) truth.received = {};
      intervals[{file.file.router, from}] += truth;
    }
  }
  for (const auto& [key, truth] : intervals)
    interval_rows.push_back({{"router", key.first},
                             {"from", format_time(key.second)},
                             {"to", format_time(key.second + truth_interval)},
                             {"measured", totals_json(truth.measured)},
                             {"received", totals_json(truth.received)}});
  std::vector<json> event_rows;
  for (std::size_t i = 0; i < spec.events.size(); ++i) event_rows.push_back(event_json(spec, i, files));
  return fmt::format("{{\"schema\": 1,\n\"spec\": {},\n\"events\": {},\n\"files\": {},\n\"intervals\": {}}}\n",
                     spec_json(spec).dump(), lines(event_rows), lines(file_rows), lines(interval_rows));
}

}  // namespace mole::cli
