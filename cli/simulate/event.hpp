// Simulated events:
//   scan      one outside host probes the home network address by address on one port (TCP SYN, no answer)
//   portscan  one outside host probes one home host port by port
//   crowd     many outside hosts send requests to one home web server and receive replies
//   outage    flows from and to a share of the outside ASes are absent; the routers keep exporting the rest
// The first three add flows, an outage removes some; all other flows are unchanged.
#pragma once

#include "cli/simulate/network.hpp"
#include "cli/simulate/spec.hpp"

#include <mole/result.hpp>

#include <string>
#include <string_view>

namespace mole::cli {

using Millis = std::int64_t;  // since 1970

struct Flow {
  Conversation conversation;
  Millis first = 0, last = 0, queued = 0;  // `queued`: export time
  int event = -1;                          // index into SimulationSpec::events; -1: background traffic
};

// Parses "KIND@TIME/LENGTH[:SHARE][@ROUTER]", such as "scan@2007-09-23T10:00/2h:0.3" or "outage@2007-09-24/1d:0.7@19991".
// The default share is 0.3 for scans and 1 for crowd and outage. invalid: malformed text.
Result<EventSpec> parse_event(std::string_view text);
// Formats the event in that syntax, including default values.
std::string event_text(const EventSpec& event);

// The hosts and the port of an event, for the ground truth; 0 if there are several.
struct EventParties {
  std::uint32_t source = 0, destination = 0;
  std::uint16_t port = 0;
};
EventParties parties_of(const SimulationSpec& spec, std::size_t event);

// True if the event can change the router's file for this hour.
bool affects(const EventSpec& event, std::uint32_t router, Micros hour);

// Returns the flows the event adds to the router's file for this hour, in order of export.
std::vector<Flow> added_flows(const SimulationSpec& spec, std::size_t event, std::uint32_t router, Micros hour);

// True if the event is an outage that removes this flow.
bool removes(const SimulationSpec& spec, std::size_t event, std::uint32_t router, const Flow& flow);

}  // namespace mole::cli
