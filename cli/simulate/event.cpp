#include "cli/simulate/event.hpp"

#include "cli/simulate/exporter.hpp"
#include "cli/simulate/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace mole::cli {
namespace {

enum Stream : std::uint64_t { parties_stream = 32, outage_stream, flow_stream };
constexpr Millis max_fetch_ms = 10'000;

Error invalid_event(std::string_view text, std::string_view cause) {
  return invalid(
      fmt::format("'{}' is not an event: {}; write KIND@TIME/LENGTH[:SHARE][@ROUTER], such as "
                  "scan@2007-09-23T10:00/2h:0.3 or outage@2007-09-24/1d:0.7@19991",
                  text, cause));
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Removes the last `separator` and everything after it from `text`, and returns the part after it.
std::optional<std::string_view> split_last(std::string_view& text, char separator) {
  const auto at = text.rfind(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const auto rest = text.substr(at + 1);
  text = text.substr(0, at);
  return rest;
}

// Returns the number of flows of the whole event at one router.
std::uint64_t flows_of(const SimulationSpec& spec, const EventSpec& event) {
  const auto minutes = static_cast<std::uint64_t>((event.span.to - event.span.from) / minute_us);
  return spec.flows_per_hour * event.per_million / 1000 * minutes / 60'000;
}

Conversation probe(const EventSpec& event, const EventParties& parties, std::uint64_t i, Random& random) {
  Conversation c{.source = parties.source, .source_port = high_port(random), .protocol = tcp, .tcp_flags = syn};
  c.packets = 1;
  c.bytes = 48;
  const bool sweep = event.kind == EventKind::scan;
  c.destination = sweep ? home_net + static_cast<std::uint32_t>(i & 0xffff) : parties.destination;
  c.destination_port = sweep ? parties.port : static_cast<std::uint16_t>(1 + i % 65'535);
  route(c);
  return c;
}

Conversation fetch(const EventParties& parties, bool reply, Random& random) {
  Conversation c;
  c.protocol = tcp;
  c.tcp_flags = fin | syn | psh | ack;
  c.source = outside_host(random);
  c.destination = parties.destination;
  c.source_port = high_port(random);
  c.destination_port = parties.port;
  c.packets = 4 + static_cast<std::uint32_t>(random.below(8));
  c.bytes = c.packets * 90;
  c.answered = true;
  route(c);
  return reply ? draw_reply(random, c) : c;
}

// Returns flow i of an event. Each flow has its own random stream, so that all hours draw the same flow. In a crowd each pair
// of consecutive flows is a request and its reply.
Flow added_flow(const SimulationSpec& spec, std::size_t index, std::uint32_t router, std::uint64_t i, std::uint64_t n) {
  const auto& event = spec.events[index];
  const bool crowd = event.kind == EventKind::crowd;
  Random random(spec.seed ^ router, flow_stream + index, crowd ? i / 2 : i);
  const auto length = static_cast<std::uint64_t>(event.span.to - event.span.from) / 1000;
  const auto slot = crowd ? i / 2 * 2 : i;
  Flow f;
  f.event = static_cast<int>(index);
  f.first = event.span.from / 1000 + static_cast<Millis>((slot * length + random.below(length)) / n);
  f.last = f.first + (crowd ? static_cast<Millis>(random.below(max_fetch_ms)) : 0);
  f.queued = f.last + static_cast<Millis>(random.below(inactive_ms));
  const auto parties = parties_of(spec, index);
  f.conversation = crowd ? fetch(parties, i % 2 == 1, random) : probe(event, parties, i, random);
  return f;
}

}  // namespace

Result<EventSpec> parse_event(std::string_view text) {
  EventSpec event;
  const auto at = text.find('@');
  const auto kind = from_name<EventKind>(text.substr(0, at));
  if (at == std::string_view::npos || !kind) return invalid_event(text, "the kind must be scan, portscan, crowd or outage");
  event.kind = *kind;
  auto start = text.substr(at + 1);
  auto length = split_last(start, '/');
  if (!length) return invalid_event(text, "the length is missing");
  if (const auto router = split_last(*length, '@')) {
    event.router = number<std::uint32_t>(*router);
    if (!event.router) return invalid_event(text, "the router is not a number");
  }
  const bool scan = event.kind == EventKind::scan || event.kind == EventKind::portscan;
  double share = scan ? 0.3 : 1;
  if (const auto given = split_last(*length, ':')) {
    const auto value = number<double>(*given);
    const double max_share = event.kind == EventKind::outage ? 1 : 100;
    if (!value || !(*value > 0 && *value <= max_share))
      return invalid_event(text, fmt::format("the share must be greater than 0 and at most {}", max_share));
    share = *value;
  }
  event.per_million = static_cast<std::uint64_t>(std::llround(share * 1e6));
  const auto from = parse_time(start);
  if (!from) return invalid_event(text, from.error().message);
  const auto duration = parse_duration(*length);
  if (!duration) return invalid_event(text, duration.error().message);
  if (*from % minute_us != 0 || *duration % minute_us != 0 || *duration == 0)
    return invalid_event(text, "start and length must be multiples of a minute");
  event.span = {*from, *from + *duration};
  return event;
}

std::string event_text(const EventSpec& event) {
  auto text = fmt::format("{}@{}/{}:{}", name_of(event.kind), format_time(event.span.from),
                          format_duration(event.span.to - event.span.from), static_cast<double>(event.per_million) / 1e6);
  if (event.router) text += fmt::format("@{}", *event.router);
  return text;
}

EventParties parties_of(const SimulationSpec& spec, std::size_t index) {
  constexpr std::uint16_t ports[] = {22, 135, 139, 445, 1433, 3389};
  Random random(spec.seed, parties_stream, index);
  EventParties parties{outside_host(random), inside_host(random), ports[random.below(std::size(ports))]};
  const auto kind = spec.events[index].kind;
  if (kind == EventKind::outage) return {};
  if (kind == EventKind::scan) parties.destination = 0;
  if (kind == EventKind::portscan) parties.port = 0;
  if (kind == EventKind::crowd) parties.source = 0, parties.port = 80;
  return parties;
}

bool affects(const EventSpec& event, std::uint32_t router, Micros hour) {
  if (event.router && *event.router != router) return false;
  return event.span.overlaps({hour - active_timeout - minute_us, hour + hour_us});
}

std::vector<Flow> added_flows(const SimulationSpec& spec, std::size_t index, std::uint32_t router, Micros hour) {
  const auto& event = spec.events[index];
  std::vector<Flow> flows;
  if (event.kind == EventKind::outage || !affects(event, router, hour)) return flows;
  const auto n = flows_of(spec, event);
  const auto length = event.span.to - event.span.from;
  // Returns the index of the flow that begins about `offset` after the start of the event.
  const auto flow_at = [&](Micros offset) {
    const auto millis = static_cast<std::uint64_t>(std::clamp<Micros>(offset, 0, length) / 1000);
    return n * millis / static_cast<std::uint64_t>(length / 1000);
  };
  const auto margin = (max_fetch_ms + inactive_ms) * 1000;
  const auto begin = flow_at(hour - margin - event.span.from), end = flow_at(hour + hour_us - event.span.from);
  for (auto i = begin < 2 ? 0 : begin - 2; i < std::min(n, end + 2); ++i)
    if (const auto flow = added_flow(spec, index, router, i, n);
        flow.queued >= hour / 1000 && flow.queued < (hour + hour_us) / 1000)
      flows.push_back(flow);
  std::stable_sort(flows.begin(), flows.end(), [](const Flow& a, const Flow& b) { return a.queued < b.queued; });
  return flows;
}

bool removes(const SimulationSpec& spec, std::size_t index, std::uint32_t router, const Flow& flow) {
  const auto& event = spec.events[index];
  if (event.kind != EventKind::outage || (event.router && *event.router != router)) return false;
  const auto first = flow.first * 1000;
  if (first < event.span.from || first >= event.span.to) return false;
  const auto is_down = [&](std::uint32_t address) {
    return !is_home(address) && Random(spec.seed, outage_stream + index, as_of(address, first)).chance(event.per_million);
  };
  return is_down(flow.conversation.source) || is_down(flow.conversation.destination);
}

}  // namespace mole::cli
