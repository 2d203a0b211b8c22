// How long a drive of a tape library needs for files: a time for the mount, for each file (seek, staging, start of the transfer),
// and for each byte.
#pragma once

#include <cstdint>

namespace mole::coordinator::leases {

// The assumptions: an LTO drive in a robot, and files of some 20 MB.
struct StagingRates {
  double mount_seconds = 90, file_seconds = 5, bytes_per_second = 30e6;

  double seconds_of(bool mounted, std::uint64_t bytes) const {  // of one file, with or without a mount before it
    return (mounted ? mount_seconds : 0) + file_seconds + static_cast<double>(bytes) / bytes_per_second;
  }
};

}  // namespace mole::coordinator::leases
