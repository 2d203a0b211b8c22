// Estimates what it costs to stage the files of a plan from tapes and other media. Takes no lock.
#pragma once

#include "coordinator/jobs/plan.hpp"
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

using FileRef = std::pair<std::uint32_t, std::uint32_t>;  // archive, number in its index

struct StagingContext {
  std::vector<leases::ForecastNode> nodes;
  double bytes_per_second = 0;  // decoded by one slot
  StagingWhatIf what_if;
  std::set<FileRef> on_media;  // the files to fetch from media
};

// nullopt: there is no file to fetch.
std::optional<PlanStaging> staging_cost(const jobs::Plan& plan, const StagingContext& context);

}  // namespace mole::coordinator::control
