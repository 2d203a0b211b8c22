#include "runtime/staging/cache.hpp"

#include "runtime/staging/cache_folder.hpp"

#include <unistd.h>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <tuple>

namespace mole::runtime {
namespace {

using namespace cache_folder;
using Clock = std::chrono::steady_clock;

std::string sized(std::uint64_t bytes) { return std::to_string(bytes) + " bytes"; }

// One distinct file of an acquire.
struct Item {
  const task::File* file = nullptr;
  enum class State { open, pinned, writing, theirs, failed } state = State::open;
  Pin pin;  // pinned: shared lock; writing: exclusive lock of the part; theirs: no lock
  Digest digest;
  bool fetched = false;
  std::optional<Error> error;

  bool settled() const { return state == State::pinned || state == State::failed; }
};

// One call of acquire.
class Acquisition {
 public:
  Acquisition(const fs::path& folder, const CacheOptions& options, std::span<const task::File> files,
              std::string_view archive)
      : folder_(folder), options_(options) {
    for (const auto& file : files) {
      names_.push_back(file.present ? name_of(file, archive) : std::string());
      if (file.present) items_[names_.back()].file = &file;
    }
  }
  ~Acquisition() {
    for (auto& [name, item] : items_)
      if (item.state == Item::State::writing) remove(folder_, {name, true, 0, {}});
  }
  Acquisition(const Acquisition&) = delete;
  Acquisition& operator=(const Acquisition&) = delete;

  Result<> run(const Fetch& fetch);
  Result<std::vector<Staged>> staged() const;

 private:
  Result<bool> reserve_all();
  Result<bool> make_room(std::uint64_t needed);
  Result<> look(const std::string& name, Item& item);
  void let_go();
  Result<> fetch_one(const std::string& name, Item& item, const Fetch& fetch);
  Result<Digest> write(Item& item, const Fetch& fetch);
  Result<> wait_for(std::chrono::milliseconds& pause, const std::string& what);

