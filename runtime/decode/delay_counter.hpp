// Counts the flows of a file by the time from their start, and from their end, to their export.
#pragma once

#include "runtime/decode/flow_batch.hpp"
#include "sdk/model/export_delay.hpp"

#include <cstdint>
#include <deque>

namespace mole::runtime {

class DelayCounter {
 public:
  // Flows that began before `late_before` are late.
  explicit DelayCounter(Micros late_before) : late_before_(late_before) {}

  // The next `flows` flows were exported at `exported`. In file order.
  void exported(Micros exported, std::uint32_t flows) {
    if (flows > 0) datagrams_.push_back({exported, flows});
  }
  // Counts the flows of a batch, which has the columns start and end. Flows of no datagram are left out.
  void add(const FlowBatch& batch);

  const DelayCounts& counts() const { return counts_; }

 private:
  struct Datagram {
    Micros exported;
    std::uint32_t flows;  // not counted yet
  };
  const Micros late_before_;
  std::deque<Datagram> datagrams_;
  DelayCounts counts_;
};

}  // namespace mole::runtime
