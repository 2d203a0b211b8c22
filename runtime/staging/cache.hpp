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

#include "sdk/descriptor/digest.hpp"
#include "sdk/descriptor/task.hpp"

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

// A file in the cache, kept there while this lives. Three ways it can be: staged (`path` is set); not to be had
// (`error`); not present in the archive's index (neither).
struct Staged {
  std::filesystem::path path;
  std::uint64_t size = 0;
  Digest digest;               // of the bytes, taken while they were written
  bool fetched = false;        // by this call; false: it was there
  std::optional<Error> error;  // this file could not be fetched; the others could
  Pin pin;
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
  Result<std::vector<Staged>> acquire(std::span<const task::File> files, std::string_view archive, const Fetch& fetch);

  // Bytes held: files, and reservations of what is being fetched.
  Result<std::uint64_t> used() const;

 private:
  Cache(std::filesystem::path folder, CacheOptions options) : folder_(std::move(folder)), options_(options) {}

  std::filesystem::path folder_;
  CacheOptions options_;
};

}  // namespace mole::runtime
