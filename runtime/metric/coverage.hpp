// Computes how much of each interval the files of an archive cover, from the evidence of each file.
//
//   CoverageTable table(archive.covers);
//   for (file : spec.files) table.expect(file);
//   table.add(file, reader.evidence(), content_bytes > 0);   // for each file read
//   table.finish();
//   table.of(interval, {"19991", "19993"});
#pragma once

#include "runtime/decode/evidence.hpp"
#include "runtime/metric/state_file.hpp"
#include "sdk/model/task.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace mole::runtime {

// One thread until finish(), then read-only.
class CoverageTable {
 public:
  explicit CoverageTable(Micros covers) : covers_(covers) {}

  // Adds a file that the archive should have, present or not.
  void expect(const task::File& file);
  // Adds the evidence of a file that was read. `present`: at least one byte of it was readable.
  void add(const task::File& file, const Evidence& evidence, bool present);
  void finish();

  // Returns the coverage of an interval. share: the mean over `routers` (0 if there are none) of the readable share of the
  // interval times received / (received + lost). Does not set flows_late.
  RowCoverage of(TimeRange interval, std::span<const std::string> routers) const;

  // Returns the routers of all expected files, sorted.
  std::vector<std::string> routers() const;

 private:
  struct Router {
    std::vector<TimeRange> expected, present;  // time covered by the files
    std::vector<Evidence> evidence;            // of the files read
    std::vector<TimeRange> readable;           // after finish(): of all files, sorted, disjoint
  };
  RowCoverage of(TimeRange interval, const Router& router) const;

  Micros covers_;
  std::map<std::string, Router> routers_;
};

}  // namespace mole::runtime
