// Reads the packets of a capture file, pcap or pcapng, one after the other. Finds the next record after damage.
#pragma once

#include <mole/byte_source.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace mole::plugins::capture {

using Bytes = std::span<const std::byte>;

constexpr std::size_t max_packet = 256 * 1024;            // bytes of a packet; libpcap captures no more
constexpr std::size_t max_record = max_packet + 4096;     // a packet with its header and options
constexpr std::size_t max_other_record = 16u << 20;       // a pcapng block without packet
constexpr std::uint64_t max_time_step_s = 7 * 24 * 3600;  // between packets before and after damage
constexpr std::uint32_t unknown_link_type = 0xffffffff;   // the interface of a packet is not described

struct Packet {
  Bytes bytes;                  // as captured, from the link-layer header; valid until the next call of Capture::next()
  std::uint64_t offset = 0;     // of the bytes in the file
  std::uint64_t original = 0;   // size of the packet before it was truncated by the capture
  std::uint32_t link_type = 0;  // LINKTYPE_*
  bool big_endian = false;      // byte order of the machine that captured it
  std::uint64_t seconds = 0;    // when it was captured
};

// How a file format cuts a file into records. A record is a file header, a packet with its header, or a block.
class Format {
 public:
  virtual ~Format() = default;
  // Size of the record that begins here, of whose first bytes up to 24 are given. 0: no record begins here.
  virtual std::size_t size(Bytes head) const = 0;
  // Whether a record ends where it should. `bytes`: the record and up to 24 bytes that follow it.
  virtual bool ends_well(Bytes bytes, std::size_t size) const = 0;
  // Whether the values of the header are usual; of a record whose end is not known.
  virtual bool likely(Bytes head) const = 0;
  // Whether a record with a packet, or a header, begins here, for the search after damage. `ended`: no more bytes follow these.
  virtual bool begins(Bytes bytes, bool ended) const = 0;
  // Reads a whole record. Returns its packet if it has one; the offset is that from the start of the record.
  virtual std::optional<Packet> read(Bytes record) = 0;
};

bool is_pcap(Bytes head);    // at least 24 bytes
bool is_pcapng(Bytes head);  // at least 12 bytes
std::unique_ptr<Format> pcap_format();
std::unique_ptr<Format> pcapng_format();

class Capture {
 public:
  // Called with offset and size of bytes that are not usable, and why.
  using Damage = std::function<void(std::uint64_t, std::uint64_t, std::string_view)>;

  Capture(ByteSource& in, Damage damage) : in_(in), damage_(std::move(damage)) {}

  // Returns nothing at the end of the file.
  std::optional<Packet> next();

 private:
  bool begin();
  bool cut_short(std::size_t left, std::string_view what);
  bool resynchronise();
  bool skip_large(std::size_t size);
  void skip_damaged(std::size_t size, std::string_view what);

  ByteSource& in_;
  Damage damage_;
  std::unique_ptr<Format> format_;
  std::size_t pending_ = 0;  // bytes of the last packet's record
  bool lost_sync_ = false;
  bool verified_ = false;  // the search has found the next record
};

}  // namespace mole::plugins::capture
