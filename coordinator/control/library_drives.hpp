// How many drives of each library may be used, of several archives that have files there: the smallest number counts.
#pragma once

#include "coordinator/dag/graph.hpp"

#include <map>
#include <string>
#include <vector>

namespace mole::coordinator::control {

// The archives must outlive it. Not thread-safe.
class LibraryDrives {
 public:
  void add(const dag::Graph& graph);

  std::uint32_t at(const std::string& library, Micros wall) const;  // leases::default_drives if no archive has files there
  std::map<std::string, std::uint32_t> at(Micros wall) const;       // of all libraries

 private:
  std::map<std::string, std::vector<const dag::Archive*>> archives_;  // by library
};

}  // namespace mole::coordinator::control
