#include "coordinator/manifest/drives.hpp"

#include "coordinator/manifest/manifest.hpp"
#include "coordinator/manifest/time_zone.hpp"

namespace mole::coordinator::manifest {

std::uint32_t drives_at(const ArchiveSettings& archive, Micros time) {
  if (archive.drives.at_times.empty()) return archive.drives.usual;
  const auto zone = TimeZone::load(archive.zone);
  if (!zone) return archive.drives.usual;  // it was checked when the manifest was read
  const auto local = zone->local(time);
  const auto second = static_cast<std::uint32_t>(local.hour * 3600 + local.minute * 60 + local.second);
  for (const auto& [from, to, drives] : archive.drives.at_times)
    if (from < to ? from <= second && second < to : second >= from || second < to) return drives;
  return archive.drives.usual;
}

}  // namespace mole::coordinator::manifest
