#include "runtime/decode/compressed_source.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace mole::runtime {
namespace {

using State = StreamDecoder::State;

constexpr std::uint64_t least_chunk = std::uint64_t{64} << 10,
                        largest_chunk = std::uint64_t{1} << 20;  // smaller for a small file
constexpr std::size_t max_padding = std::size_t{1} << 20;  // zero bytes after a stream that fill up the largest usual tape block
// Bytes found by searching are a stream if this much content can be decoded, or the whole stream.
constexpr std::size_t convincing_content = std::size_t{32} << 10;
constexpr unsigned max_rejected = 100;  // places without a stream; limits the time spent on hostile files
constexpr unsigned max_skipped = 1000;  // skippable frames at the start of a file

}  // namespace

CompressedSource::CompressedSource(FileBytes file, const StreamFormat& format, const ContentOptions& options,
                                   std::size_t read_bytes, std::size_t kept_bytes)
    : ContentSource(file.size()),
      file_(std::move(file)),
      format_(format),
      max_content_(options.max_content),
      memory_(options.memory),
      read_bytes_(read_bytes),
      progress_(options.progress),
      decoder_(format.make(options.memory)),
      out_(std::clamp(stored_bytes_ * 8, least_chunk, largest_chunk)),
      kept_bytes_(static_cast<std::size_t>(std::min<std::uint64_t>(kept_bytes, options.memory / 4))) {}

Result<std::optional<Chunk>> CompressedSource::next() {
  filled_ = 0;
  // Content before damage is returned before the search for content after it.
  while (phase_ != Phase::ended && filled_ < out_.size() && !(phase_ == Phase::searching && filled_ > 0)) {
    auto done = phase_ == Phase::between ? between_streams() : phase_ == Phase::inside ? decode() : search();
    if (!done) return done.error();
  }
  if (filled_ == 0) return std::optional<Chunk>();
  const Chunk chunk{{out_.data(), filled_}, content_bytes_, std::exchange(gap_, false)};
  content_bytes_ += filled_;
  return std::optional(chunk);
}

Result<std::span<const std::uint8_t>> CompressedSource::ahead(std::size_t wanted) {
  if (position_ < in_from_ || position_ + wanted > in_from_ + in_.size()) {
    in_.resize(std::max(read_bytes_, wanted));
    MOLE_TRY(const auto got, file_.read(position_, in_));
    in_.resize(got);
    in_from_ = position_;
    if (progress_) progress_();
  }
  return std::span<const std::uint8_t>(in_).subspan(position_ - in_from_);
}

Result<> CompressedSource::between_streams() {
  MOLE_TRY(auto bytes, ahead(StreamFormat::header_bytes));
  if (bytes.empty()) {
    phase_ = Phase::ended;
    if (position_ < stored_bytes_) stop(position_, "the file was truncated while it was being read");
    return {};
  }
  if (format_.begins(bytes)) return begin_stream();
  if (const auto skipped = format_.skippable ? skippable_frame(bytes) : 0; skipped > 0) {
    if (skipped > stored_bytes_ - position_) {
      stop(position_, "the file is truncated: it ends inside a skippable frame");
    } else {
      search_from_ = position_ += skipped;
    }
    return {};
  }
  const auto is_data = [](auto byte) { return byte != 0; };
  auto data = std::find_if(bytes.begin(), bytes.end(), is_data);
  if (static_cast<std::size_t>(bytes.end() - data) < StreamFormat::header_bytes) {
    MOLE_TRY(bytes, ahead(max_padding + StreamFormat::header_bytes));
    data = std::find_if(bytes.begin(), bytes.end(), is_data);
  }
  const auto zeros = static_cast<std::size_t>(data - bytes.begin());
  if (zeros > 0 && zeros <= max_padding) {
    if (data == bytes.end()) {
      phase_ = Phase::ended;
      return {};
    }
    if (format_.begins(bytes.subspan(zeros))) {
      search_from_ = position_ += zeros;
      return {};
    }
  }
  damaged_from_ = position_;
  reason_ = "bytes after the end of the " + std::string(format_.name) + " data that are not " + std::string(format_.name);
  phase_ = Phase::searching;
  return {};
}

std::string CompressedSource::reason_of(const StreamDecoder::Step& step, bool at_end) const {
  const std::string name(format_.name);
  switch (step.state) {
    case State::too_large:
      return "the " + name + " data needs more than " + std::to_string(memory_) +
             " bytes of memory, a limit against decompression bombs; compress the file again with a smaller window";
    case State::wrong_content:
      return "the content of the " + name +
             " data does not match its checksum; none of it is used, because it may be wrong anywhere";
    case State::more:
      if (at_end) return "the file is truncated: it ends inside " + name + " data";
      [[fallthrough]];
    default:
      return name + " data that cannot be decoded" + (step.why.empty() ? "" : " (" + std::string(step.why) + ")");
  }
}

