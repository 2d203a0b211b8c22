// Estimates what it costs to stage the files of a plan from tapes and other media. Takes no lock.
#pragma once

#include "coordinator/jobs/plan.hpp"
#include "coordinator/leases/staging_forecast.hpp"
#include "coordinator/wire/documents/plan.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace mole::coordinator::control {

// What is assumed instead of what is there; 0: as it is.
struct StagingWhatIf {
  std::uint64_t drives = 0, nodes = 0, cache_bytes = 0;
};

struct StagingContext {
  std::vector<leases::ForecastNode> nodes;
  double bytes_per_second = 0;  // decoded by one slot
  StagingWhatIf what_if;
  // Whether a file of an archive need not be fetched, because a node keeps its columns.
  std::function<bool(std::uint32_t archive, std::uint32_t file)> is_kept;
};

// nullopt: no file that the plan reads is on a medium.
std::optional<PlanStaging> staging_cost(const jobs::Plan& plan, const StagingContext& context);

}  // namespace mole::coordinator::control
