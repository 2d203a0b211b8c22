#include "runtime/decode/held_source.hpp"

#include <algorithm>

namespace mole::runtime {

class HeldSource::Excerpt final : public ContentSource {
 public:
  Excerpt(const std::deque<Held>& held, std::uint64_t bytes) : ContentSource(bytes), held_(held), left_(bytes) {}

  Result<std::optional<Chunk>> next() override {
    if (left_ == 0 || number_ == held_.size()) return std::optional<Chunk>();
    const auto& [bytes, offset, gap] = held_[number_++];
    const Chunk chunk{std::span(bytes).first(std::min<std::uint64_t>(bytes.size(), left_)), offset, gap};
    left_ -= chunk.bytes.size();
    content_bytes_ += chunk.bytes.size();
    return std::optional(chunk);
  }

 private:
  const std::deque<Held>& held_;
  std::uint64_t left_;
  std::size_t number_ = 0;
};

// Returns the next chunk of the content, and takes over what is known of its losses.
Result<std::optional<Chunk>> HeldSource::read() {
  MOLE_TRY(auto chunk, from_->next());
  if (lost_ != from_->lost()) lost_ = from_->lost();
  ends_in_damage_ = from_->ends_in_damage();
  return chunk;
}

Result<> HeldSource::hold(std::uint64_t bytes) {
  while (held_bytes_ < bytes) {
    MOLE_TRY(const auto chunk, read());
    if (!chunk) break;
    held_.push_back({{chunk->bytes.begin(), chunk->bytes.end()}, chunk->offset, chunk->gap});
    held_bytes_ += chunk->bytes.size();
  }
  return {};
}

std::vector<std::uint8_t> HeldSource::head(std::size_t bytes) const {
  std::vector<std::uint8_t> out;
  for (const auto& held : held_) {
    if ((held.gap && !out.empty()) || out.size() == bytes) break;
    const auto more = std::span(held.bytes).first(std::min(held.bytes.size(), bytes - out.size()));
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

std::unique_ptr<ContentSource> HeldSource::excerpt(std::uint64_t bytes) const { return std::make_unique<Excerpt>(held_, bytes); }

Result<std::optional<Chunk>> HeldSource::next() {
  if (started_ && !held_.empty()) held_.pop_front();
  started_ = true;
  std::optional<Chunk> chunk;
  if (!held_.empty()) {
    chunk = Chunk{held_.front().bytes, held_.front().offset, held_.front().gap};
  } else {
    MOLE_TRY(chunk, read());
  }
  if (chunk) content_bytes_ += chunk->bytes.size();
  return chunk;
}

}  // namespace mole::runtime
