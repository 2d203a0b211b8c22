// NetFlow v1 and v7: concatenated export datagrams as stored by a collector, without framing. See docs/formats/netflow1_7.md.
#pragma once

#include "plugins/decoders/export/fixed.hpp"

#include <mole/decoder.hpp>

#include <cstddef>
#include <span>

namespace mole::plugins {

// Decodes the datagrams of `framing`.
template <const flow_export::FixedFraming& framing>
class FixedNetFlow {
 public:
  // Whether the head consists of consecutive datagrams.
  static bool recognises(std::span<const std::byte> head) { return framing.recognises(head); }

  FixedNetFlow(ByteSource& source, Sink& sink) : stream_(source, sink, framing, flow_export::Biflows::keep) {}
  Result<bool> next(FlowBuilder& out) { return stream_.next(out); }

 private:
  flow_export::MessageStream stream_;
};

inline const flow_export::FixedFraming netflow1_framing(flow_export::Protocol::v1, "NetFlow v1");
inline const flow_export::FixedFraming netflow7_framing(flow_export::Protocol::v7, "NetFlow v7");

struct NetFlow1 : FixedNetFlow<netflow1_framing> {
  using writes = flow_export::Columns1;
  static constexpr auto about = mole::decoder("netflow1", "1.0.0", "Concatenated NetFlow v1 export datagrams");
  using FixedNetFlow::FixedNetFlow;
};

struct NetFlow7 : FixedNetFlow<netflow7_framing> {
  using writes = flow_export::Columns7;
  static constexpr auto about = mole::decoder("netflow7", "1.0.0", "Concatenated NetFlow v7 export datagrams (Catalyst 5000)");
  using FixedNetFlow::FixedNetFlow;
};

}  // namespace mole::plugins
