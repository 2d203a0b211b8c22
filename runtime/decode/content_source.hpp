// The decompressed bytes of one archive file, in order. Unreadable parts are left out and reported.
//
//   auto source = open_content(path, {.threads = 4});
//   while (true) {
//     auto chunk = (*source)->next();
//     if (!chunk) return chunk.error();      // the disk failed; damage to the file is not an error
//     if (!*chunk) break;
//     use((*chunk)->bytes);
//   }
//   report((*source)->lost());
//
// Chunks and losses do not depend on the number of threads.
#pragma once

#include <mole/result.hpp>

#include "sdk/model/task.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime {

class FileBytes;

struct Chunk {
  std::span<const std::uint8_t> bytes;  // never empty; valid until the next call of next()
  std::uint64_t offset = 0;             // position among the readable bytes
  bool gap = false;                     // content was lost immediately before these bytes
};

struct ContentOptions {
  unsigned threads = 1;  // for decoding, including the caller's
  Bzip2Decoder decode = Bzip2Decoder::interleaved;
  // Limits against decompression bombs: no content beyond `max_content` bytes of a file; about `memory` bytes for decoded bzip2
  // blocks that wait for their turn (they always include the next one), or for the window of other compressions.
  std::uint64_t max_content = task::default_max_content;
  std::uint64_t memory = std::uint64_t{256} << 20;
  std::function<void()> progress = {};  // called by the reading thread whenever a piece of the file has been read; may be empty
};

// Not thread-safe: use from one thread at a time.
class ContentSource {
 public:
  explicit ContentSource(std::uint64_t stored_bytes) : stored_bytes_(stored_bytes) {}
  ContentSource(const ContentSource&) = delete;
  ContentSource& operator=(const ContentSource&) = delete;
  virtual ~ContentSource() = default;

  // Returns the next bytes, or nullopt after the last. Errors come from the disk (transient) or from lack of memory (exhausted),
  // not from the content.
  virtual Result<std::optional<Chunk>> next() = 0;

  // Returns the name of the compression of the file.
  virtual std::string_view compression() const { return "none"; }

  // Returns the losses so far, as byte ranges of the stored file; complete once next() has returned nullopt.
  const std::vector<task::ByteRange>& lost() const { return lost_; }
  bool sound() const { return lost_.empty(); }
  // Whether content is missing after the last chunk; known once next() has returned nullopt.
  bool ends_in_damage() const { return ends_in_damage_; }
  std::uint64_t stored_bytes() const { return stored_bytes_; }    // size of the file
  std::uint64_t content_bytes() const { return content_bytes_; }  // returned so far

 protected:
  std::vector<task::ByteRange> lost_;
  bool ends_in_damage_ = false;
  const std::uint64_t stored_bytes_;
  std::uint64_t content_bytes_ = 0;
};

// Opens a file by its content, whatever its name: as bzip2 if it begins with BZh1..9 or bzip2 blocks begin near its start (the
// first bytes may be damaged); as gzip, xz, zstd, lz4, lzip or lzma if it begins so; without content if other_compression()
// recognises it; otherwise as plain bytes. missing: not a readable regular file.
Result<std::unique_ptr<ContentSource>> open_content(const std::filesystem::path& path, const ContentOptions& options = {});
Result<std::unique_ptr<ContentSource>> open_content(FileBytes file, const ContentOptions& options = {});

// Returns the reason of a loss: the content of a file exceeds `limit`.
std::string over_content_limit(std::uint64_t limit);

// Adds a range to a list of losses. Adjacent ranges with the same reason are merged, and a list of 1024 ranges merges further
// ones into its last entry, so that hostile input cannot make a report grow without limit.
void add_lost(std::vector<task::ByteRange>& list, std::uint64_t from, std::uint64_t to, std::string_view reason);

}  // namespace mole::runtime
