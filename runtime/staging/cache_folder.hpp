// The cache's folder on disk, without policy: names, locks, entries (docs/formats/cache.md).
#pragma once

#include "runtime/staging/cache.hpp"

#include <ctime>
#include <string>
#include <vector>

namespace mole::runtime::cache_folder {

namespace fs = std::filesystem;

// Name of a file's entry: a digest of archive, id, size, revision and version, so that no id can name a place outside the
// folder and a file that changed is another entry: a revision alone is one coordinator's count.
std::string name_of(const task::File& file, std::string_view archive);
fs::path file_path(const fs::path& folder, const std::string& name);    // whole
fs::path part_path(const fs::path& folder, const std::string& name);    // being written; locked by the writer
fs::path digest_path(const fs::path& folder, const std::string& name);  // beside a whole file

struct Entry {
  std::string name;
  bool part = false;
  std::uint64_t size = 0;
  timespec used{};  // last time it was acquired
};
Result<std::vector<Entry>> entries(const fs::path& folder);

// Whoever creates, publishes, pins or removes entries holds this. Waits.
Result<Pin> lock(const fs::path& folder);
// False: another one holds a lock that does not go with this.
bool try_shared(const Pin& file);
bool try_exclusive(const Pin& file);

// Opens and pins a whole file. Nothing if it is not there; a file whose size is not `size` (or, without, not the sidecar's) or
// whose sidecar is wrong is removed first (after a crash nobody can have it pinned). Under the folder's lock.
struct Whole {
  Pin pin;
  Digest digest;
};
Result<std::optional<Whole>> open_whole(const fs::path& folder, const std::string& name, std::optional<std::uint64_t> size);
Pin open_part(const fs::path& folder, const std::string& name);  // none: not there
// A new part of `size` bytes, locked. exhausted if the disk has no room for it.
Result<Pin> create_part(const fs::path& folder, const std::string& name, std::uint64_t size);
Result<> reserve(const Pin& part, std::uint64_t size);

// Makes a part, whole and synced, a file with this digest, durably.
Result<> publish(const fs::path& folder, const std::string& name, const Digest& digest, const task::File& file);
// The same without syncing anything, for what is checked when it is read: a part of `size` bytes.
Result<> publish_unsynced(const fs::path& folder, const std::string& name, const Digest& digest, std::uint64_t size,
                          const std::string& id);
// Evicts the least recently used files that nobody has pinned, if that gives room for `needed` more bytes within `limit`; else
// none, and false. Under the folder's lock.
Result<bool> make_room(const fs::path& folder, std::uint64_t limit, std::uint64_t needed);
// Everything to the file, from `offset` on. exhausted, transient: the disk takes no more.
Result<> write_all(const Pin& file, std::span<const std::byte> bytes, std::uint64_t offset, const std::string& what);
void remove(const fs::path& folder, const Entry& entry);
// Removes parts that nobody writes and sidecars without file.
Result<> clean(const fs::path& folder);

}  // namespace mole::runtime::cache_folder
