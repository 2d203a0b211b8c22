// Formats the summaries of `mole flows --summary`.
#pragma once

#include "cli/format/flow_descriptions.hpp"
#include "cli/format/style.hpp"
#include "sdk/model/flow_summary.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace mole::cli {

// The files of a command together.
struct FlowTotals {
  std::uint64_t files = 0, unreadable = 0;  // unreadable: could not be read at all
  std::map<std::string, std::uint64_t> formats, states;
  FlowSummary sums;     // lists: up to max_listed values
  Described described;  // of them, what exporters say about themselves

  void add(const FlowSummary& file);
};

std::string summary_text(const FlowSummary& file, ShownElements shown, const Style& style);
std::string totals_text(const FlowTotals& totals, const Style& style);
nlohmann::json totals_json(const FlowTotals& totals);

}  // namespace mole::cli
