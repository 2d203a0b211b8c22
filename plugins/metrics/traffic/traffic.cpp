#include <mole/metric.hpp>

// Flows, packets and bytes of an interval. Sums wrap around at 2^64.
struct Traffic {
  static constexpr auto about = mole::metric("traffic", "1.0.0", "Flows, packets and bytes per interval");

  struct Row {
    std::uint64_t flows, packets, bytes;
  };
  static constexpr auto output = mole::columns(mole::column("flows", &Row::flows, mole::unit::flow, "Flow records"),
                                               mole::column("packets", &Row::packets, mole::unit::packet, "Packets of the flows"),
                                               mole::column("bytes", &Row::bytes, mole::unit::byte, "Bytes of the flows"));

  std::uint64_t flows = 0, packets = 0, bytes = 0;
  static constexpr auto state = mole::fields(&Traffic::flows, &Traffic::packets, &Traffic::bytes);

  void add(const mole::Flows<mole::packets, mole::bytes>& batch) {
    flows += batch.size();
    for (const auto n : batch.span<mole::packets>()) packets += n;
    for (const auto n : batch.span<mole::bytes>()) bytes += n;
  }
  void merge(const Traffic& other) { mole::merge_fields(*this, other); }
  Row finish() const { return {flows, packets, bytes}; }
};

MOLE_PLUGINS(Traffic)
