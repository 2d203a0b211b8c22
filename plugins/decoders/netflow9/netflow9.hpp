// NetFlow v9: export datagrams stored one after the other, without framing. See docs/formats/netflow9.md.
//
//   0  version = 9 | 2 count (not reliable) | 4  SysUptime, ms | 8 unix_secs
//   12 sequence: datagrams before this one  | 16 source id     | 20 flowsets: id, length, records
#pragma once

#include "plugins/decoders/export/stream.hpp"
#include "plugins/decoders/export/writes.hpp"

#include <mole/decoder.hpp>

#include <cstddef>
#include <span>

namespace mole::plugins {

class NetFlow9 {
 public:
  static constexpr auto about = mole::decoder("netflow9", "1.1.0", "Concatenated NetFlow v9 export datagrams (RFC 3954)");
  using writes = flow_export::ExportedColumns;
  using Params = flow_export::ExportParams;
  static constexpr auto params = flow_export::export_params;

  // Whether the head consists of consecutive v9 datagrams.
  static bool recognises(std::span<const std::byte> head);

  NetFlow9(ByteSource& source, Sink& sink, const Params& given);
  Result<bool> next(FlowBuilder& out) { return stream_.next(out); }

 private:
  flow_export::MessageStream stream_;
};

}  // namespace mole::plugins
