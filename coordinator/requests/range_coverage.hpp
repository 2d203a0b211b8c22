// The coverage of the rows in the range that a request asked for. Rows that its blocks have outside of the range do not count.
#pragma once

#include "coordinator/jobs/plan.hpp"
#include "coordinator/store/records.hpp"

namespace mole::coordinator::requests {

struct RangeCoverage {
  // Mean over modules and time; absent rows count 0. 1 exactly if no row lacks input. A window that reaches back before the first
  // file of the archive lacks only what is missing after that file.
  double coverage = 1;
  // If windows reach back before the first file: the means of the rows as they are stored, of modules without and with windows.
  std::optional<double> without_windows, with_windows;
  std::string too_late;  // empty, or that a module misses more late flows than `max_late` allows, and the remedy
};

// Of the modules with requested blocks. nullopt: none of them has rows.
std::optional<RangeCoverage> coverage_in(const store::Records& records, const jobs::Plan& plan, TimeRange asked);

// Returns the coverage that the interval at `from` of a module can have, given where its archive begins; 1 without a window, and
// for intervals before that.
class AttainableCoverage {
 public:
  explicit AttainableCoverage(const jobs::Plan& plan);
  double at(std::size_t module, Micros from) const;
  bool has_window(std::size_t module) const { return reach_[module] > 0; }  // the module or one it reads
  Micros full_from(std::size_t module) const { return begins_[module] + reach_[module]; }

 private:
  const jobs::Plan& plan_;
  std::vector<Micros> begins_, reach_;         // first file; length of all windows in a row
  std::vector<std::vector<double>> coverage_;  // of the intervals from the first file's on, while below 1
};

}  // namespace mole::coordinator::requests
