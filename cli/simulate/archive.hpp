// Writes a simulated archive: hour files {router}_{sequence}_{start:unix}.dat.bz2, routing tables
// routes/rib.{date}.txt, and simulated.json, the truth about them.
#pragma once

#include "cli/simulate/exporter.hpp"

#include <mole/result.hpp>

#include <filesystem>
#include <functional>

namespace mole::cli {

struct SimulatedArchive {
  std::uint64_t files = 0, missing = 0, damaged = 0, flows = 0, compressed_bytes = 0;
};

// "19991@2007-09-22T20": a router and the hour that holds the time. invalid unless both are read.
Result<HourOfRouter> parse_hour_of_router(std::string_view text);
// "19991@2007-09-22T20:flip"; without a kind: truncate.
Result<DamageWish> parse_damage(std::string_view text);

// Writes the archive into `folder`, which is made. The same spec gives the same bytes, whatever the number of threads.
// `progress` is called with (files done, files in all) from one thread at a time. invalid: the spec contradicts itself,
// or the folder holds another archive.
Result<SimulatedArchive> simulate_archive(const SimulationSpec& spec, const std::filesystem::path& folder, unsigned threads,
                                          const std::function<void(std::size_t, std::size_t)>& progress);

// Name of the file of one hour: "19991_00000003_1190494800.dat.bz2".
std::string hour_file_name(const SimulationSpec& spec, const HourOfRouter& file);

}  // namespace mole::cli
