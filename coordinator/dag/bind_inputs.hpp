// Binds a module's inputs to archives and to columns of other modules, and checks its filter against them.
#pragma once

#include "coordinator/dag/graph.hpp"

namespace mole::coordinator::dag {

// Properties of an archive that resolving needs but that are not part of the graph.
struct ArchiveFacts {
  std::vector<const Descriptor*> decoders;
  bool names_router;  // its file names contain the router
};

// Sets inputs, archive, interval, grouping and routers of `to`. The graph contains all archives and the modules before this one;
// `facts` is parallel to its archives. invalid, missing: "<position>: cause; remedy".
Result<> bind_inputs(const Graph& graph, const std::vector<ArchiveFacts>& facts, const manifest::Module& from,
                     const Descriptor& descriptor, Module& to);

// Sets the canonical filter. Call after bind_inputs.
Result<> bind_filter(const Graph& graph, const std::vector<ArchiveFacts>& facts, const manifest::Module& from, Module& to);

// Returns whether the input's AS numbers are looked up in a routing table instead of read from the records.
bool looks_up_as(const manifest::Input& input);

}  // namespace mole::coordinator::dag
