// Decoders of compressed streams: gzip members, zstd and lz4 frames, xz, lzma and lzip streams. A file consists of one or more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace mole::runtime {

class StreamDecoder {
 public:
  enum class State {
    more,           // needs more input or more space for output
    end,            // the stream is complete and matches its checksums
    wrong_content,  // the stream is complete, but its content does not match its checksum
    damaged,        // the input does not continue the stream
    too_large,      // the stream needs more memory than is allowed
    out_of_memory,
  };
  struct Step {
    std::size_t read = 0, written = 0;  // bytes of input consumed and of output produced
    State state = State::more;
    std::string_view why = {};  // the library's description of damage, a static string; may be empty
  };

  virtual ~StreamDecoder() = default;
  // Prepares for the first byte of a stream. State: more or out_of_memory.
  virtual State start() = 0;
  // Decodes further bytes of the stream. Without input, returns output that did not fit before. If it is called with at least
  // wanted() bytes each time, no content that follows damage in the same step is produced.
  virtual Step decode(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) = 0;
  virtual std::size_t wanted() const { return 1; }
  // After State::damaged: how much of the content of this stream, from its start, precedes the damage. What follows may have been
  // decoded from damaged bytes. `written`: the content returned.
  virtual std::uint64_t sound_content(std::uint64_t written) const { return written; }
};

struct StreamFormat {
  std::string_view name;  // "gzip"
  // Whether a stream begins with these bytes. If there are fewer than header_bytes, whether it may begin with them.
  bool (*begins)(std::span<const std::uint8_t> bytes);
  bool repeats;    // whether a file may contain several streams
  bool skippable;  // whether there may be skippable frames between them
  std::unique_ptr<StreamDecoder> (*make)(std::uint64_t memory);

  static constexpr std::size_t header_bytes = 18;  // enough for begins()
};

// Returns the format of a file that begins with these bytes, or null if it is none of these. bzip2 is not one of them.
const StreamFormat* stream_format_of(std::span<const std::uint8_t> head);

// Returns the size of the skippable frame of zstd and lz4 that begins with these bytes, or 0 if none does.
std::uint64_t skippable_frame(std::span<const std::uint8_t> bytes);

}  // namespace mole::runtime
