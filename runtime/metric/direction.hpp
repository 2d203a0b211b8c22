// The direction of a flow as the home network sees it: the dimension `direction`.
#pragma once

#include "runtime/metric/filter_eval.hpp"

#include <string_view>
#include <vector>

namespace mole::runtime {

inline constexpr std::string_view directions[] = {"in", "internal", "out", "transit"};  // in the order of rows

// Which side of a flow is at home (task::Home): two filters. Both sides: internal; neither: transit.
struct HomeFilters {
  Filter source, destination;
};

// Holds scratch masks: one thread at a time.
class DirectionEvaluator {
 public:
  explicit DirectionEvaluator(HomeFilters home) : source_(std::move(home.source)), destination_(std::move(home.destination)) {}

  // One index into `directions` per row. Every column of both filters is in the view. Valid until the next call.
  const std::uint8_t* evaluate(const FlowView& flows, std::string_view router);

 private:
  FilterEvaluator source_, destination_;
  std::vector<std::uint8_t> direction_;
};

}  // namespace mole::runtime
