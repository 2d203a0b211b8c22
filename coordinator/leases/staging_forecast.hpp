// Simulates how blocks are staged and computed, to tell the cost before the start. The stager decides as it will; only the times
// are estimates. A block that is larger than every cache fetches its files itself when it runs.
#pragma once

#include "coordinator/leases/stager.hpp"
#include "coordinator/leases/staging_rates.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mole::coordinator::leases {

struct ForecastNode {
  std::string name;
  std::uint64_t cache_limit = 0;  // bytes
  std::uint32_t slots = 1;        // blocks that it computes at once
};

struct ForecastInput {
  std::vector<WantedBlock> blocks;  // unfinished ones that read files from media
  bool in_order = false;            // as of Stager::set_request
  std::vector<ForecastNode> nodes;
  // Files that are already in the caches of nodes. Those of a node that is not in `nodes` count as files of the first one.
  std::vector<std::pair<std::string, Digest>> held = {};
  // The drives of a library that may be used `seconds` after the start, constant for 10 minutes; none: default_drives.
  std::function<std::uint32_t(const std::string& library, double seconds)> drives = {};
  std::map<std::string, StagingRates> rates = {};  // by library; none: assumptions
  double compute_seconds_per_byte = 1 / 20e6;      // of the files of a block, in one slot
};

struct Forecast {
  std::uint64_t files = 0, bytes = 0;  // fetched
  std::uint64_t media = 0, mounts = 0;
  std::uint64_t cache_bytes = 0;  // the most that a node reserves at once
  double drive_seconds = 0;       // of all drives together
  double compute_seconds = 0;     // of all slots together
  double elapsed_seconds = 0;     // from the start to the end of the last block
  double staged_seconds = 0;      // from the start to the last file
  bool complete = true;           // false: more blocks than are simulated; the rest is in proportion to the bytes
};

// At most `max_forecast_blocks` blocks are simulated.
inline constexpr std::size_t max_forecast_blocks = 5'000;
Forecast forecast(ForecastInput input);

}  // namespace mole::coordinator::leases
