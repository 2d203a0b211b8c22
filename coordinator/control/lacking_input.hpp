// Which input the partial rows of a block lack, for `explain`.
#pragma once

#include "coordinator/control/queries.hpp"

namespace mole::coordinator::control {

// Of the rows of one module in `range`, from the lineage of its blocks and of those that they were computed from. nullopt: none
// of these rows is partial.
std::optional<LackingInput> lacking_input(const store::Records& records, const jobs::Plan& plan, std::uint32_t module,
                                          TimeRange range);

}  // namespace mole::coordinator::control
