#include "runtime/staging/cache.hpp"

#include "runtime/staging/cache_folder.hpp"

#include <unistd.h>

#include <fcntl.h>
#include <sys/stat.h>

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

// One distinct file of a call of acquire.
struct Item {
  const task::File* file = nullptr;
  std::string columns_name;  // of its cached columns; empty: do not use columns
  bool columns = false;      // the pinned file is its column file
  enum class State { open, pinned, writing, other_task, failed } state = State::open;
  Pin pin;  // pinned: shared lock; writing: exclusive lock of the part; other_task: no lock
  Digest digest;
  bool fetched = false;
  bool verified = false;  // the pinned bytes have the digest
  std::optional<Error> error;

  bool done() const { return state == State::pinned || state == State::failed; }
};

// One call of acquire.
class Acquisition {
 public:
  // `keeps`: the files are kept (Cache::keep) instead of pinned.
  Acquisition(const fs::path& folder, const CacheOptions& options, std::span<const task::File> files, std::string_view archive,
              std::span<const Digest> columns, bool keeps = false)
      : folder_(folder), options_(options), keeps_(keeps) {
    for (std::size_t i = 0; i < files.size(); ++i) {
      names_.push_back(files[i].present ? name_of(files[i], archive) : std::string());
      if (!files[i].present) continue;
      Item& item = items_[names_.back()];
      item.file = &files[i];
      if (i < columns.size() && !columns[i].empty()) item.columns_name = columns[i].hex();
    }
  }
  ~Acquisition() {
    for (auto& [name, item] : items_)
      if (item.state == Item::State::writing) remove(folder_, {name, true, 0, {}});
  }

  Result<> run(const Fetching& fetching);
  Result<std::vector<Staged>> staged() const;

 private:
  Result<bool> reserve_all();
  Result<> look_up(const std::string& name, Item& item);
  Result<bool> verify_copies();
  void release_all();
  static void keep(Item& item);
  Result<> fetch_all(const Fetching& fetching);
  Result<> fetch_one(const std::string& name, Item& item, const Fetch& fetch);
  Result<Digest> write(Item& item, const Fetch& fetch);
  Result<> wait_for(std::chrono::milliseconds& pause, const std::string& what);

  const fs::path& folder_;
  const CacheOptions& options_;
  const bool keeps_;
  std::vector<std::string> names_;  // of the files in order; empty: not present
  std::map<std::string, Item> items_;
  Clock::time_point deadline_;
};

Result<> Acquisition::run(const Fetching& fetching) {
  std::uint64_t sum = 0;
  for (const auto& [name, item] : items_) sum += item.file->size;
  if (sum > options_.limit)
    return exhausted("the task needs " + sized(sum) + " of input files at once, but the cache limit is " + sized(options_.limit) +
                     "; raise the cache limit or choose a shorter block");
  deadline_ = Clock::now() + options_.timeout;
  std::chrono::milliseconds pause{5};
  while (true) {
    MOLE_TRY(auto reserved, reserve_all());
    if (!reserved) {
      release_all();  // so that other tasks can proceed
      if (auto waited = wait_for(pause, "other tasks to release " + sized(sum) + " of the cache"); !waited) return waited;
      continue;
    }
    if (auto done = fetch_all(fetching); !done) return done;
    // The timeout is for space. Another task may wait for a tape for hours; if it dies, its lock is released.
    deadline_ = Clock::now() + options_.timeout;
    MOLE_TRY(const auto intact, verify_copies());
    bool waiting = false;
    for (auto& [name, item] : items_) {
      if (item.state != Item::State::other_task) continue;
      waiting = true;
      // The writer holds the lock until the file is published or the writer dies.
      if (try_shared(item.pin)) pause = std::chrono::milliseconds{1};
      item.pin = Pin();
      item.state = Item::State::open;
    }
    if (!waiting && intact) return {};
    if (!waiting) continue;
    if (auto waited = wait_for(pause, "another task to fetch a file"); !waited) return waited;
  }
}

// Fetches the files that this call writes, in the order in which the archive has them ready.
Result<> Acquisition::fetch_all(const Fetching& fetching) {
  std::vector<std::pair<const std::string, Item>*> open;
  for (auto& entry : items_)
    if (entry.second.state == Item::State::writing) open.push_back(&entry);
  std::sort(open.begin(), open.end(), [](const auto* a, const auto* b) {
    const auto &x = *a->second.file, &y = *b->second.file;
    return std::tie(x.medium, x.position, x.id) < std::tie(y.medium, y.position, y.id);
  });
  std::vector<const task::File*> files;
  for (const auto* entry : open) files.push_back(entry->second.file);
  while (!files.empty()) {
    std::size_t next = 0;
    if (fetching.choose) {
      MOLE_TRY(next, fetching.choose(files));
    }
    auto& [name, item] = *open.at(next);
    if (auto done = fetch_one(name, item, fetching.fetch); !done) return done;
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(next));
    files.erase(files.begin() + static_cast<std::ptrdiff_t>(next));
  }
  return {};
}

