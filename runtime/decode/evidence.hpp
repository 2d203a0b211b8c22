// What a file proves about its time: flows received and lost per second of export time, and which export time could be
// read at all. Coverage is computed from it (DESIGN decision 11).
#pragma once

#include "sdk/model/time.hpp"

#include <cstdint>
#include <vector>

namespace mole::runtime {

// Filled by a FlowReader, then only read.
class Evidence {
 public:
  struct Count {
    std::uint64_t received = 0;  // flows
    std::uint64_t lost = 0;      // flows, by sequence, outside damage
  };
  struct Second {  // of export time
    std::int64_t second;
    Count count;
  };

  // As an earlier, settled one said: its seconds() and readable_ranges().
  static Evidence of(std::vector<Second> seconds, std::vector<TimeRange> readable);

  // A datagram exported at `exported` brought `received` flows; `lost` were missing right before it.
  void add(Micros exported, std::uint64_t received, std::uint64_t lost);
  // Export time that could be read; in time order, not overlapping.
  void set_readable(std::vector<TimeRange> ranges) { readable_ = std::move(ranges); }
  // Sorts what was added; call once before the questions below.
  void settle();

  // Flows of the seconds that begin in `range`.
  Count count(TimeRange range) const;
  // Microseconds of `range` in which export time could be read.
  Micros readable(TimeRange range) const;
  const std::vector<TimeRange>& readable_ranges() const { return readable_; }
  const std::vector<Second>& seconds() const { return seconds_; }

 private:
  std::vector<Second> seconds_;
  std::vector<TimeRange> readable_;
};

}  // namespace mole::runtime
