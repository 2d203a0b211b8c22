// The decompressed bytes of one archive file, in order, with what could not be read left out and told.
//
//   auto source = open_content(path, {.threads = 4});
//   while (true) {
//     auto chunk = (*source)->next();
//     if (!chunk) return chunk.error();      // the disk failed; damage of the file is no error
//     if (!*chunk) break;
//     use((*chunk)->bytes);
//   }
//   report((*source)->lost());
//
// The same file gives the same chunks and the same losses whatever the number of threads.
#pragma once

#include <mole/result.hpp>

#include "sdk/model/task.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace mole::runtime {

struct Chunk {
  std::span<const std::uint8_t> bytes;  // never empty; valid until the next call of next()
  std::uint64_t offset = 0;             // where they stand among the bytes that could be read
  bool gap = false;                     // content was lost right before them
};

// Who decodes the blocks of bzip2 files; the content is the same.
enum class Bzip2Decoder { libbzip2, interleaved };

// By its name in a manifest; nothing for a name that is none.
std::optional<Bzip2Decoder> bzip2_decoder_named(std::string_view name);

struct ContentOptions {
  unsigned threads = 1;  // threads that decode, the caller's own among them
  Bzip2Decoder decode = Bzip2Decoder::interleaved;
  std::uint64_t output_ratio = 64;                       // a file may grow to this many times its size ...
  std::uint64_t output_floor = std::uint64_t{4} << 20;   // ... or to this, if that is more ...
  std::uint64_t output_limit = std::uint64_t{64} << 30;  // ... but never beyond this
};

// One thread at a time.
class ContentSource {
 public:
  explicit ContentSource(std::uint64_t stored_bytes) : stored_bytes_(stored_bytes) {}
  ContentSource(const ContentSource&) = delete;
  ContentSource& operator=(const ContentSource&) = delete;
  virtual ~ContentSource() = default;

  // Next bytes; nothing after the last. An error is the disk's (transient) or memory's (exhausted), never the
  // content's.
  virtual Result<std::optional<Chunk>> next() = 0;

  // What was lost so far, as byte ranges of the file as stored; complete once next() gave nothing.
  const std::vector<task::ByteRange>& lost() const { return lost_; }
  bool sound() const { return lost_.empty(); }
  // Content is missing behind the last chunk; known once next() gave nothing.
  bool ends_in_damage() const { return ends_in_damage_; }
  std::uint64_t stored_bytes() const { return stored_bytes_; }    // size of the file
  std::uint64_t content_bytes() const { return content_bytes_; }  // delivered so far

 protected:
  std::vector<task::ByteRange> lost_;
  bool ends_in_damage_ = false;
  const std::uint64_t stored_bytes_;
  std::uint64_t content_bytes_ = 0;
};

// Opens a file: bzip2 if it begins like it (BZh1..9) or is named *.bz2, else its bytes as they are.
// missing if there is no such readable regular file.
Result<std::unique_ptr<ContentSource>> open_content(const std::filesystem::path& path, const ContentOptions& options = {});

// Adds a range to a list of losses: adjacent ranges with one reason become one, and a list of 1024 takes further ones
// into its last entry, so that hostile input cannot make a report grow without end.
void add_lost(std::vector<task::ByteRange>& list, std::uint64_t from, std::uint64_t to, std::string_view reason);

}  // namespace mole::runtime