Result<> Acquisition::wait_for(std::chrono::milliseconds& pause, const std::string& what) {
  if (Clock::now() >= deadline_)
    return transient("timed out waiting for " + what + "; raise the cache limit or run fewer tasks at once");
  if (options_.cancelled && options_.cancelled()) return Error{Code::cancelled, "cancelled while waiting for " + what};
  if (options_.waiting) options_.waiting();
  std::this_thread::sleep_for(pause);
  pause = std::min<std::chrono::milliseconds>(pause * 2, std::chrono::milliseconds(500));
  return {};
}

void Acquisition::release_all() {
  for (auto& [name, item] : items_) {
    if (item.state == Item::State::failed) continue;
    item.pin = Pin();
    item.state = Item::State::open;
  }
}

// Pins the files in the cache, notes those that other tasks write, and reserves space for the rest. False: there is not enough
// space now, and nothing was created.
Result<bool> Acquisition::reserve_all() {
  MOLE_TRY(const auto locked, lock(folder_));
  std::uint64_t needed = 0;
  for (auto& [name, item] : items_) {
    if (item.done()) continue;
    if (auto looked = look_up(name, item); !looked) return looked.error();
    if (item.state == Item::State::open) needed += item.file->size;
  }
  auto room = make_room(folder_, options_.limit, needed);
  if (!room || !*room) return room;
  for (auto& [name, item] : items_) {
    if (keeps_ && item.state == Item::State::pinned) keep(item);
    if (item.state != Item::State::open) continue;
    MOLE_TRY(item.pin, create_part(folder_, name, item.file->size));
    item.state = Item::State::writing;
  }
  return true;
}

// Removes the pinned copies whose bytes have changed since they were published, so that they are fetched again. Returns whether
// all were intact. Columns verify themselves when they are read.
Result<bool> Acquisition::verify_copies() {
  bool intact = true;
  for (auto& [name, item] : items_) {
    if (item.state != Item::State::pinned || item.verified || item.columns || !item.pin) continue;
    if (options_.waiting) options_.waiting();
    MOLE_TRY(item.verified, has_digest(item.pin, item.digest));
    if (item.verified) continue;
    MOLE_TRY(const auto locked, lock(folder_));
    remove(folder_, {name, false, 0, {}});
    if (options_.damaged) options_.damaged(*item.file);
    item.pin = Pin();
    item.state = Item::State::open;
    intact = false;
  }
  return intact;
}

// Replaces the pin: the file is evicted after all others.
void Acquisition::keep(Item& item) {
  const timespec times[2] = {{0, UTIME_OMIT}, {::time(nullptr) + kept_seconds, 0}};
  if (item.pin) (void)::futimens(item.pin.get(), times);
  item.pin = Pin();
}

// Looks for the file or its columns in the cache; leaves the item open if neither exists. Call under the lock of the folder.
Result<> Acquisition::look_up(const std::string& name, Item& item) {
  item.columns = false;
  Result<std::optional<CompleteFile>> complete = std::optional<CompleteFile>();
  if (!item.columns_name.empty()) {
    complete = open_complete(folder_, item.columns_name, std::nullopt);
    item.columns = complete && *complete;  // if there is an error, the file is used instead
  }
  if (!item.columns) complete = open_complete(folder_, name, item.file->size);
  if (!complete) return complete.error();
  if (*complete) {
    item.pin = std::move((*complete)->pin);
    item.verified = false;
    item.digest = (*complete)->digest;
    item.state = Item::State::pinned;
    return {};
  }
  Pin part = open_part(folder_, name);
  if (!part) return {};
  if (try_exclusive(part)) {
    remove(folder_, {name, true, 0, {}});  // its writer died
  } else {
    item.pin = std::move(part);
    item.state = Item::State::other_task;
  }
  return {};
}

Result<> Acquisition::fetch_one(const std::string& name, Item& item, const Fetch& fetch) {
  auto digest = write(item, fetch);
  // Bytes that differ from the index may have been changed on the way: fetch them once more.
  if (!digest && digest.error().code == Code::corrupt) digest = write(item, fetch);
  if (!digest) {
    const Error& error = digest.error();
    if (error.code == Code::exhausted || error.code == Code::cancelled) return error;  // ~Acquisition removes the part
    remove(folder_, {name, true, 0, {}});
    item.pin = Pin();
    item.error = error;
    item.state = Item::State::failed;
    return {};
  }
  MOLE_TRY(const auto locked, lock(folder_));
  if (auto published = publish(folder_, name, *digest, *item.file); !published) return published;
  // Changing an exclusive lock to a shared one is not atomic; the lock of the folder prevents eviction in between.
  if (!try_shared(item.pin)) return transient("cannot pin " + file_path(folder_, name).string() + " in the cache; try again");
  item.digest = *digest;
  item.fetched = item.verified = true;
  item.state = Item::State::pinned;
  if (keeps_) keep(item);
  return {};
}

