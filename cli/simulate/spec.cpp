#include "cli/simulate/spec.hpp"

#include "cli/simulate/event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace mole::cli {
namespace {

constexpr std::uint64_t max_flows_per_hour = 20'000'000;

bool has_router(const SimulationSpec& spec, std::uint32_t router) {
  return std::find(spec.routers.begin(), spec.routers.end(), router) != spec.routers.end();
}

Result<> check_file(const SimulationSpec& spec, const HourOfRouter& file, std::string_view option) {
  if (has_router(spec, file.router) && file.hour >= spec.range.from && file.hour < spec.range.to) return {};
  return invalid(fmt::format("{} {}@{} is not a simulated file; choose one of --routers and an hour in [{}, {})", option,
                             file.router, format_time(file.hour), format_time(spec.range.from), format_time(spec.range.to)));
}

Result<> check_event(const SimulationSpec& spec, const EventSpec& event) {
  if (event.router && !has_router(spec, *event.router))
    return invalid(fmt::format("--event {} names a router that is not simulated; choose one of --routers", event_text(event)));
  if (event.span.from < spec.range.from || event.span.to > spec.range.to)
    return invalid(fmt::format("--event {} is not inside [{}, {}); move it or simulate a longer range", event_text(event),
                               format_time(spec.range.from), format_time(spec.range.to)));
  if (event.kind != EventKind::outage && spec.flows_per_hour * event.per_million / 1'000'000 > max_flows_per_hour)
    return invalid(fmt::format("--event {} adds more than {} flows per hour; choose a smaller share", event_text(event),
                               max_flows_per_hour));
  return {};
}

}  // namespace

Result<HourOfRouter> parse_hour_of_router(std::string_view text) {
  const auto at = text.find('@');
  HourOfRouter file;
  const auto* end = text.data() + std::min(at, text.size());
  const auto [read, error] = std::from_chars(text.data(), end, file.router);
  if (at == std::string_view::npos || error != std::errc{} || read != end)
    return invalid(fmt::format("'{}' is not ROUTER@TIME; write a router and an hour, such as 19991@2007-09-22T20", text));
  MOLE_TRY(const auto time, parse_time(text.substr(at + 1)));
  file.hour = floor_to(time, hour_us);
  return file;
}

Result<DamageSpec> parse_damage(std::string_view text) {
  DamageSpec damage;
  const auto colon = text.rfind(':');
  if (const auto kind = from_name<DamageKind>(text.substr(colon + 1)); kind && colon != std::string_view::npos) {
    damage.kind = *kind;
    text = text.substr(0, colon);
  }
  const auto file = parse_hour_of_router(text);
  if (!file) return invalid(file.error().message + "; append :truncate, :flip or :cut for the kind of damage");
  damage.file = *file;
  return damage;
}

Result<SimulatedSampling> parse_sampling(std::string_view text) {
  SimulatedSampling sampling;
  const auto colon = text.find(':');
  const auto* end = text.data() + std::min(colon, text.size());
  const auto [read, error] = std::from_chars(text.data(), end, sampling.rate);
  const auto in = colon == text.npos ? std::optional(SamplingSource::options) : from_name<SamplingSource>(text.substr(colon + 1));
  const bool stated = in == SamplingSource::options || in == SamplingSource::record;
  if (error != std::errc{} || read != end || sampling.rate == 0 || !stated)
    return invalid(fmt::format("'{}' is not RATE, RATE:options or RATE:record; write a rate from 1, such as 100", text));
  sampling.in = *in;
  return sampling;
}

Result<> check_spec(const SimulationSpec& spec) {
  const auto& [from, to] = spec.range;
  if (from < 0 || to > (std::int64_t{1} << 32) * second_us)
    return invalid("the range is outside 1970 to 2106, the times NetFlow v5 can express; choose a range inside it");
  if (to - from > 3660 * day_us) return invalid("the range is longer than ten years; simulate it in parts");
  if (std::set(spec.routers.begin(), spec.routers.end()).size() != spec.routers.size())
    return invalid("--routers contains a router twice; list each once");
  if (spec.routers.size() > 256) return invalid("more than 256 routers; simulate them in several runs");
  if (spec.flows_per_hour < 1 || spec.flows_per_hour > max_flows_per_hour)
    return invalid(fmt::format("--flows-per-hour must be between 1 and {}", max_flows_per_hour));
  if (spec.ipv6_per_million > 0 && spec.format == SimulatedFormat::v5)
    return invalid("NetFlow v5 has no IPv6 addresses; choose --format v9, ipfix, nfcapd or pcap, or leave out --ipv6");
  if (spec.sampling > 0x3fff && spec.format == SimulatedFormat::v5)
    return invalid("the header of NetFlow v5 has 14 bits for the sampling rate; give a --sampling rate of at most 16383");
  if (spec.sampling > 0 && spec.format == SimulatedFormat::nfcapd)
    return invalid(
        "simulated nfcapd files do not state sampling rates; choose --format v5, v9, ipfix or pcap, or leave out --sampling");
  if (spec.events.size() > 1000) return invalid("more than 1000 events; simulate them in several runs");
  for (const auto& gap : spec.gaps)
    if (auto valid = check_file(spec, gap, "--gap"); !valid) return valid;
  for (const auto& damage : spec.damages) {
    if (auto valid = check_file(spec, damage.file, "--damage"); !valid) return valid;
    if (std::find(spec.gaps.begin(), spec.gaps.end(), damage.file) != spec.gaps.end())
      return invalid("a file is in both --gap and --damage; a missing file cannot be damaged, so remove one of them");
  }
  for (const auto& event : spec.events)
    if (auto valid = check_event(spec, event); !valid) return valid;
  return {};
}

}  // namespace mole::cli
