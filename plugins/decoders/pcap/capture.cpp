#include "plugins/decoders/pcap/capture.hpp"

#include <algorithm>
#include <utility>

namespace mole::plugins::capture {
namespace {

constexpr std::size_t head_size = 24;
constexpr std::size_t search_size = 4 * max_record;   // bytes that are searched at a time
constexpr std::size_t search_ahead = 3 * max_record;  // bytes that Format::begins() may consider

}  // namespace

std::optional<Packet> Capture::next() {
  in_.skip(std::exchange(pending_, 0));
  while (true) {
    if (!format_ && !begin()) return std::nullopt;
    if (lost_sync_ && !resynchronise()) {
      if (!cut_short(0, "bytes are missing")) return std::nullopt;
      continue;
    }
    const Bytes head = in_.peek(head_size);
    const std::size_t size = format_->size(head);
    if (size == 0) {
      if (in_.peek(16).size() < 16) {
        if (!cut_short(head.size(), "the header of a packet is cut short")) return std::nullopt;
      } else {
        lost_sync_ = true;
      }
      continue;
    }
    if (size > max_record) {
      if (!skip_large(size)) return std::nullopt;
      continue;
    }
    const Bytes bytes = in_.peek(size + head_size);
    if (!format_->ends_well(bytes, size)) {
      // The length may be wrong: does a record begin inside this one?
      const Bytes ahead = in_.peek(size + search_ahead);
      const bool ended = ahead.size() < size + search_ahead;
      std::size_t at = 1;
      while (at < std::min(size, ahead.size()) && !format_->begins(ahead.subspan(at), ended)) ++at;
      if (at < std::min(size, ahead.size())) {
        skip_damaged(at, "the length of a packet is wrong, or bytes of it are missing");
        continue;
      }
      if (ahead.size() < size) {
        if (!cut_short(ahead.size(), "a packet is cut short")) return std::nullopt;
        continue;
      }
      if (!verified_ && !format_->likely(ahead)) {
        lost_sync_ = true;
        continue;
      }
    }
    verified_ = false;
    auto packet = format_->read(in_.peek(size));
    if (packet) {
      packet->offset += in_.offset();
      pending_ = size;
      return packet;
    }
    in_.skip(size);
  }
}

// Finds out the format. Returns false if the file has none.
bool Capture::begin() {
  const Bytes head = in_.peek(head_size);
  if (is_pcap(head)) {
    format_ = pcap_format();
  } else if (is_pcapng(head)) {
    format_ = pcapng_format();
  } else {
    const std::uint64_t from = in_.offset();
    while (true) {
      const std::size_t left = in_.window(1).size();
      in_.skip(left);
      if (left > 0) continue;
      if (!in_.gap()) break;
      in_.cross_gap();
    }
    if (in_.offset() > from)
      damage_(
          from, in_.offset() - from,
          "the file header of a capture is missing or damaged, so that byte order and link type of the packets are not known");
    return false;
  }
  return true;
}

// The last `left` bytes before a gap or the end of the file are no whole record. Returns false at the end of the file.
bool Capture::cut_short(std::size_t left, std::string_view what) {
  const bool gap = in_.gap();
  if (left > 0 || gap) damage_(in_.offset(), left, what);
  if (!gap) {
    in_.skip(left);
    return false;
  }
  in_.cross_gap();
  lost_sync_ = true;
  return true;
}

// Searches for the next record. Without one, consumes all bytes and returns false.
bool Capture::resynchronise() {
  const std::uint64_t from = in_.offset();
  bool found = false, ended = false;
  while (!found && !ended) {
    const Bytes bytes = in_.peek(search_size);
    ended = bytes.size() < search_size;
    const std::size_t end = ended ? bytes.size() : bytes.size() - search_ahead;
    std::size_t at = 0;
    while (at < end && !format_->begins(bytes.subspan(at), ended)) ++at;
    found = at < end;
    in_.skip(at);
  }
  if (in_.offset() > from) damage_(from, in_.offset() - from, "no packet begins here");
  lost_sync_ = !found;
  verified_ = found;
  return found;
}

// Skips a large block without a packet. Returns false at the end of the file.
bool Capture::skip_large(std::size_t size) {
  while (size > 0) {
    const std::size_t piece = in_.peek(std::min(size, max_record)).size();
    if (piece < std::min(size, max_record)) return cut_short(piece, "a block is cut short");
    in_.skip(piece);
    size -= piece;
  }
  return true;
}

void Capture::skip_damaged(std::size_t size, std::string_view what) {
  damage_(in_.offset(), size, what);
  in_.skip(size);
}

}  // namespace mole::plugins::capture
