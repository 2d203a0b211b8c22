#include "runtime/decode/compressed_source.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace mole::runtime {
namespace {

using State = StreamDecoder::State;

constexpr std::uint64_t least_chunk = std::uint64_t{64} << 10,
                        largest_chunk = std::uint64_t{1} << 20;  // smaller for a small file
constexpr std::size_t max_padding = std::size_t{1} << 20;  // zero bytes after a stream that fill up the largest usual tape block
// Bytes found by searching are a stream if this much content can be decoded, or the whole stream.
constexpr std::size_t convincing_content = std::size_t{32} << 10;
constexpr unsigned max_candidates = 100;  // limits the time spent on hostile files
constexpr unsigned max_skipped = 1000;    // skippable frames at the start of a file

}  // namespace

CompressedSource::CompressedSource(FileBytes file, const StreamFormat& format, const ContentOptions& options,
                                   std::size_t read_bytes)
    : ContentSource(file.size()),
      file_(std::move(file)),
      format_(format),
      max_content_(options.max_content),
      memory_(options.memory),
      read_bytes_(read_bytes),
      progress_(options.progress),
      decoder_(format.make(options.memory)),
      out_(std::clamp(stored_bytes_ * 8, least_chunk, largest_chunk)) {}

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
  damaged("bytes after the end of the " + std::string(format_.name) + " data that are not " + std::string(format_.name));
  return {};
}

Result<> CompressedSource::begin_stream() {
  stream_from_ = position_;
  search_from_ = position_ + 1;
  phase_ = Phase::inside;
  if (decoder_->start() == State::out_of_memory)
    return exhausted("not enough memory to decode " + std::string(format_.name) + " data; raise --memory or use fewer threads");
  return {};
}

Result<> CompressedSource::decode() {
  MOLE_TRY(const auto in, ahead(decoder_->wanted()));
  const auto left = max_content_ - content_bytes_ - filled_, space = std::uint64_t{out_.size() - filled_};
  const auto room =
      static_cast<std::size_t>(left < space ? left + 1 : space);  // one byte beyond the limit shows that it is exceeded
  const auto step = decoder_->decode(in, std::span(out_).subspan(filled_, room));
  position_ += step.read;
  filled_ += step.written;
  if (candidate_ && filled_ >= convincing_content) accept_candidate();
  const std::string name(format_.name);
  if (step.written > left) {
    --filled_;
    if (candidate_) accept_candidate();
    stop(position_, over_content_limit(max_content_));
    return {};
  }
  switch (step.state) {
    case State::out_of_memory:
      return exhausted("not enough memory to decode " + name + " data; raise --memory or use fewer threads");
    case State::too_large:
      damaged("the " + name + " data needs more than " + std::to_string(memory_) +
              " bytes of memory, a limit against decompression bombs; compress the file again with a smaller window");
      break;
    case State::damaged:
      damaged(name + " data that cannot be decoded" + (step.why.empty() ? "" : " (" + std::string(step.why) + ")"));
      break;
    case State::more:
      if (step.read > 0 || step.written > 0) break;
      damaged(in.empty() ? "the file is truncated: it ends inside " + name + " data" : name + " data that cannot be decoded");
      break;
    default:
      finish_stream(step.state);
  }
  return {};
}

void CompressedSource::finish_stream(State state) {
  const std::string name(format_.name);
  if (state == State::wrong_content && candidate_) return damaged("");
  if (candidate_) accept_candidate();
  phase_ = Phase::between;
  if (state == State::end) {
    search_from_ = position_;
    return;
  }
  // Not reported as a gap: the position of the damage is unknown.
  add_lost(lost_, stream_from_, position_,
           "the content of the " + name + " data does not match its checksum; it was used, but parts of it are wrong");
}

// ---- after damage

void CompressedSource::damaged(std::string reason) {
  if (candidate_) {
    candidate_ = false;  // different data that looks like the start of a stream
    filled_ = 0;
  } else {
    damaged_from_ = position_;
    reason_ = std::move(reason);
  }
  phase_ = Phase::searching;
}

Result<> CompressedSource::search() {
  if (!format_.repeats || candidates_ == max_candidates) {
    stop(damaged_from_, reason_);
    return {};
  }
  position_ = search_from_;
  while (true) {
    MOLE_TRY(const auto bytes, ahead(StreamFormat::header_bytes));
    if (bytes.empty()) {
      stop(damaged_from_, reason_);
      return {};
    }
    const bool last = bytes.size() < StreamFormat::header_bytes;
    const std::size_t starts = last ? bytes.size() : bytes.size() - StreamFormat::header_bytes + 1;
    for (std::size_t i = 0; i < starts; ++i) {
      if (!format_.begins(bytes.subspan(i))) continue;
      position_ += i;
      candidate_ = true;
      ++candidates_;
      return begin_stream();
    }
    position_ += starts;
  }
}

void CompressedSource::accept_candidate() {
  candidate_ = false;
  gap_ = true;
  // A decoder may notice only inside the next stream that the stream before it was cut off.
  add_lost(lost_, std::min(damaged_from_, stream_from_), stream_from_, reason_);
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
