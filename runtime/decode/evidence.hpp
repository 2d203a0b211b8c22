// The basis of a file's coverage, collected while decoding: flows received and lost per second of export time, and the export
// time that was readable.
#pragma once

#include "sdk/model/time.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace mole::runtime {

// Filled by a FlowReader, then read-only.
class Evidence {
 public:
  struct Count {
    std::uint64_t received = 0;  // flows
    std::uint64_t lost = 0;      // flows missing by sequence number, outside damaged bytes
  };
  struct Second {  // of export time
    std::int64_t second;
    Count count;
  };

  // Restores evidence from its seconds() and readable_ranges().
  static Evidence of(std::vector<Second> seconds, std::vector<TimeRange> readable);

  // Adds a datagram exported at `exported` with `received` flows; `lost` flows are missing immediately before it.
  void add(Micros exported, std::uint64_t received, std::uint64_t lost);
  // Sets the readable export time: ranges in time order, not overlapping.
  void set_readable(std::vector<TimeRange> ranges) { readable_ = std::move(ranges); }
  // Sorts and merges the seconds. Call once, before the functions below.
  void finish();

  // Returns the flows of the seconds that begin in `range`.
  Count count(TimeRange range) const;
  // Returns the seconds that begin in `range`.
  std::span<const Second> seconds_in(TimeRange range) const;
  const std::vector<TimeRange>& readable_ranges() const { return readable_; }
  const std::vector<Second>& seconds() const { return seconds_; }

 private:
  std::vector<Second> seconds_;
  std::vector<TimeRange> readable_;
};

}  // namespace mole::runtime
