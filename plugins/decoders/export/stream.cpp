#include "plugins/decoders/export/stream.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace mole::plugins::flow_export {
namespace {

constexpr std::size_t max_message = 65'535;
constexpr std::uint32_t max_ahead = 1'000'000;  // of sequence numbers of consecutive messages

}  // namespace

Result<bool> MessageStream::next(FlowBuilder& out) {
  while (collector_.write(out)) {
    in_.skip(std::exchange(size_, 0));
    if (!add_message()) collector_.finish();
  }
  return !collector_.ended();
}

// Returns false at the end of the file.
bool MessageStream::add_message() {
  const std::size_t header_size = framing_.header_size();
  while (true) {
    const auto head = in_.peek(header_size);
    if (head.size() < header_size) {
      if (!skip_truncated(head.size())) return false;
      continue;
    }
    if (lost_sync_ && !resynchronise()) continue;
    const auto header = framing_.header(in_.peek(header_size));
    if (!header) {
      lost_sync_ = true;
      continue;
    }
    bool sound = false;
    std::size_t size = framing_.measure(in_, sound);
    // The next message should begin where this one ends. If it begins earlier, bytes of this one are missing.
    const auto bytes = in_.peek(size + header_size);
    const auto following = bytes.size() == size ? std::nullopt : framing_.header(bytes.subspan(size));
    const bool followed = following && are_near(following->seconds, header->seconds);
    if (!followed && !(sound && bytes.size() == size && !in_.gap())) {
      const std::size_t inside = find_inside(size, *header);
      const auto after = in_.peek(size + header_size).subspan(std::min(size, in_.peek(size).size()));
      const bool lost = inside == size && !following && after.size() == header_size && !may_follow(after, *header) &&
                        another_follows(size, *header);
      if (inside < size || lost) {  // none of its records is used: some may consist of bytes of two messages
        const std::size_t skipped = lost ? header_size : inside;
        damaged(in_.offset(), skipped, "bytes are missing inside a message, or after it");
        in_.skip(skipped);
        lost_sync_ = lost;
        continue;
      }
    }
    size_ = size;
    last_seconds_ = header->seconds;
    collector_.add({in_.peek(size), in_.offset()});
    return true;
  }
}

// Whether the bytes can be a damaged header of the message after the one with this header.
bool MessageStream::may_follow(std::span<const std::byte> bytes, const MessageHeader& header) const {
  const MessageHeader other = framing_.fields(bytes);
  return are_near(other.seconds, header.seconds) ||
         (other.domain == header.domain && other.sequence - header.sequence <= max_ahead);
}

// Whether a message of about this time begins within a message's length after the first `size` bytes. Otherwise bytes that are
// not messages end the file: nothing is missing before them.
bool MessageStream::another_follows(std::size_t size, const MessageHeader& header) {
  const std::size_t most = size + max_message + framing_.header_size();
  const auto bytes = in_.peek(most);
  if (bytes.size() < most && in_.gap()) return true;
  for (std::size_t at = size; at < bytes.size(); ++at) {
    const auto other = framing_.header(bytes.subspan(at));
    if (other && are_near(other->seconds, header.seconds)) return true;
  }
  return false;
}

// Returns where a message begins inside the one of `size` bytes with this header; `size` if none does.
std::size_t MessageStream::find_inside(std::size_t size, const MessageHeader& header) {
  const auto bytes = in_.peek(size + max_message);
  for (std::size_t at = framing_.header_size(); at < size; ++at) {
    const auto other = framing_.header(bytes.subspan(at));
    if (other && other->domain == header.domain && are_near(other->seconds, header.seconds) &&
        other->sequence - header.sequence <= max_ahead && framing_.begins(bytes.subspan(at)))
      return at;
  }
  return size;
}

// Skips a header that was cut short to `left` bytes. Returns false at the end of the file; at a gap, continues after it.
bool MessageStream::skip_truncated(std::size_t left) {
  const bool gap = in_.gap();
  // Reports a gap even without bytes before it, so that the host knows which flows were before the damage.
  if (left > 0 || gap) damaged(in_.offset(), left, "message header cut short");
  if (!gap) {
    in_.skip(left);
    return false;
  }
  in_.cross_gap();
  lost_sync_ = true;
  return true;
}

// Searches for the next message. Without one, consumes all bytes and returns false.
bool MessageStream::resynchronise() {
  constexpr std::size_t enough = 256 * 1024;
  const std::uint64_t from = in_.offset();
  bool found = false, ended = false;
  while (!found && !ended) {
    const auto bytes = in_.peek(enough);
    ended = bytes.size() < enough;
    const std::size_t end = ended ? bytes.size() : bytes.size() - 2 * max_message;
    std::size_t at = 0;
    while (at < end && !found) {
      const auto header = framing_.header(bytes.subspan(at));
      found = header && (!last_seconds_ || are_near(header->seconds, *last_seconds_)) && framing_.begins(bytes.subspan(at));
      if (!found) ++at;
    }
    // Without a message of about the time of the last one, any is used: clocks may be wrong.
    if (!found && last_seconds_)
      for (std::size_t any = 0; any < end && !found; ++any)
        if (framing_.header(bytes.subspan(any)) && framing_.begins(bytes.subspan(any))) {
          at = any;
          found = true;
        }
    in_.skip(at);
  }
  if (in_.offset() > from)
    damaged(from, in_.offset() - from, "no " + std::string(framing_.name()) + " message was found in these bytes");
  lost_sync_ = !found;
  return found;
}

void MessageStream::damaged(std::uint64_t offset, std::uint64_t size, std::string_view reason) {
  collector_.damaged();
  collector_.skipped(offset, size, reason);
}

}  // namespace mole::plugins::flow_export
