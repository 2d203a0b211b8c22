// The number of drives of an archive that may be used, by time of day.
#pragma once

#include "sdk/model/field_json.hpp"
#include "sdk/model/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mole::coordinator::manifest {

struct ArchiveSettings;

// Times of day in seconds since midnight in the archive's zone; a range whose end is not after its start ends on the next day.
struct DrivesAt {
  std::uint32_t from = 0, to = 0, drives = 0;

  bool operator==(const DrivesAt&) const = default;
  static constexpr auto table = document("DrivesAt", "The number of drives during a part of the day.",  //
                                         field("from", &DrivesAt::from, "Start"), field("to", &DrivesAt::to, "End"),
                                         field("drives", &DrivesAt::drives, "Number of drives"));
};

inline constexpr std::uint32_t default_drives = 2, max_drives = 64;

struct Drives {
  std::uint32_t usual = default_drives;
  std::vector<DrivesAt> at_times;  // the first one that contains the time of day

  bool operator==(const Drives&) const = default;
};

std::uint32_t drives_at(const ArchiveSettings& archive, Micros time);

}  // namespace mole::coordinator::manifest
