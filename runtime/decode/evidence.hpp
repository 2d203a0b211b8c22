// Results of decoding about the time of a file: flows received and lost per second of export time, and the export time that
// was readable. Coverage is computed from it.
#pragma once

#include "sdk/model/time.hpp"

#include <cstdint>
#include <vector>

namespace mole::runtime {

// Filled by a FlowReader, then read-only.
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

  // Restores evidence from its seconds() and readable_ranges().
  static Evidence of(std::vector<Second> seconds, std::vector<TimeRange> readable);

  // Adds a datagram exported at `exported` with `received` flows; `lost` flows were missing right before it.
  void add(Micros exported, std::uint64_t received, std::uint64_t lost);
  // Sets the readable export time: ranges in time order, not overlapping.
  void set_readable(std::vector<TimeRange> ranges) { readable_ = std::move(ranges); }
  // Sorts the datagrams. Call once, before the functions below.
  void finish();

  // Returns the flows of the seconds that begin in `range`.
  Count count(TimeRange range) const;
  const std::vector<TimeRange>& readable_ranges() const { return readable_; }
  const std::vector<Second>& seconds() const { return seconds_; }

 private:
  std::vector<Second> seconds_;
  std::vector<TimeRange> readable_;
};

}  // namespace mole::runtime
