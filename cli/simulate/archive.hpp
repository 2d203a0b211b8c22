// Writes a simulated archive: hourly files {router}_{sequence}_{start:unix}.dat.bz2 (or another compression and its ending), or
// {router}/{start:%Y/%m/%d}/nfcapd.{start:%Y%m%d%H%M} with the format nfcapd, routing tables routes/rib.{date}.txt, and
// simulated.json, the ground truth.
#pragma once

#include "cli/simulate/spec.hpp"

#include <mole/result.hpp>

#include <filesystem>
#include <functional>

namespace mole::cli {

struct SimulatedArchive {
  std::uint64_t files = 0, missing = 0, damaged = 0, flows = 0, compressed_bytes = 0;
};

// Writes the archive into `folder` and creates it if needed. The same spec gives the same bytes for any number of threads.
// `progress` is called with (files done, files in total) from one thread at a time. invalid: the spec is invalid, or the
// folder contains a different archive.
Result<SimulatedArchive> simulate_archive(const SimulationSpec& spec, const std::filesystem::path& folder, unsigned threads,
                                          const std::function<void(std::size_t, std::size_t)>& progress);

}  // namespace mole::cli
