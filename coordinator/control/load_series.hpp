// What nodes did over time, in the table "node_loads": minutes of about a day, and hours of 400 days, of at most 64 nodes.
//
// Minutes older than a day are merged into hours, and hours older than 400 days are erased, a few at a time, so that a clock that
// is wrong for some minutes loses little. A clock that was set back adds to the samples of that time.
#pragma once

#include "coordinator/leases/node_load.hpp"
#include "coordinator/store/records.hpp"

#include <set>

namespace mole::coordinator::control {

// Not thread-safe. Its rows are written at once, but not synced: after a crash of the machine the latest may be lost.
class LoadSeries {
 public:
  static constexpr std::size_t max_nodes = 64;
  static constexpr Micros minutes_kept = day_us, hours_kept = 400 * day_us;

  explicit LoadSeries(const store::Records& records) : records_(records) {}

  // Adds samples of a node, by its number. `wall`: the time of day; `now`: of a clock that is never set. Beyond 64 nodes it
  // takes the place of one without samples in the last day; if there is none, it is left out.
  void add(std::uint64_t node, const leases::Minutes& minutes, Micros wall, Micros now);

 private:
  // The rows of a node that may be old.
  struct Ages {
    Micros next = 0;  // when they are looked at next, by the clock of `now`
    // No row starts before these times. Otherwise each look would pass all rows that were erased since the last compaction.
    Micros first_minute = INT64_MIN, first_hour = INT64_MIN;
  };
  bool admit(std::uint64_t node, Micros wall);
  void erase(std::uint64_t node);
  bool merge_hour(std::uint64_t node, Ages& ages, Micros wall);
  void erase_hour(std::uint64_t node, Ages& ages, Micros wall);

  const store::Records& records_;
  std::optional<std::set<std::uint64_t>> nodes_;  // with rows; empty: not read yet
  std::map<std::uint64_t, Ages> ages_;            // by node
};

// Returns the samples that start in the range; an empty range means all. Samples are merged so that a node has at most 1,500, and
// all nodes together about 20,000. Those of the future are left out: the clock was wrong.
LoadHistory read_loads(const store::Records& records, TimeRange range, Micros wall);
// Returns what limited the speed in the five minutes before `wall`.
BoundStatus read_bound(const store::Records& records, Micros wall);

}  // namespace mole::coordinator::control
