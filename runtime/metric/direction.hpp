// The dimension `direction`: in, out, internal or transit, relative to the home network.
#pragma once

#include "runtime/metric/filter_eval.hpp"

#include <string_view>
#include <vector>

namespace mole::runtime {

inline constexpr std::string_view directions[] = {"in", "internal", "out", "transit"};  // in the order of rows

// Decides which sides of a flow are at home (task::Home). Both: internal; neither: transit.
struct HomeFilters {
  Filter source, destination;
};

// Holds scratch masks: one thread at a time.
class DirectionEvaluator {
 public:
  explicit DirectionEvaluator(HomeFilters home) : source_(std::move(home.source)), destination_(std::move(home.destination)) {}

  // Returns one index into `directions` per row, valid until the next call. The batch has the columns of both filters.
  const std::uint8_t* evaluate(const FlowBatch& flows, std::string_view router);

 private:
  FilterEvaluator source_, destination_;
  std::vector<std::uint8_t> direction_;
};

}  // namespace mole::runtime
