// The settings of a step, parsed and checked before its module is opened.
#pragma once

#include "runtime/metric/dimension.hpp"
#include "runtime/metric/filter_eval.hpp"
#include "runtime/metric/interval_grid.hpp"
#include "sdk/model/task.hpp"

#include <vector>

namespace mole::runtime {

struct StepSettings {
  std::vector<Dimension> by;
  IntervalGrid grid;  // of the block
  Filter filter;
  HomeFilters home;  // of the archive; set only if `by` has the direction
};

// invalid: a setting is wrong. unsupported: this worker does not support it.
Result<StepSettings> parse_settings(const task::Step& step, const task::Spec& spec);

}  // namespace mole::runtime
