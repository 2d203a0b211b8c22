// Formats what files say about their exporters in `mole flows --summary`: templates, elements, and names.
#pragma once

#include "sdk/model/flow_summary.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace mole::cli {

inline constexpr std::size_t shown_values = 8;  // on one line of a summary

// "  flows     1,234"
std::string summary_line(std::string_view name, const std::string& text);

enum class ShownElements { first, all };

// Lines of the templates, elements and names of a file, or of several; empty if there are none. `shown`: which of the known
// elements. `cut`: there may be more.
std::string descriptions_text(const FlowSummary& summary, ShownElements shown, bool cut = false);

// Those of several files: up to max_described different ones of each kind.
class Described {
 public:
  void add(const FlowSummary& file);
  // Writes the lists and counts.
  void list_in(FlowSummary& sums) const;
  // Whether a file does not list all that it has, so that the counts are too small.
  bool cut() const { return cut_; }

 private:
  std::set<SeenTemplate> templates_;
  std::set<std::string> known_;
  std::map<std::string, SeenElement> unknown_;
  std::set<SeenName> interfaces_, applications_;
  bool cut_ = false;
};

}  // namespace mole::cli
