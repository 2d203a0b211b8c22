// Estimates how long running requests that read files from tapes still take. An estimate simulates up to thousands of blocks, so
// it is kept for a while.
#pragma once

#include "coordinator/control/plan_cost.hpp"
#include "coordinator/wire/documents/request.hpp"

#include <map>
#include <mutex>
#include <optional>

namespace mole::coordinator::control {

// Thread-safe.
class TimesLeft {
 public:
  // nullopt: no block of the request waits for files on media, or another thread makes the first estimate.
  std::optional<TimeLeft> of(std::uint64_t request, State& state) MOLE_EXCLUDES(service_mutex);

 private:
  struct Entry {
    std::optional<TimeLeft> estimate = {};
    Micros made = 0, keep = 0;  // as returned by State::now; how long it is kept
    bool running = false;       // it is being made
  };
  std::optional<TimeLeft> made(const Entry& entry, Micros now) const;

  std::mutex mutex_;
  std::map<std::uint64_t, Entry> entries_;  // by request
};

}  // namespace mole::coordinator::control
