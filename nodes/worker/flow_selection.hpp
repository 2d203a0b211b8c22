// Selects the flows of batches with a filter.
#pragma once

#include "runtime/metric/filter_eval.hpp"

#include <mole/result.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mole::nodes {

// Parses a filter for files without a manifest. invalid: it is malformed, or selects by router.
Result<Filter> flow_filter(std::string_view text);

// One per file: not thread-safe.
class FlowSelection {
 public:
  explicit FlowSelection(Filter filter) : filter_(std::move(filter)) {}

  // Reduces the batch to the flows that pass. It has the columns of the filter; the result is valid until the next call.
  void apply(runtime::FlowBatch& batch);

 private:
  runtime::FilterEvaluator filter_;
  std::vector<std::uint32_t> rows_;
  std::array<std::vector<std::byte>, std::tuple_size_v<decltype(runtime::FlowBatch::columns)>> columns_;
};

}  // namespace mole::nodes
