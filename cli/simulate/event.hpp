// Planted events, whose truth is known:
//   scan      one outside host probes the home network address by address on one port (TCP SYN, no answer)
//   portscan  one outside host probes one home host port by port
//   crowd     many outside hosts fetch from one home web server, request and reply
//   outage    flows from and to a share of the outside AS vanish; the routers go on exporting the rest
// The first three add to the traffic, an outage takes away; whatever else there is stays as it was, flow by flow.
#pragma once

#include "cli/simulate/conversation.hpp"
#include "cli/simulate/spec.hpp"

#include <mole/result.hpp>

#include <string>
#include <string_view>

namespace mole::cli {

using Millis = std::int64_t;  // since 1970

struct Flow {
  Conversation who;
  Millis first = 0, last = 0, queued = 0;  // `queued`: when it was exported
  int event = -1;                          // index into SimulationSpec::events, -1: everyday traffic
};

// "KIND@TIME/LENGTH[:SHARE][@ROUTER]", as "scan@2007-09-23T10:00/2h:0.3" or "outage@2007-09-24/1d:0.7@19991". Without a
// share: 0.3 for scans, 1 for crowd and outage. invalid, with what to write.
Result<EventWish> parse_event(std::string_view text);
// The same event in that form, in full.
std::string event_text(const EventWish& event);
std::string_view event_kind_name(EventKind kind);

// Who takes part: for the truth. Addresses are 0 and the port is 0 where there is no single one.
struct EventParties {
  std::uint32_t source = 0, destination = 0;
  std::uint16_t port = 0;
};
EventParties parties_of(const SimulationSpec& spec, std::size_t event);

// Whether the event reaches this router's hour file.
bool touches(const EventWish& event, std::uint32_t router, Micros hour);

// Flows the event adds to the hour file of the router, in order of export.
std::vector<Flow> planted_flows(const SimulationSpec& spec, std::size_t event, std::uint32_t router, Micros hour);

// Whether an outage takes this flow away.
bool takes_away(const SimulationSpec& spec, std::size_t event, std::uint32_t router, const Flow& flow);

}  // namespace mole::cli
