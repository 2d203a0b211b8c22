// Adds up the flows of one file for `mole flows --summary`.
#pragma once

#include "runtime/decode/descriptions.hpp"
#include "runtime/decode/flow_batch.hpp"
#include "sdk/model/flow_summary.hpp"

#include <mole/addr.hpp>

#include <map>
#include <set>
#include <tuple>

namespace mole::nodes {

class FlowSummarizer {
 public:
  // The columns that add() needs.
  static runtime::ColumnSet columns();

  // Adds the selected flows of a batch.
  void add(const runtime::FlowBatch& batch);
  // Adds the fields of the report and what the file says about its exporters, and returns the summary.
  FlowSummary summary(const task::FileReport& report, const runtime::Descriptions& descriptions) &&;

 private:
  using RateKey = std::tuple<Addr, std::uint32_t, std::uint32_t, SamplingSource>;  // exporter, domain, sampling
  struct FlowCount {
    std::uint64_t flows = 0, scaled = 0;
  };
  void add_rates(const runtime::FlowBatch& batch);

  FlowSummary sums_;
  std::map<RateKey, FlowCount> rates_;
  std::set<std::uint64_t> domains_, sampling_;
  std::set<Addr> exporters_;
};

}  // namespace mole::nodes
