#include "coordinator/control/library_drives.hpp"

#include "coordinator/leases/staging.hpp"
#include "coordinator/manifest/drives.hpp"

#include <algorithm>

namespace mole::coordinator::control {

void LibraryDrives::add(const dag::Graph& graph) {
  for (const auto& archive : graph.archives)
    for (std::uint64_t tier = 0; tier <= archive.tiers.size(); ++tier)
      archives_[leases::library_of(archive, tier)].push_back(&archive);
}

std::uint32_t LibraryDrives::at(const std::string& library, Micros wall) const {
  const auto found = archives_.find(library);
  if (found == archives_.end()) return leases::default_drives;
  auto drives = manifest::max_drives;
  for (const auto* archive : found->second) drives = std::min(drives, manifest::drives_at(*archive, wall));
  return drives;
}

std::map<std::string, std::uint32_t> LibraryDrives::at(Micros wall) const {
  std::map<std::string, std::uint32_t> out;
  for (const auto& [library, archives] : archives_) out[library] = at(library, wall);
  return out;
}

}  // namespace mole::coordinator::control
