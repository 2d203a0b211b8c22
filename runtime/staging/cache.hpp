// The node's cache of archive files: one folder of limited size, shared by all worker processes of the node (and by
// several nodes, if they are given the same folder). What is in use is pinned and never evicted; pins are file locks,
// so a process that dies lets go of everything.
//
//   auto cache = Cache::open("/var/cache/mole", std::uint64_t{200} << 30);
//   auto staged = cache->acquire(files, "ddosvax", [&](const task::File& f, const ByteSink& to) { return
//   archive.fetch(f.id, to); }); for (const Staged& file : *staged)
//     if (!file.error) read(file.path);
//
// docs/formats/cache.md draws the folder.
#pragma once

#include <mole/result.hpp>

#include "sdk/model/digest.hpp"
#include "sdk/model/task.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace mole::runtime {

// Takes the next bytes of a file that is being fetched. An error: stop and return it.
using ByteSink = std::function<Result<>(std::span<const std::byte>)>;
// Writes the whole file to the sink; the cache checks and publishes it.
using Fetch = std::function<Result<>(const task::File&, const ByteSink&)>;

// A descriptor with its lock; both go with it.
class Pin {
 public:
  Pin() = default;
  explicit Pin(int fd) : fd_(fd) {}
  Pin(Pin&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Pin& operator=(Pin&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Pin();

  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A file in the cache, kept there while this lives. Four ways it can be: staged (`path` is set); its columns are there in its
// stead (`path` and `columns` are set); not to be had (`error`); not present in the archive's index (none of them).
struct Staged {
  std::filesystem::path path;
  bool columns = false;        // `path` is of its columns (docs/formats/columns.md), which the cache does not look into
  std::uint64_t size = 0;      // of the file itself
  Digest digest;               // of the file's bytes, taken while they were written
  bool fetched = false;        // by this call; false: it was there
  std::optional<Error> error;  // this file could not be fetched; the others could
  Pin pin;
};

// What becomes the columns of a file, while it is written. One thread at a time; what is not published goes with this.
class ColumnsPart {
 public:
  ColumnsPart(ColumnsPart&& other) noexcept
      : folder_(std::move(other.folder_)), name_(std::exchange(other.name_, {})), pin_(std::move(other.pin_)) {}
  ColumnsPart& operator=(ColumnsPart&&) = delete;
  ~ColumnsPart();

  // exhausted or transient: the disk takes no more.
  Result<> append(std::string_view bytes);
  // The columns of `file`, whose bytes as staged have this digest, are whole. The Staged is what a later acquire would give.
  // Not synced: whoever reads columns checks them.
  Result<Staged> publish(const task::File& file, const Digest& digest) &&;

 private:
  friend class Cache;
  ColumnsPart(std::filesystem::path folder, std::string name, Pin pin)
      : folder_(std::move(folder)), name_(std::move(name)), pin_(std::move(pin)) {}

  std::filesystem::path folder_;
  std::string name_;  // empty: nothing to remove
  Pin pin_;
  std::uint64_t written_ = 0;
};

struct CacheOptions {
  std::uint64_t limit = 0;                                    // bytes, of files and of what is being written
  std::chrono::milliseconds patience{std::chrono::hours(1)};  // how long to wait for room that others hold
};

// Thread-safe, and safe against other processes on the same folder.
class Cache {
 public:
  // Makes the folder if need be and removes what a crash left half-written.
  static Result<Cache> open(const std::filesystem::path& folder, const CacheOptions& options);

  // Pins these files, fetching those that are not there: one Staged per file, in order. Room for all of them is
  // reserved at once before the first byte is fetched, evicting what was used least recently, so that two tasks with
  // half of their files each cannot wait for each other. `archive` names the archive: ids are unique within one.
  //
  // A file whose fetch fails, or that has another size than the index says, carries its own error. The whole call fails
  // with exhausted (the set is larger than the cache, or the disk is full), transient (no room within the patience) or
  // cancelled (by fetch).
  //
  // `columns`: empty, or for each file the name under which its columns may be (an empty one: nowhere): then they are pinned and
  // the file is not even fetched.
  Result<std::vector<Staged>> acquire(std::span<const task::File> files, std::string_view archive, const Fetch& fetch,
                                      std::span<const Digest> columns = {});

  // Room for columns under this name, of at most so many bytes; evicts as acquire does. Nothing if they are there, are
  // being written by another task, or there is no room now: it never waits.
  Result<std::optional<ColumnsPart>> begin_columns(const Digest& name, std::uint64_t most_bytes);
  // Removes columns that turned out to be none. Who still reads them is not disturbed.
  Result<> forget_columns(const Digest& name);
  // This file is needed less than any other: its columns are there.
  static void release_first(const Staged& file);

  // Bytes held: files, and reservations of what is being fetched.
  Result<std::uint64_t> used() const;

 private:
  Cache(std::filesystem::path folder, CacheOptions options) : folder_(std::move(folder)), options_(options) {}

  std::filesystem::path folder_;
  CacheOptions options_;
};

}  // namespace mole::runtime
