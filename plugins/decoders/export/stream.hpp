// Splits a stream of messages stored back to back, finds the next message after damage, and passes each to a Collector.
#pragma once

#include "plugins/decoders/export/collector.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace mole::plugins::flow_export {

// The export time, source and sequence number of a message.
struct MessageHeader {
  std::uint32_t seconds = 0, sequence = 0, domain = 0;
};

// Whether two export times, in seconds modulo 2^32, can be those of consecutive messages.
inline bool are_near(std::uint32_t seconds, std::uint32_t others) {
  constexpr std::uint32_t slack = 3600;
  return seconds - others + slack <= 2 * slack;
}

// How a format cuts a stream into messages.
class Framing {
 public:
  virtual ~Framing() = default;
  virtual std::size_t header_size() const = 0;
  virtual std::string_view name() const = 0;  // for reports
  // The header at the start of the bytes; nullopt if there is none.
  virtual std::optional<MessageHeader> header(std::span<const std::byte> bytes) const = 0;
  // What a header here would contain, whatever its version; the bytes must be as many as a header has.
  virtual MessageHeader fields(std::span<const std::byte> bytes) const = 0;
  // Size of the message that begins here, as far as it is consistent. `sound`: it ends where it should.
  virtual std::size_t measure(ByteSource& in, bool& sound) const = 0;
  // Whether the bytes begin with a header and sets that are consistent up to the end of the message or of the bytes.
  virtual bool begins(std::span<const std::byte> bytes) const = 0;
};

class MessageStream {
 public:
  MessageStream(ByteSource& in, Sink& sink, const Framing& framing, Biflows biflows)
      : in_(in), framing_(framing), collector_(sink, biflows) {}

  // A decoder's next().
  Result<bool> next(FlowBuilder& out);

 private:
  bool add_message();
  bool may_follow(std::span<const std::byte> bytes, const MessageHeader& header) const;
  bool skip_truncated(std::size_t left);
  bool resynchronise();
  bool another_follows(std::size_t size, const MessageHeader& header);
  std::size_t find_inside(std::size_t size, const MessageHeader& header);
  void damaged(std::uint64_t offset, std::uint64_t size, std::string_view reason);

  ByteSource& in_;
  const Framing& framing_;
  Collector collector_;
  std::size_t size_ = 0;  // of the message that is being decoded
  bool lost_sync_ = false;
  std::optional<std::uint32_t> last_seconds_;
};

}  // namespace mole::plugins::flow_export
