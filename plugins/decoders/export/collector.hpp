// Collector: decodes export datagrams of NetFlow v5, NetFlow v9 and IPFIX, one after the other, into batches of flows. Shared by
// the decoders of streams and captures.
//
//   mole::Result<bool> next(mole::FlowBuilder& out) {     // of a decoder
//     while (collector.write(out)) {                      // true: the last datagram is decoded, and `out` has room
//       if (const auto datagram = next_datagram())        // bytes stay valid until write() returns true
//         collector.add(*datagram);
//       else
//         collector.finish();                             // no more datagrams: reports what was kept back
//     }
//     return !collector.ended();
//   }
//
// Keeps, for each exporter and observation domain: templates, data whose template has not arrived, sampling intervals and
// sequence numbers, all within limits (limits.hpp). Accepts any bytes; what cannot be decoded is reported to the Sink.
// Use from one thread. The Sink must outlive it.
#pragma once

#include <mole/decoder.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace mole::plugins::flow_export {

// One export datagram, or one message of a file.
struct Datagram {
  std::span<const std::byte> bytes;  // from the version number to the end
  std::uint64_t offset = 0;          // of the bytes in the file, for reports about them
  Addr exporter{};                   // the sender, IPv4 as mapped address; all zero: unknown
  std::uint16_t port = 0;            // the sender's port; 0: unknown
};

enum class Biflows {
  keep,   // one flow with reverse counters
  split,  // two flows
};

class Collector {
 public:
  explicit Collector(Sink& sink, Biflows biflows = Biflows::keep);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Whether the payload of a datagram looks like an export datagram: a known version, and consistent lengths.
  static bool recognises(std::span<const std::byte> payload);

  // Starts decoding a datagram. Call it only after write() has returned true.
  void add(const Datagram& datagram);
  // Appends flows to a batch. Returns true if the datagram is decoded and more may be added; false if the batch must be
  // returned to the host, or there are no more flows.
  bool write(FlowBuilder& out);
  // After the last datagram: reports data that no template describes, and makes write() return the remaining flows.
  void finish();
  // Whether all flows were written after finish().
  bool ended() const;

  // Bytes are missing before the next datagram. Reports all datagrams up to here; the caller reports the damage itself
  // (Sink::skipped) afterwards. Losses across it are attributed to the damage.
  void damaged();
  // Reports bytes outside any datagram, in file order with the datagrams.
  void skipped(std::uint64_t offset, std::uint64_t size, std::string_view reason);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace mole::plugins::flow_export