Result<Digest> Acquisition::write(Item& item, const Fetch& fetch) {
  const std::uint64_t size = item.file->size;
  const std::string id = item.file->id;
  Hasher hasher;
  std::uint64_t written = 0;
  std::optional<Error> refused;  // takes precedence over the error of fetch
  const auto refuse = [&](Error error) -> Result<> { return *(refused = std::move(error)); };
  const auto sink = [&](std::span<const std::byte> bytes) -> Result<> {
    if (refused) return *refused;
    if (bytes.size() > size - written)
      return refuse(corrupt(id + " is larger than the " + sized(size) + " in the archive's index; index the archive again"));
    hasher.bytes(bytes.data(), bytes.size());
    if (auto put = write_all(item.pin, bytes, written, id); !put) return refuse(put.error());
    written += bytes.size();
    return {};
  };
  const auto done = fetch(*item.file, sink);
  if (refused) return *refused;
  if (!done) return done.error();
  if (written != size)
    return corrupt(id + ": the archive returned " + sized(written) + ", but its index states " + sized(size) +
                   "; index the archive again if this persists");
  if (::fdatasync(item.pin.get()) != 0)
    return transient("fsync of " + id + " in the cache failed: " + std::strerror(errno) +
                     "; check the disk that holds the cache");
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
    staged.path = file_path(folder_, item.columns ? item.columns_name : name);
    staged.columns = item.columns;
    staged.size = item.file->size;
    staged.digest = item.digest;
    staged.fetched = item.fetched;
    if (keeps_) continue;
    staged.pin = Pin(::fcntl(item.pin.get(), F_DUPFD_CLOEXEC, 0));  // shares the lock
    if (!staged.pin) return exhausted("too many open files to pin the task's input; raise the limit on open files");
  }
  return all;
}

}  // namespace

Result<Cache> Cache::open(const std::filesystem::path& folder, const CacheOptions& options) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return invalid("cannot create the cache folder " + folder.string() + ": " + error.message() +
                   "; choose another folder or change its permissions");
  MOLE_TRY(const auto locked, lock(folder));
  if (auto cleaned = clean(folder); !cleaned) return cleaned.error();
  return Cache(folder, options);
}

Result<std::vector<Staged>> Cache::acquire(std::span<const task::File> files, std::string_view archive, const Fetching& fetching,
                                           std::span<const Digest> columns) {
  Acquisition acquisition(folder_, options_, files, archive, columns);
  if (auto done = acquisition.run(fetching); !done) return done.error();
  return acquisition.staged();
}

Result<std::vector<Staged>> Cache::fetch_and_keep(std::span<const task::File> files, std::string_view archive,
                                                  const Fetching& fetching, std::span<const Digest> columns) {
  Acquisition acquisition(folder_, options_, files, archive, columns, true);
  if (auto done = acquisition.run(fetching); !done) return done.error();
  return acquisition.staged();
}

// ---- damage

namespace {

Result<> remove_entry(const fs::path& folder, const std::string& name, const CacheOptions& options, const task::File& file) {
  MOLE_TRY(const auto locked, lock(folder));
  remove(folder, {name, false, 0, {}});
  if (options.damaged) options.damaged(file);
  return {};
}

}  // namespace

Result<> Cache::remove_damaged(const task::File& file, std::string_view archive) {
  return remove_entry(folder_, name_of(file, archive), options_, file);
}

Result<> Cache::remove_damaged_columns(const task::File& file, const Digest& name) {
  return remove_entry(folder_, name.hex(), options_, file);
}

// ---- order of eviction

void Cache::keep(std::span<const task::File> files, std::string_view archive, std::span<const Digest> columns) {
  const auto until = ::time(nullptr) + kept_seconds;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool by_columns = i < columns.size() && !columns[i].empty() && set_used(folder_, columns[i].hex(), until);
    if (!by_columns) set_used(folder_, name_of(files[i], archive), until);
  }
}

void Cache::release(std::span<const task::File> files, std::string_view archive, std::span<const Digest> columns) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    end_keeping(folder_, name_of(files[i], archive));
    if (i < columns.size() && !columns[i].empty()) end_keeping(folder_, columns[i].hex());
  }
}

void Cache::evict_first(const Staged& file) {
  constexpr timespec long_ago[2] = {{0, 0}, {0, 0}};
  (void)::futimens(file.pin.get(), long_ago);  // older than all other files, so evicted next
}

}  // namespace mole::runtime
