// Finds a pattern for the names of the files in a folder: the value of `files` in a manifest.
//
//   auto namings = namings_of({"19991_1_1190487600.dat.bz2", "19991_2_1190491200.dat.bz2"}, now);
//   namings.front().files;  // "{router}_{sequence}_{start:unix}.dat.bz2"
#pragma once

#include "sdk/model/time.hpp"

#include <string>
#include <vector>

namespace mole::cli {

struct Naming {
  std::string files;             // with {start:..}, because names alone do not show whether a time is the start or the end
  bool local = false;            // times have no offset
  bool has_both = false;         // {start:..} and {end:..}
  std::uint64_t matched = 0;     // names that it describes
  std::uint64_t collisions = 0;  // names with the same router and time as another one
  Micros spacing = 0;            // the usual distance between files of a router; 0: no router has two
  double regularity = 0;         // share of the distances that are the usual one
  int weight = 0;                // the more of a time it describes, the better
};

// Returns the namings that describe some names, the best first. `names`: paths relative to the folder.
std::vector<Naming> namings_of(const std::vector<std::string>& names, Micros now);

}  // namespace mole::cli
