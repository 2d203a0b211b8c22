// How long a tape library needs for files, learned from the batches that it has delivered.
//
//   StagingRates rates = learn_rates(log);          // the latest batches of the library, in the order of their ends
//   double seconds = seconds_of(rates, true, 40, bytes);
//
// A batch is modelled as the sum of a time for its mount, for each file (seek, staging, start of the transfer), and for each
// byte.
#pragma once

#include "sdk/model/field_json.hpp"

#include <cstdint>
#include <span>

namespace mole::coordinator::leases {

// A completed batch: files of one medium, fetched one after the other.
struct StagedBatch {
  bool mounts = false;  // its medium was not among those used last
  std::uint64_t files = 0, bytes = 0;
  double seconds = 0;  // waits and transfers
};

struct StagingRates {
  // Before anything has been learned: an LTO drive in a robot, with files of some 20 MB.
  double mount_seconds = 90, file_seconds = 5, bytes_per_second = 30e6;
  // Of groups of consecutive batches: how their times differ from the model, as the 10th and 90th percentile of the ratio.
  double low = 1, high = 1;
  std::uint64_t batches = 0;  // learned from; 0: assumptions
};

// Later batches count more, because the load by other users changes: a batch counts half as much as one 30 batches later.
StagingRates learn_rates(std::span<const StagedBatch> log);

// How fast one slot of a node decodes files.
struct DecodeRate {
  double bytes_per_second = 20e6;  // before anything has been learned
  double low = 1, high = 1;        // as in StagingRates, of the times of tasks
  std::uint64_t tasks = 0;         // learned from
};

// Only bytes and seconds are used. Later tasks count more, as in learn_rates.
DecodeRate learn_decode_rate(std::span<const StagedBatch> log);

// Returns the time that one drive needs for a batch.
double seconds_of(const StagingRates& rates, bool mounts, std::uint64_t files, std::uint64_t bytes);

}  // namespace mole::coordinator::leases
