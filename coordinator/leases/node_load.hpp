// What nodes do over time, as samples, and what limits their speed. Values of nodes are untrusted: each is limited, so that no
// sum overflows.
#pragma once

#include "coordinator/leases/stager.hpp"
#include "coordinator/wire/documents/load.hpp"
#include "coordinator/wire/node_api.hpp"

#include <map>

namespace mole::coordinator::leases {

using Minutes = std::map<Micros, LoadSample>;  // by start

// Returns the sample of the minute that contains `at`.
Minutes minutes_of(const NodeLoad& load, MediaWait wait, Micros at);
// Returns what a task transferred and decoded, in the minutes of its run, at most a day before `at`, when its report was
// received. Transfers are dated by the waits and transfers of the report, decoding evenly.
Minutes minutes_of(const task::Report& report, Micros at);

// Adds a sample of the same node, or, for bound_of, of another one. `into` keeps its interval.
void merge(const LoadSample& sample, LoadSample& into);

// Returns what limited the speed: `recent`: the samples of all nodes in the last minutes, merged; `hour`: those of the last
// hour. The first of these that holds:
//   unknown   fewer than 6 heartbeats, or no slots
//   cpu       at least 70 % of the slots were busy
//   idle      blocks waited for files on media at less than half of the heartbeats, and less than 0.05 slots of a node were busy;
//             if more were busy: cpu, for example one task after the other
//   unknown   no node fetches
//   network   at half of the heartbeats a drive could have been used for a file that no node fetched, and at least 90 % of
//             the slots for fetching were busy; if fewer were busy: cache, because only its space stops a fetch
//   network   in the last hour transfers took longer than the waits before them; else: tape
Bound bound_of(const LoadSample& recent, const LoadSample& hour);

}  // namespace mole::coordinator::leases
