// Reads the start of a file's content before its decoder does.
//
//   HeldSource source(std::move(content));
//   if (auto held = source.hold(4096); !held) return held.error();
//   choose_decoder(source.head(4096));
//   decode(source);                           // next() returns the content from its start
#pragma once

#include "runtime/decode/content_source.hpp"

#include <deque>

namespace mole::runtime {

class HeldSource final : public ContentSource {
 public:
  explicit HeldSource(std::unique_ptr<ContentSource> from) : ContentSource(from->stored_bytes()), from_(std::move(from)) {}

  // Reads until `bytes` bytes are held or the content ends. Call before next().
  Result<> hold(std::uint64_t bytes);
  // Returns the first bytes of what is held, at most `bytes`, up to the first gap between them.
  std::vector<std::uint8_t> head(std::size_t bytes) const;
  // Returns a source of the first `bytes` bytes of what is held; this object must outlive it.
  std::unique_ptr<ContentSource> excerpt(std::uint64_t bytes) const;

  Result<std::optional<Chunk>> next() override;

 private:
  struct Held {
    std::vector<std::uint8_t> bytes;
    std::uint64_t offset;
    bool gap;
  };
  class Excerpt;

  Result<std::optional<Chunk>> read();

  const std::unique_ptr<ContentSource> from_;
  std::deque<Held> held_;
  std::uint64_t held_bytes_ = 0;
  bool started_ = false;  // the first held chunk has been returned
};

}  // namespace mole::runtime
