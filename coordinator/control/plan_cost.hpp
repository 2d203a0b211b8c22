// Estimates what it costs to stage files from tapes and other media, and to compute the blocks that read them. Takes no lock.
#pragma once

#include "coordinator/control/library_drives.hpp"
#include "coordinator/control/state.hpp"
#include "coordinator/leases/staging_forecast.hpp"
#include "coordinator/wire/documents/plan.hpp"

#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace mole::coordinator::control {

// What is assumed instead of what is there; 0: as it is.
struct StagingWhatIf {
  std::uint64_t drives = 0, nodes = 0, cache_bytes = 0;
};

// What the coordinator knows about nodes and libraries at one moment.
struct StagingState {
  std::vector<leases::ForecastNode> nodes;
  std::vector<std::pair<std::string, Digest>> held;  // the files in caches of nodes
  leases::TaskTimes times;
  Micros wall = 0;
};

StagingState staging_state(const State& state) MOLE_REQUIRES(service_mutex);

struct StagingCost {
  leases::Forecast expected;
  double low_seconds = 0, high_seconds = 0;  // of elapsed_seconds, if everything is as fast or slow as it sometimes was
  std::uint64_t batches = 0;                 // that the rates of the library with the fewest of them were learned from
  std::uint64_t drives = 0, nodes = 0;       // that are used
};
StagingCost staging_cost(const std::vector<leases::WantedBlock>& blocks, bool in_order, const StagingState& state,
                         const LibraryDrives& drives, const StagingWhatIf& what_if = {});

using FileRef = std::pair<std::uint32_t, std::uint32_t>;  // archive, number in its index

// Returns the cost of a plan. `on_media`: the files to fetch from media. nullopt: there is no file to fetch.
std::optional<PlanStaging> plan_staging(const jobs::Plan& plan, const StagingState& state, const StagingWhatIf& what_if,
                                        const std::set<FileRef>& on_media);

}  // namespace mole::coordinator::control
