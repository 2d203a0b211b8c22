// Coverage of intervals by the files of an archive, from what each file proved about its own time.
//
//   CoverageTable table(archive.covers);
//   for (file : spec.files) table.expect(file);
//   table.read(file, reader.evidence(), content_bytes > 0);
//   table.settle();
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

// One thread while it is filled; then only read.
class CoverageTable {
 public:
  explicit CoverageTable(Micros covers) : covers_(covers) {}

  // A file the archive should have, there or not.
  void expect(const task::File& file);
  // What reading the file showed. `present`: at least one byte of it could be read.
  void read(const task::File& file, const Evidence& evidence, bool present);
  void settle();

  // The mean over `routers` (0 if there are none): readable share of the interval times received / (received + lost).
  // flows_late is not known here and 0.
  RowEvidence of(TimeRange interval, std::span<const std::string> routers) const;

  std::vector<std::string> routers() const;  // of all expected files, sorted

 private:
  struct Router {
    std::vector<TimeRange> expected, present;  // time of the files
    std::vector<Evidence> evidence;            // of the files read
    std::vector<TimeRange> readable;           // after settle: all of them, sorted, apart
  };
  RowEvidence of(TimeRange interval, const Router& router) const;

  Micros covers_;
  std::map<std::string, Router> routers_;
};

}  // namespace mole::runtime