// Decodes the stream at position_ to its end, keeps its content if it is not too large, and fills stream_.
Result<> CompressedSource::verify() {
  stream_ = {position_, position_, 0, "", false};
  const auto no_memory = [&] {
    return exhausted("not enough memory to decode " + std::string(format_.name) + " data; raise --memory or use fewer threads");
  };
  if (decoder_->start() == State::out_of_memory) return no_memory();
  scratch_.resize(least_chunk);
  if (!kept_) kept_.reset(new (std::nothrow) std::uint8_t[kept_bytes_]);  // not initialised
  is_kept_ = kept_ != nullptr;                                            // without memory, the stream is decoded twice
  const auto limit = max_content_ - content_bytes_ - filled_;
  while (true) {
    MOLE_TRY(const auto in, ahead(decoder_->wanted()));
    is_kept_ = is_kept_ && stream_.content < kept_bytes_;
    const auto room = std::min<std::uint64_t>(least_chunk, kept_bytes_ - std::min<std::uint64_t>(stream_.content, kept_bytes_));
    const auto step = decoder_->decode(
        in, is_kept_ ? std::span(kept_.get() + stream_.content, static_cast<std::size_t>(room)) : std::span(scratch_));
    position_ += step.read;
    stream_.content += step.written;
    if (stream_.content > limit) {  // decode() reports it
      is_kept_ = false;
      break;
    }
    if (step.state == State::more && (step.read > 0 || step.written > 0)) continue;
    if (step.state == State::out_of_memory) return no_memory();
    stream_.complete = step.state == State::end || step.state == State::wrong_content;
    if (step.state != State::end) stream_.reason = reason_of(step, in.empty());
    if (stream_.complete && step.state != State::end) stream_.content = 0;
    const bool truncated = step.state == State::more && in.empty();
    if (!stream_.complete && !truncated) stream_.content = decoder_->sound_content(stream_.content);
    break;
  }
  stream_.to = position_;
  return {};
}

Result<> CompressedSource::begin_stream() {
  if (auto done = verify(); !done) return done;
  position_ = stream_.from;
  search_from_ = position_ + 1;
  left_ = stream_.content;
  phase_ = Phase::inside;
  if (!is_kept_ && decoder_->start() == State::out_of_memory)
    return exhausted("not enough memory to decode " + std::string(format_.name) + " data; raise --memory or use fewer threads");
  return {};
}

Result<> CompressedSource::decode() {
  if (left_ == 0) return end_stream();
  const auto allowed = max_content_ - content_bytes_ - filled_;
  if (allowed == 0) {
    stop(position_, over_content_limit(max_content_));
    return {};
  }
  const auto room = std::min({std::uint64_t{out_.size() - filled_}, allowed, left_});
  if (is_kept_) {
    std::copy_n(kept_.get() + (stream_.content - left_), room, out_.data() + filled_);
    filled_ += room;
    left_ -= room;
    return {};
  }
  MOLE_TRY(const auto in, ahead(decoder_->wanted()));
  const auto step = decoder_->decode(in, std::span(out_).subspan(filled_, static_cast<std::size_t>(room)));
  position_ += step.read;
  filled_ += step.written;
  left_ -= step.written;
  if (step.written > 0 || (step.read > 0 && step.state == State::more)) return {};
  return transient("a file changed while it was being read");
}

// All content of the stream that may be used has been decoded.
Result<> CompressedSource::end_stream() {
  position_ = stream_.to;
  if (stream_.reason.empty()) {
    search_from_ = position_;
    phase_ = Phase::between;
    return {};
  }
  // A stream with a wrong checksum may be one that was cut off, decoded on into the next one.
  damaged_from_ = stream_.complete ? stream_.from : position_;
  reason_ = stream_.reason;
  phase_ = Phase::searching;
  return {};
}

// ---- after damage

// Searches for a stream. Bytes that look like one are different data unless much of it, or all, can be decoded.
Result<> CompressedSource::search() {
  auto from = search_from_;
  while (format_.repeats && rejected_ < max_rejected) {
    position_ = from;
    MOLE_TRY(const auto bytes, ahead(StreamFormat::header_bytes));
    if (bytes.empty()) break;
    const std::size_t starts =
        bytes.size() < StreamFormat::header_bytes ? bytes.size() : bytes.size() - StreamFormat::header_bytes + 1;
    std::size_t i = 0;
    while (i < starts && !format_.begins(bytes.subspan(i))) ++i;
    from += i;
    if (i == starts) continue;
    position_ = from++;
    if (auto done = begin_stream(); !done) return done;
    if (stream_.content < convincing_content && !(stream_.complete && stream_.reason.empty())) {
      ++rejected_;
      continue;
    }
    // A decoder may notice only inside the next stream that the stream before it was cut off.
    add_lost(lost_, std::min(damaged_from_, stream_.from), stream_.from, reason_);
    gap_ = true;
    return {};
  }
  stop(damaged_from_, reason_);
  return {};
}

void CompressedSource::stop(std::uint64_t from, std::string_view reason) {
  add_lost(lost_, std::min(from, stored_bytes_), stored_bytes_, reason);
  ends_in_damage_ = true;
  phase_ = Phase::ended;
}

Result<const StreamFormat*> stream_format_of(const FileBytes& file, std::span<const std::uint8_t> head) {
  std::array<std::uint8_t, StreamFormat::header_bytes> buffer;
  std::uint64_t position = 0;
  for (unsigned i = 0; i < max_skipped; ++i) {
    if (const auto* format = stream_format_of(head)) return format;
    const auto skipped = skippable_frame(head);
    if (skipped == 0) return nullptr;
    position += skipped;
    MOLE_TRY(const auto got, file.read(position, buffer));
    head = std::span<const std::uint8_t>(buffer).first(got);
  }
  return nullptr;
}

}  // namespace mole::runtime
