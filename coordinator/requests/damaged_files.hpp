// Describes files that are not sound, from the reports of their last decode.
#pragma once

#include "coordinator/jobs/plan.hpp"
#include "coordinator/store/records.hpp"

namespace mole::coordinator::requests {

// `report`: the FileReport in the table `damage`; null: none is stored. `policy`: of the archive.
DamagedFile damaged_file(const task::File& file, task::FileState state, const nlohmann::json& report,
                         DamagePolicy policy = DamagePolicy::partial);

// Returns the files that are not sound and from which the requested modules of a plan miss flows in `range`, at most `limit`.
std::vector<DamagedFile> damaged_files(const store::Records& records, const jobs::Plan& plan, TimeRange range, std::size_t limit);

}  // namespace mole::coordinator::requests
