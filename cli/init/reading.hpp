// Decides what the times in names mean by comparing them with the export times in the contents of some files.
#pragma once

#include "cli/init/naming.hpp"

#include "sdk/model/task.hpp"

#include <optional>

namespace mole::cli {

// The keys of an archive that say what its names mean, and how well the contents agree.
struct Reading {
  std::string files, zone = "UTC";
  Micros covers = 0;
  bool local = false;           // times in names have no offset
  std::size_t read = 0;         // files with export times
  std::size_t agree = 0;        // those whose export times are near the time in the name
  Micros distance = INT64_MAX;  // of their export times outside that time
  bool covers_assumed = false;  // from the contents, because no router has two files
  std::string other;            // a different reading that agrees equally; empty: none
};

// Returns the reading that agrees with most contents; if none does, that of the first naming with times read as the start in UTC.
// `zone`: the only one to consider; empty: UTC, the system's and common ones. `covers`: the length of a file, if it is known.
Reading reading_of(const std::vector<Naming>& namings, const std::vector<task::FileReport>& reports, const std::string& zone,
                   std::optional<Micros> covers = std::nullopt);

// Returns the name of the system's time zone; empty if it is not known.
std::string system_zone();

// Returns the shortest usual length of a file (5m, 1h, ..) that holds `span`.
Micros usual_length(Micros span);

}  // namespace mole::cli
