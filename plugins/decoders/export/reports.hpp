// Reports to the Sink, in file order. A datagram that follows a gap in its sequence is held back until the missing datagrams may
// no longer arrive late, so that reordering is not reported as loss.
#pragma once

#include "plugins/decoders/export/limits.hpp"

#include <mole/decoder.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace mole::plugins::flow_export {

// What is missing before a datagram: `count` numbers of the sequence of a domain.
struct Gap {
  std::uint64_t domain = 0;
  std::uint32_t first = 0, count = 0;
  bool in_damage = false;
  // Flows per number of the sequence: 1 for records; an average for datagrams.
  double flows_per_number = 1;
};

class Reports {
 public:
  explicit Reports(Sink& sink) : sink_(sink) {}

  // `flows`: the rows written for it.
  void datagram(std::int64_t exported_us, std::uint32_t flows, std::uint32_t exporter, const Gap& gap, bool repeated);
  // Reports flows, or lost flows, of a datagram that has already been reported.
  void later(std::int64_t exported_us, std::uint32_t flows, std::uint64_t lost, std::uint32_t exporter);
  void skipped(std::uint64_t offset, std::uint64_t size, std::string reason);
  // A datagram with these numbers arrived late: they are not missing.
  void arrived(std::uint64_t domain, std::uint32_t first, std::uint32_t count);
  void flush();

 private:
  struct Entry {
    bool is_datagram;
    std::int64_t exported_us = 0;
    std::uint32_t flows = 0, exporter = 0;
    std::uint64_t lost = 0;
    Gap gap{};
    std::vector<Gap> missing{};  // parts of the gap that have not arrived
    std::uint64_t offset = 0, size = 0;
    std::string reason{};
    bool repeated = false;
  };
  void push(Entry entry);
  void emit(const Entry& entry);

  Sink& sink_;
  std::deque<Entry> waiting_;
};

}  // namespace mole::plugins::flow_export
