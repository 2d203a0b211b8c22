// Chooses, for a column and a template, the operation that computes the column. Used by Plans.
#pragma once

#include "plugins/decoders/export/plan.hpp"

namespace mole::plugins::flow_export {

// Appends the operations of all wanted columns for records of this template and address family. With `keep_biflows`, the reverse
// counters have columns; otherwise these are 0, and Side::reverse describes the second flow.
void compile(const Template& layout, const Wanted& wanted, Side side, std::uint32_t family, bool keep_biflows, Plan& out);

// Fields that count the other direction of a biflow.
std::vector<std::uint16_t> counters_of_reverse(const Template& layout);

}  // namespace mole::plugins::flow_export
