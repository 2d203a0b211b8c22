// The content of a file of compressed streams (stream_decoder.hpp), read once from start to end with bounded memory. The content
// up to damage is used. What follows is lost, up to the next stream of the file if there is one.
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
  // `read_bytes`: size of the pieces in which the file is read.
  CompressedSource(FileBytes file, const StreamFormat& format, const ContentOptions& options,
                   std::size_t read_bytes = std::size_t{256} << 10);

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
  Result<> decode();
  Result<> search();
  void finish_stream(StreamDecoder::State state);
  void damaged(std::string reason);
  void accept_candidate();
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
  std::size_t filled_ = 0;  // bytes of the next chunk

  Phase phase_ = Phase::between;
  bool gap_ = false;                // before the next chunk
  std::uint64_t stream_from_ = 0;   // start of the current stream
  std::uint64_t search_from_ = 0;   // the first position at which a stream may begin if there is damage
  std::uint64_t damaged_from_ = 0;  // start and reason of the damage, while searching or in a candidate
  std::string reason_;
  bool candidate_ = false;  // the current stream was found by searching, and its bytes may be different data
  unsigned candidates_ = 0;
};

// Returns the format of a file that begins with `head`, behind any skippable frames, or null if it is not one of compressed
// streams.
Result<const StreamFormat*> stream_format_of(const FileBytes& file, std::span<const std::uint8_t> head);

}  // namespace mole::runtime
