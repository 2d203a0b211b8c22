// Computes the expected share of the flows of each interval that could be read, from the evidence of each file and the
// archive's export delay.
//
//   CoverageTable table(archive);
//   for (file : spec.files) table.expect(file);
//   table.add(file, reader.evidence(), content_bytes > 0);   // for each file read
//   table.finish();
//   table.of(interval, {"19991", "19993"}, Load::start);
#pragma once

#include "runtime/decode/evidence.hpp"
#include "runtime/metric/delay_curve.hpp"
#include "runtime/metric/state_file.hpp"
#include "sdk/model/task.hpp"

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace mole::runtime {

// An interval with a smaller share is a gap: a few flows that were exported after a gap measure nothing (docs/decisions/0156).
inline constexpr double least_coverage = 0.01;

// Ids of files (task::File::id), such as those that lack a column that a step reads.
using FileIds = std::set<std::string>;

// One thread until finish(), then read-only.
class CoverageTable {
 public:
  explicit CoverageTable(const task::Archive& archive);

  // Adds a file that the archive should have, present or not.
  void expect(const task::File& file);
  // Adds the evidence of a file that was read. `present`: at least one byte of it was readable.
  void add(const task::File& file, const Evidence& evidence, bool present);
  void finish();

  // Returns the coverage of an interval. share: the mean over `routers` (0 if there are none) of the expected share of the flows
  // that began in it (Load::end: that ended in it) whose export time was readable, times received / (received + missing)
  // around their export; missing: lost, misdated, or in a file of `unusable` (docs/decisions/0204); 0 if less than
  // least_coverage. flows_late is left 0.
  RowCoverage of(TimeRange interval, std::span<const std::string> routers, Load load, const FileIds& unusable = {}) const;

  // Returns the routers of all expected files, sorted.
  std::vector<std::string> routers() const;

 private:
  struct ReadFile {
    std::string id;
    Evidence evidence;
  };
  struct Router {
    std::vector<TimeRange> expected, present;  // time covered by the files
    std::vector<ReadFile> files;
    std::vector<TimeRange> readable;  // after finish(): of all files, sorted, disjoint
    bool any_missing = false;         // after finish()
  };
  RowCoverage of(TimeRange interval, const Router& router, const DelayCurve& delay, const FileIds& unusable) const;
  double readable_share(TimeRange interval, const Router& router, const DelayCurve& delay) const;
  double received_share(TimeRange interval, const Router& router, const DelayCurve& delay, const FileIds& unusable) const;

  Micros covers_;
  DelayCurve since_start_, since_end_;
  std::map<std::string, Router> routers_;
};

}  // namespace mole::runtime
