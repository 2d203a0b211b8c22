// The content of a file of compressed streams (stream_decoder.hpp), read with bounded memory. Each stream is decoded to its end,
// to find damage and compare its checksum, before its content is used. Content of up to max_kept bytes is kept meanwhile; a
// stream with more is decoded a second time. Content up to damage is used. What follows is lost, up to the next stream of the
// file if there is one. A stream whose checksum is wrong has no content: the damage may be anywhere in it.
#pragma once

#include "runtime/decode/content_source.hpp"
#include "runtime/decode/file_bytes.hpp"
#include "runtime/decode/stream_decoder.hpp"

#include <memory>
#include <string>
#include <vector>

namespace mole::runtime {

class CompressedSource final : public ContentSource {
 public:
  static constexpr std::size_t max_kept = std::size_t{64} << 20;
  // `read_bytes`: size of the pieces in which the file is read. `kept_bytes`: limits the content that is kept.
  CompressedSource(FileBytes file, const StreamFormat& format, const ContentOptions& options,
                   std::size_t read_bytes = std::size_t{256} << 10, std::size_t kept_bytes = max_kept);

  Result<std::optional<Chunk>> next() override;
  std::string_view compression() const override { return format_.name; }

 private:
  enum class Phase {
    between,    // at the end of a stream, or at the start of the file
    inside,     // of a stream
    searching,  // for a stream that follows damage
    ended
  };

  Result<std::span<const std::uint8_t>> ahead(
      std::size_t wanted);  // at least this many bytes from position_ on, fewer at the end
  Result<> between_streams();
  Result<> begin_stream();
  Result<> verify();
  Result<> decode();
  Result<> search();
  Result<> end_stream();
  std::string reason_of(const StreamDecoder::Step& step, bool at_end) const;
  void stop(std::uint64_t from, std::string_view reason);  // loses the rest of the file

  const FileBytes file_;
  const StreamFormat& format_;
  const std::uint64_t max_content_, memory_;
  const std::size_t read_bytes_;
  const std::function<void()> progress_;
  const std::unique_ptr<StreamDecoder> decoder_;

  std::vector<std::uint8_t> in_;
  std::uint64_t in_from_ = 0;   // position of in_ in the file
  std::uint64_t position_ = 0;  // of the next byte to decode
  std::vector<std::uint8_t> out_;
  std::size_t filled_ = 0;             // bytes of the next chunk
  std::vector<std::uint8_t> scratch_;  // content that verify() decodes and drops
  const std::size_t kept_bytes_;
  std::unique_ptr<std::uint8_t[]> kept_;  // kept_bytes_; memory is committed as far as streams use it
  bool is_kept_ = false;                  // kept_ has the content of stream_

  Phase phase_ = Phase::between;
  bool gap_ = false;                // before the next chunk
  std::uint64_t search_from_ = 0;   // the first position at which a stream may begin if there is damage
  std::uint64_t damaged_from_ = 0;  // start and reason of the damage, while searching
  std::string reason_;
  unsigned rejected_ = 0;  // places at which no stream was found while searching

  // The current stream, as verify() found it.
  struct Stream {
    std::uint64_t from = 0, to = 0;  // its bytes in the file; `to`: its end, or where damage was noticed
    std::uint64_t content = 0;       // bytes that may be used
    std::string reason;              // of the damage; empty: sound
    bool complete = false;           // decoded to its end
  } stream_;
  std::uint64_t left_ = 0;  // of stream_.content, not yet decoded
};

// Returns the format of a file that begins with `head`, behind any skippable frames, or null if it is not one of compressed
// streams.
Result<const StreamFormat*> stream_format_of(const FileBytes& file, std::span<const std::uint8_t> head);

}  // namespace mole::runtime
