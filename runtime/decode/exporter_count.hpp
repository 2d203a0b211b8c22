// Counts the exporters whose datagrams alternate in a file. One that was restarted during the file, or whose clock was corrected,
// counts once, because its numbers follow one another.
#pragma once

#include "sdk/model/time.hpp"

#include <cstdint>
#include <vector>

namespace mole::runtime {

class ExporterCount {
 public:
  // Adds a datagram of the exporter with this number.
  void add(std::uint32_t exporter, Micros exported);
  // Returns the largest number of exporters at one time; 0: there are no datagrams.
  std::uint64_t count() const;

 private:
  struct Exporter {
    Micros first = 0, last = 0;
    std::uint64_t datagrams = 0;
  };
  std::vector<Exporter> exporters_;  // by number
};

}  // namespace mole::runtime
