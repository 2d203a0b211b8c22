// Low-level access to the cache folder: names, locks, entries (docs/formats/cache.md).
#pragma once

#include "runtime/staging/cache.hpp"

#include <ctime>
#include <string>
#include <vector>

namespace mole::runtime::cache_folder {

namespace fs = std::filesystem;

// Returns the name of a file's entry (kept_file_name).
std::string name_of(const task::File& file, std::string_view archive);
fs::path file_path(const fs::path& folder, const std::string& name);    // complete
fs::path part_path(const fs::path& folder, const std::string& name);    // being written; locked by the writer
fs::path digest_path(const fs::path& folder, const std::string& name);  // of a complete file

struct Entry {
  std::string name;
  bool part = false;
  std::uint64_t size = 0;
  timespec used{};  // last use
};
Result<std::vector<Entry>> entries(const fs::path& folder);

// Waits for the lock of the folder, which is required for creating, publishing, pinning or removing entries.
Result<Pin> lock(const fs::path& folder);
// Return false if there is a conflicting lock.
bool try_shared(const Pin& file);
bool try_exclusive(const Pin& file);

// Opens and pins a complete file; nullopt if it does not exist. A file with a bad sidecar, or whose size is not `size` (by
// default the size in the sidecar), is removed; it is left over from a crash and is not pinned. Call under the lock of the
// folder. `use`: whether this counts as a use of the file, which also ends its keeping.
enum class Use : std::uint8_t { counts, does_not_count };
struct CompleteFile {
  Pin pin;
  Digest digest;
};
Result<std::optional<CompleteFile>> open_complete(const fs::path& folder, const std::string& name,
                                                  std::optional<std::uint64_t> size, Use use = Use::counts);
// Whether the bytes of the open file have this digest. Reads them all; takes no lock. transient: they cannot be read.
Result<bool> has_digest(const Pin& file, const Digest& digest);
Pin open_part(const fs::path& folder, const std::string& name);  // empty: it does not exist
// Creates a part of `size` bytes and locks it. exhausted: the disk is full.
Result<Pin> create_part(const fs::path& folder, const std::string& name, std::uint64_t size);
Result<> reserve(const Pin& part, std::uint64_t size);

// Durably turns a complete, synced part into a file with this digest.
Result<> publish(const fs::path& folder, const std::string& name, const Digest& digest, const task::File& file);
// The same without syncing, for a part of `size` bytes whose readers verify it.
Result<> publish_unsynced(const fs::path& folder, const std::string& name, const Digest& digest, std::uint64_t size,
                          const std::string& id);
// A file that is kept for waiting tasks has a time of last use in the future, at most this much.
inline constexpr std::time_t kept_seconds = 30 * 86400;
bool set_used(const fs::path& folder, const std::string& name, std::time_t at);  // false: there is no such file
void end_keeping(const fs::path& folder, const std::string& name);               // if it is kept
enum class Victims : std::uint8_t { any, not_kept };
// Evicts the least recently used unpinned files if that frees space for `needed` more bytes within `limit`; otherwise evicts
// nothing and returns false. Call under the lock of the folder.
Result<bool> make_room(const fs::path& folder, std::uint64_t limit, std::uint64_t needed, Victims victims = Victims::any);
// Writes all bytes at `offset`. exhausted: the disk is full. transient: the disk failed.
Result<> write_all(const Pin& file, std::span<const std::byte> bytes, std::uint64_t offset, const std::string& what);
void remove(const fs::path& folder, const Entry& entry);
// Removes parts without a writer and sidecars without a file.
Result<> clean(const fs::path& folder);

}  // namespace mole::runtime::cache_folder
