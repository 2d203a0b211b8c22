// The node's cache of archive files: a folder of limited size, shared by all worker processes of the node (and by several nodes,
// if they use the same folder). Files in use are pinned and never evicted. Pins are file locks, so a process that dies releases
// them.
//
//   auto cache = Cache::open("/var/cache/mole", {.limit = std::uint64_t{200} << 30});
//   auto staged = cache->acquire(files, "ddosvax",
//                                [&](const task::File& f, const ByteSink& sink) { return archive.fetch(f, sink); });
//   for (const Staged& file : *staged)
//     if (!file.error) read(file.path);
//
// docs/formats/cache.md describes the folder.
#pragma once

#include <mole/result.hpp>

#include "runtime/rows/file_output.hpp"
#include "sdk/model/digest.hpp"
#include "sdk/model/task.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mole::runtime {

// Receives the next bytes of a file that is being fetched. After an error, the fetch must stop and return it.
using ByteSink = std::function<Result<>(std::span<const std::byte>)>;
// Writes a whole file to the sink.
using Fetch = std::function<Result<>(const task::File&, const ByteSink&)>;
// Returns the index of the file to fetch next; the first call requests all of them from the archive. An error concerns all files.
using ChooseNext = std::function<Result<std::size_t>(std::span<const task::File* const>)>;

// How the missing files of a call are fetched.
struct Fetching {
  Fetch fetch;
  ChooseNext choose = {};  // empty: by medium and position

  template <class F>
  requires std::is_invocable_r_v<Result<>, F&, const task::File&, const ByteSink&> Fetching(F f)
      : fetch(std::move(f)) {}  // NOLINT: implicit by design
  Fetching(Fetch f, ChooseNext c) : fetch(std::move(f)), choose(std::move(c)) {}
};

using Pin = OwnedFd;  // an open file and its lock

// A file of a task, pinned in the cache as long as this lives. Either the file exists (`path` is set), or its cached columns
// replace it (`path` and `columns` are set), or it could not be fetched (`error` is set), or it is not present in the archive's
// index (none of these is set).
struct Staged {
  std::filesystem::path path;
  bool columns = false;        // `path` is its column file (docs/formats/columns.md)
  std::uint64_t size = 0;      // of the file itself
  Digest digest;               // of the file itself, computed while it was written
  bool fetched = false;        // by this call; false: it was in the cache
  std::optional<Error> error;  // why this file could not be fetched
  Pin pin;
};

// The column file of an archive file, during writing. Removed unless published. Not thread-safe: use from one thread at a time.
class ColumnsPart {
 public:
  ColumnsPart(ColumnsPart&& other) noexcept
      : folder_(std::move(other.folder_)),
        name_(std::exchange(other.name_, {})),
        pin_(std::move(other.pin_)),
        written_(other.written_) {}
  ColumnsPart& operator=(ColumnsPart&&) = delete;
  ~ColumnsPart();

  // exhausted: the disk is full. transient: the disk failed.
  Result<> append(std::string_view bytes);
  // Publishes the complete columns of `file`, whose staged bytes have this digest. Returns what a later acquire would return for
  // the file. The columns are not synced, because their readers verify them.
  Result<Staged> publish(const task::File& file, const Digest& digest) &&;

 private:
  friend class Cache;
  ColumnsPart(std::filesystem::path folder, std::string name, Pin pin)
      : folder_(std::move(folder)), name_(std::move(name)), pin_(std::move(pin)) {}

  std::filesystem::path folder_;
  std::string name_;  // empty: published, or moved from
  Pin pin_;
  std::uint64_t written_ = 0;
};

struct CacheOptions {
  std::uint64_t limit = 0;                                   // bytes, of files and parts being written
  std::chrono::milliseconds timeout{std::chrono::hours(1)};  // for waiting until other tasks release space
  std::function<void()> waiting = {};                        // called at least every second during such a wait; may be empty
  std::function<bool()> cancelled = {};                      // ends such a wait with the error "cancelled"; may be empty
  std::function<void(const task::File&)> damaged = {};       // called when a damaged copy or columns are removed; may be empty
};

// Thread-safe. Several processes may use the same folder.
class Cache {
 public:
  // Creates the folder if needed and removes incomplete files left by a crash.
  static Result<Cache> open(const std::filesystem::path& folder, const CacheOptions& options);

  // Pins these files, fetching those that are not in the cache; returns one Staged per file, in order. Space for all of them is
  // reserved before the first byte is fetched, evicting the least recently used files, so that two tasks that each hold half of
  // their files cannot wait for each other. `archive`: identifies the archive; ids are unique within one.
  //
  // A file whose fetch fails has its own error; so has one whose size or digest differs from the index twice. The whole call
  // fails with exhausted (the set is larger than the cache, or the disk is full), transient (no space within the timeout) or
  // cancelled (by fetch).
  //
  // A copy that is in the cache already is verified: if its bytes do not have the digest with which they were published, it is
  // removed and the file fetched again.
  //
  // `columns`: empty, or for each file the name of its cached columns (or an empty digest). If these columns are in the cache
  // they are pinned instead, and the file is not fetched.
  Result<std::vector<Staged>> acquire(std::span<const task::File> files, std::string_view archive, const Fetching& fetching,
                                      std::span<const Digest> columns = {});

  // The same, but pins nothing: each file is kept (see `keep`) as soon as it is in the cache, so that other tasks can read and
  // evict it while the rest is fetched. Every file that is being fetched needs one open file.
  Result<std::vector<Staged>> fetch_and_keep(std::span<const task::File> files, std::string_view archive,
                                             const Fetching& fetching, std::span<const Digest> columns = {});

  // Reserves space for a column file of this name and at most this size; evicts files like acquire. nullopt: the file exists or
  // is being written by another task, or there is no space. Never waits.
  Result<std::optional<ColumnsPart>> begin_columns(const Digest& name, std::uint64_t max_bytes);
  // Remove a damaged copy of a file, or its damaged columns. Tasks that still read them are not affected.
  Result<> remove_damaged(const task::File& file, std::string_view archive);
  Result<> remove_damaged_columns(const task::File& file, const Digest& name);
  // Evicts the columns of these files (as for acquire), or else the files, after all others, until a task uses them or a month
  // has passed. Does nothing about files that are not in the cache.
  void keep(std::span<const task::File> files, std::string_view archive, std::span<const Digest> columns = {});
  // Ends `keep` for files that no task will use.
  void release(std::span<const task::File> files, std::string_view archive, std::span<const Digest> columns = {});
  // Makes this file the first to be evicted, because its columns are in the cache.
  static void evict_first(const Staged& file);

 private:
  Cache(std::filesystem::path folder, CacheOptions options) : folder_(std::move(folder)), options_(std::move(options)) {}

  std::filesystem::path folder_;
  CacheOptions options_;
};

}  // namespace mole::runtime
