// IPFIX: messages stored one after the other, as in the files of RFC 5655. See docs/formats/ipfix.md.
//
//   0  version = 10 | 2 length of the message | 4 export time, s | 8 sequence: data records before this message
//   12 observation domain | 16 sets: id, length, records
#pragma once

#include "plugins/decoders/export/stream.hpp"
#include "plugins/decoders/export/writes.hpp"

#include <mole/decoder.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace mole::plugins {

class Ipfix {
 public:
  static constexpr auto about = mole::decoder("ipfix", "1.1.0", "IPFIX messages and files (RFC 7011, RFC 5655)");
  using writes = flow_export::ExportedColumns;
  using Params = flow_export::ExportParams;
  static constexpr auto params = flow_export::export_params;

  // Whether the head consists of consecutive IPFIX messages.
  static bool recognises(std::span<const std::byte> head);

  Ipfix(ByteSource& source, Sink& sink, const Params& given);
  Result<bool> next(FlowBuilder& out) { return stream_.next(out); }

 private:
  flow_export::MessageStream stream_;
};

}  // namespace mole::plugins