  const fs::path& folder_;
  const CacheOptions& options_;
  std::vector<std::string> names_;  // of the files in order; empty: not present
  std::map<std::string, Item> items_;
  Clock::time_point deadline_;
};

Result<> Acquisition::run(const Fetch& fetch) {
  std::uint64_t sum = 0;
  for (const auto& [name, item] : items_) sum += item.file->size;
  if (sum > options_.limit)
    return exhausted("the task needs " + sized(sum) + " of input files at once, the cache may hold " +
                     sized(options_.limit) + "; raise the cache limit above that or choose a shorter block");
  deadline_ = Clock::now() + options_.patience;
  std::chrono::milliseconds pause{5};
  while (true) {
    auto reserved = reserve_all();
    if (!reserved) return reserved.error();
    if (!*reserved) {
      let_go();  // hold nothing while waiting
      if (auto waited = wait_for(pause, "room in the cache for " + sized(sum) + " that other tasks hold"); !waited)
        return waited;
      continue;
    }
    for (auto& [name, item] : items_)
      if (item.state == Item::State::writing)
        if (auto done = fetch_one(name, item, fetch); !done) return done;
    bool theirs = false;
    for (auto& [name, item] : items_) {
      if (item.state != Item::State::theirs) continue;
      theirs = true;
      // Whoever writes it has the lock until the file is published, or the writer gone.
      if (try_shared(item.pin)) pause = std::chrono::milliseconds{1};
      item.pin = Pin();
      item.state = Item::State::open;
    }
    if (!theirs) return {};
    if (auto waited = wait_for(pause, "a file that another task is fetching"); !waited) return waited;
  }
}

Result<> Acquisition::wait_for(std::chrono::milliseconds& pause, const std::string& what) {
  if (Clock::now() >= deadline_)
    return transient("waited in vain for " + what + "; raise the cache limit or run fewer tasks at once");
  std::this_thread::sleep_for(pause);
  pause = std::min<std::chrono::milliseconds>(pause * 2, std::chrono::milliseconds(500));
  return {};
}

void Acquisition::let_go() {
  for (auto& [name, item] : items_) {
    if (item.state == Item::State::failed) continue;
    item.pin = Pin();
    item.state = Item::State::open;
  }
}

// Pins what is there, joins what others write, and reserves the rest. False: there is no room for the rest now; then
// nothing was created.
Result<bool> Acquisition::reserve_all() {
  const auto held = lock(folder_);
  if (!held) return held.error();
  std::uint64_t needed = 0;
  for (auto& [name, item] : items_) {
    if (item.settled()) continue;
    if (auto looked = look(name, item); !looked) return looked.error();
    if (item.state == Item::State::open) needed += item.file->size;
  }
  auto room = make_room(needed);
  if (!room || !*room) return room;
  for (auto& [name, item] : items_) {
    if (item.state != Item::State::open) continue;
    auto part = create_part(folder_, name, item.file->size);
    if (!part) return part.error();
    item.pin = std::move(*part);
    item.state = Item::State::writing;
  }
  return true;
}

// What there is of this file; leaves the item open if nothing. Under the folder's lock.
Result<> Acquisition::look(const std::string& name, Item& item) {
  auto whole = open_whole(folder_, name, item.file->size);
  if (!whole) return whole.error();
  if (*whole) {
    item.pin = std::move((*whole)->pin);
    item.digest = (*whole)->digest;
    item.state = Item::State::pinned;
    return {};
  }
  Pin part = open_part(folder_, name);
  if (!part) return {};
  if (try_exclusive(part)) {
    remove(folder_, {name, true, 0, {}});  // its writer died
  } else {
    item.pin = std::move(part);
    item.state = Item::State::theirs;
  }
  return {};
}

// Evicts the least recently used files that nobody has pinned, if that gives room enough; else none.
Result<bool> Acquisition::make_room(std::uint64_t needed) {
  auto found = entries(folder_);
  if (!found) return found.error();
  std::uint64_t used = 0;
  for (const auto& entry : *found) used += entry.size;
  if (used + needed <= options_.limit) return true;
  std::sort(found->begin(), found->end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.used.tv_sec, a.used.tv_nsec, a.name) < std::tie(b.used.tv_sec, b.used.tv_nsec, b.name);
  });
  std::vector<std::pair<Entry, Pin>> victims;
  for (const auto& entry : *found) {
    if (used + needed <= options_.limit) break;
    if (entry.part) continue;
    Pin file(::open(file_path(folder_, entry.name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file || !try_exclusive(file)) continue;
    used -= entry.size;
    victims.emplace_back(entry, std::move(file));
  }
  if (used + needed > options_.limit) return false;
  for (const auto& [entry, file] : victims) remove(folder_, entry);
  return true;
}

Result<> Acquisition::fetch_one(const std::string& name, Item& item, const Fetch& fetch) {
  auto digest = write(item, fetch);
  if (!digest) {
    const Error& error = digest.error();
    if (error.code == Code::exhausted || error.code == Code::cancelled) return error;  // ~Acquisition removes the part
    remove(folder_, {name, true, 0, {}});
    item.pin = Pin();
    item.error = error;
    item.state = Item::State::failed;
    return {};
  }
  const auto held = lock(folder_);
  if (!held) return held.error();
  if (auto published = publish(folder_, name, *digest, *item.file); !published) return published;
  // From exclusive to shared is two steps; the folder's lock keeps others from evicting it in between.
  if (!try_shared(item.pin))
    return transient("cannot pin " + file_path(folder_, name).string() + " in the cache; try again");
  item.digest = *digest;
  item.fetched = true;
  item.state = Item::State::pinned;
  return {};
}

Result<Digest> Acquisition::write(Item& item, const Fetch& fetch) {
  const std::uint64_t size = item.file->size;
  const std::string id = item.file->id;
  Hasher hasher;
  std::uint64_t written = 0;
  std::optional<Error> refused;  // ours, whatever fetch makes of it
  const auto refuse = [&](Error error) -> Result<> { return *(refused = std::move(error)); };
  const auto sink = [&](std::span<const std::byte> bytes) -> Result<> {
    if (refused) return *refused;
    if (bytes.size() > size - written)
      return refuse(
          corrupt(id + " has more than the " + sized(size) + " the archive's index says; index the archive again"));
    hasher.bytes(bytes.data(), bytes.size());
    while (!bytes.empty()) {
      const auto n = ::pwrite(item.pin.fd(), bytes.data(), bytes.size(), static_cast<off_t>(written));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        const std::string text = "writing " + id + " to the cache failed: " + std::strerror(errno);
        return refuse(errno == ENOSPC || errno == EDQUOT
                          ? exhausted(text + "; free space on the cache's disk or lower the cache limit")
                          : transient(text));
      }
      written += static_cast<std::uint64_t>(n);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
  };
  const auto done = fetch(*item.file, sink);
  if (refused) return *refused;
  if (!done) return done.error();
  if (written != size)
    return transient(id + ": the archive gave " + sized(written) + ", its index says " + sized(size) +
                     "; index the archive again if this stays so");
  if (::fdatasync(item.pin.fd()) != 0)
    return transient("fsync of " + id + " in the cache failed: " + std::strerror(errno));
  return hasher.finish();
}

Result<std::vector<Staged>> Acquisition::staged() const {
  std::vector<Staged> all;
  for (const auto& name : names_) {
    Staged& staged = all.emplace_back();
    if (name.empty()) continue;
    const Item& item = items_.at(name);
    if (item.error) {
      staged.error = item.error;
      continue;
    }
    staged.path = file_path(folder_, name);
    staged.size = item.file->size;
    staged.digest = item.digest;
    staged.fetched = item.fetched;
    staged.pin = Pin(::fcntl(item.pin.fd(), F_DUPFD_CLOEXEC, 0));  // shares the lock
    if (!staged.pin) return exhausted("too many open files to pin the task's input; raise the limit on open files");
  }
  return all;
}

}  // namespace

Result<Cache> Cache::open(const std::filesystem::path& folder, const CacheOptions& options) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return invalid("cannot make the cache folder " + folder.string() + ": " + error.message() +
                   "; name another one or change its permissions");
  const auto held = lock(folder);
  if (!held) return held.error();
  if (auto cleaned = clean(folder); !cleaned) return cleaned.error();
  return Cache(folder, options);
}

Result<std::vector<Staged>> Cache::acquire(std::span<const task::File> files, std::string_view archive,
                                           const Fetch& fetch) {
  Acquisition acquisition(folder_, options_, files, archive);
  if (auto done = acquisition.run(fetch); !done) return done.error();
  return acquisition.staged();
}

Result<std::uint64_t> Cache::used() const {
  auto found = entries(folder_);
  if (!found) return found.error();
  std::uint64_t sum = 0;
  for (const auto& entry : *found) sum += entry.size;
  return sum;
}

}  // namespace mole::runtime
