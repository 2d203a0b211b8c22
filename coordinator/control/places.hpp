// Checks that the results of a pipeline name come from one place (docs/decisions/0130).
#pragma once

#include "coordinator/control/state.hpp"

namespace mole::coordinator::control {

// Returns the part of the graph that the modules not in `overridden` read.
dag::Graph without_overridden(const dag::Graph& graph, const std::set<std::string>& overridden);

// invalid: a module in `rows` has results from an archive of the same name at a different place. Takes no lock.
Result<> check_places(const store::Records& records, const std::map<std::string, ModuleRow>& rows, const dag::Graph& graph);

}  // namespace mole::coordinator::control
