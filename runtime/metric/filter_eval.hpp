// Evaluates a filter, or the dimension `direction`, over a batch, column by column: one pass over one column per leaf of a
// filter, masks combined with and/or/not.
#pragma once

#include "runtime/decode/flow_batch.hpp"
#include "sdk/model/filter.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace mole::runtime {

// Holds scratch masks: one thread at a time.
class FilterEvaluator {
 public:
  explicit FilterEvaluator(Filter filter) : filter_(std::move(filter)) {}

  const Filter& filter() const { return filter_; }

  // Returns one byte per row, 1 if the flow passes, valid until the next call. The batch has every column of
  // filter().columns().
  const std::uint8_t* evaluate(const FlowBatch& flows, std::string_view router);

 private:
  std::uint8_t* mask(std::size_t depth, std::uint32_t rows);
  void node(const FilterNode& node, const FlowBatch& flows, std::string_view router, std::size_t depth);

  Filter filter_;
  std::vector<std::vector<std::uint8_t>> masks_;  // one per depth of the tree
};

inline constexpr std::string_view directions[] = {"in", "internal", "out", "transit"};  // sorted, as result rows are

// Filters for flows whose source or destination is in the home network (task::Home). Both match: internal; neither: transit.
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
