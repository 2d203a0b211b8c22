// The basis of a file's coverage, collected while decoding: flows received, lost and misdated per second of export time, and the
// export time that was readable.
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
    std::uint64_t misdated = 0;  // flows received about then whose exporter's clock was wrong

    std::uint64_t missing() const { return lost + misdated; }
    Count& operator+=(const Count& other);
  };
  struct Second {  // of export time
    std::int64_t second;
    Count count;
  };

  // Restores evidence from its seconds() and readable_ranges().
  static Evidence of(std::vector<Second> seconds, std::vector<TimeRange> readable);

  // Adds a datagram exported at `exported` with `received` flows; `lost` flows are missing immediately before it.
  void add(Micros exported, std::uint64_t received, std::uint64_t lost);
  // Adds `flows` that were received at about `time`, but not exported then according to their datagrams.
  void add_misdated(Micros time, std::uint64_t flows) { at(time).misdated += flows; }
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
  Count& at(Micros time);

  std::vector<Second> seconds_;
  std::vector<TimeRange> readable_;
};

}  // namespace mole::runtime
