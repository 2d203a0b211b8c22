#include "runtime/staging/cache_folder.hpp"

#include "sdk/model/kept_columns.hpp"

#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <set>
#include <tuple>

namespace mole::runtime::cache_folder {
namespace {

constexpr std::time_t kept_tolerance = 3600;  // clocks of machines that share a folder differ
constexpr std::string_view file_suffix = ".file", part_suffix = ".part", digest_suffix = ".digest";

Error failed(const std::string& doing, const fs::path& path, int error) {
  const std::string text = doing + " " + path.string() + " failed: " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG)
    return exhausted(text + "; free up space on the disk that holds the cache or lower the cache limit");
  if (error == EACCES || error == EPERM || error == EROFS) return invalid(text + "; give this user write permission there");
  return transient(text + "; check the disk that holds the cache");
}

std::string digits_of(const std::string& name, std::string_view suffix) {
  constexpr std::size_t digits = 32;
  if (name.size() != digits + suffix.size() || !name.ends_with(suffix)) return {};
  const std::string stem = name.substr(0, digits);
  return stem.find_first_not_of("0123456789abcdef") == std::string::npos ? stem : std::string();
}

}  // namespace

std::string name_of(const task::File& file, std::string_view archive) { return kept_file_name(file, archive).hex(); }

fs::path file_path(const fs::path& folder, const std::string& name) { return folder / (name + std::string(file_suffix)); }
fs::path part_path(const fs::path& folder, const std::string& name) { return folder / (name + std::string(part_suffix)); }
fs::path digest_path(const fs::path& folder, const std::string& name) { return folder / (name + std::string(digest_suffix)); }

Result<std::vector<Entry>> entries(const fs::path& folder) {
  std::vector<Entry> found;
  std::error_code error;
  for (auto i = fs::directory_iterator(folder, error); !error && i != fs::directory_iterator(); i.increment(error)) {
    const std::string name = i->path().filename().string();
    const std::string complete = digits_of(name, file_suffix), part = digits_of(name, part_suffix);
    if (complete.empty() && part.empty()) continue;
    struct stat st {};
    if (::lstat(i->path().c_str(), &st) != 0 || !S_ISREG(st.st_mode)) continue;  // removed in the meantime
    found.push_back({complete.empty() ? part : complete, complete.empty(), static_cast<std::uint64_t>(st.st_size), st.st_mtim});
  }
  if (error) return failed("listing the cache folder", folder, error.value());
  return found;
}

Result<Pin> lock(const fs::path& folder) {
  const fs::path path = folder / "lock";
  Pin pin(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!pin) return failed("opening", path, errno);
  while (::flock(pin.get(), LOCK_EX) != 0)
    if (errno != EINTR) return failed("locking", path, errno);
  return pin;
}

bool try_shared(const Pin& file) { return ::flock(file.get(), LOCK_SH | LOCK_NB) == 0; }
bool try_exclusive(const Pin& file) { return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0; }

namespace {

struct Sidecar {
  Digest digest;
  std::uint64_t size = 0;
};

std::optional<Sidecar> read_sidecar(const fs::path& path) {
  const auto text = read_file(path, 4096);
  if (!text) return std::nullopt;
  const auto digest = Digest::from_hex(std::string_view(*text).substr(0, 32));
  const auto line = text->find('\n');
  if (!digest || line == std::string::npos || line < 34 || (*text)[32] != ' ') return std::nullopt;
  Sidecar sidecar{*digest, 0};
  const char* end = text->data() + line;
  const auto [stop, status] = std::from_chars(text->data() + 33, end, sidecar.size);
  return status == std::errc{} && stop == end ? std::optional(sidecar) : std::nullopt;
}

std::string sidecar_text(const Digest& digest, std::uint64_t size, std::string id) {
  std::replace(id.begin(), id.end(), '\n', ' ');  // the id is only for human readers
  return digest.hex() + " " + std::to_string(size) + "\n" + id.substr(0, 2048) + "\n";
}

}  // namespace

Result<std::optional<CompleteFile>> open_complete(const fs::path& folder, const std::string& name,
                                                  std::optional<std::uint64_t> size, Use use) {
  const fs::path path = file_path(folder, name);
  Pin pin(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!pin && errno == ENOENT) return std::optional<CompleteFile>();
  struct stat st {};
  if (!pin || ::fstat(pin.get(), &st) != 0) return failed("opening", path, errno);
  const auto sidecar = read_sidecar(digest_path(folder, name));
  if (!sidecar || static_cast<std::uint64_t>(st.st_size) != size.value_or(sidecar->size)) {
    if (!try_exclusive(pin))
      return transient(path.string() + " is damaged but in use; stop the tasks that use the cache and delete the file");
    remove(folder, {name, false, 0, {}});
    return std::optional<CompleteFile>();
  }
  if (!try_shared(pin)) return transient(path.string() + " is locked by another program; stop that program and try again");
  if (use == Use::counts) (void)::futimens(pin.get(), nullptr);  // updates the time of last use
  return std::optional(CompleteFile{std::move(pin), sidecar->digest});
}

Result<bool> has_digest(const Pin& file, const Digest& digest) {
  constexpr std::size_t piece = std::size_t{1} << 20;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(piece);
  Hasher hasher;
  for (off_t at = 0;;) {
    const auto n = ::pread(file.get(), buffer.get(), piece, at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EIO) return false;  // the disk has lost them
    if (n < 0) return failed("reading", "a file in the cache", errno);
    if (n == 0) return hasher.finish() == digest;
    hasher.bytes(buffer.get(), static_cast<std::size_t>(n));
    at += n;
  }
}

Pin open_part(const fs::path& folder, const std::string& name) {
  return Pin(::open(part_path(folder, name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
}

Result<> reserve(const Pin& part, std::uint64_t size) {
  if (::ftruncate(part.get(), 0) != 0) return failed("truncating", "a partial file in the cache", errno);
  if (size == 0) return {};
  int error = ::posix_fallocate(part.get(), 0, static_cast<off_t>(size));
  if (error == EOPNOTSUPP || error == EINVAL) error = ::ftruncate(part.get(), static_cast<off_t>(size)) == 0 ? 0 : errno;
  if (error != 0) return failed("reserving " + std::to_string(size) + " bytes for", "a file in the cache", error);
  return {};
}

Result<Pin> create_part(const fs::path& folder, const std::string& name, std::uint64_t size) {
  const fs::path path = part_path(folder, name);
  Pin pin(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!pin) return failed("creating", path, errno);
  Result<> reserved = try_exclusive(pin) ? reserve(pin, size) : failed("locking", path, errno);
  if (reserved) return pin;
  ::unlink(path.c_str());
  return reserved.error();
}

Result<> publish(const fs::path& folder, const std::string& name, const Digest& digest, const task::File& file) {
  // The sidecar first: a file is valid only with its sidecar, and a sidecar alone is ignored.
  auto written = durable_write(digest_path(folder, name), sidecar_text(digest, file.size, file.id));
  if (!written) return written;
  return durable_rename(part_path(folder, name), file_path(folder, name));
}

Result<> publish_unsynced(const fs::path& folder, const std::string& name, const Digest& digest, std::uint64_t size,
                          const std::string& id) {
  std::ofstream sidecar(digest_path(folder, name), std::ios::binary);
  sidecar << sidecar_text(digest, size, id);
  sidecar.close();
  if (!sidecar) return transient("cannot write " + digest_path(folder, name).string() + "; check the disk that holds the cache");
  const auto from = part_path(folder, name), to = file_path(folder, name);
  if (::truncate(from.c_str(), static_cast<off_t>(size)) != 0) return failed("truncating", from, errno);
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("publishing", to, errno);
  return {};
}

bool set_used(const fs::path& folder, const std::string& name, std::time_t at) {
  const timespec times[2] = {{0, UTIME_OMIT}, {at, 0}};
  return ::utimensat(AT_FDCWD, file_path(folder, name).c_str(), times, AT_SYMLINK_NOFOLLOW) == 0;
}

void end_keeping(const fs::path& folder, const std::string& name) {
  struct stat status {};
  const auto now = ::time(nullptr);
  if (::lstat(file_path(folder, name).c_str(), &status) == 0 && status.st_mtim.tv_sec > now + kept_tolerance)
    set_used(folder, name, now);
}

Result<bool> make_room(const fs::path& folder, std::uint64_t limit, std::uint64_t needed, Victims victims_among) {
  MOLE_TRY(auto found, entries(folder));
  std::uint64_t used = 0;
  for (const auto& entry : found) used += entry.size;
  if (used + needed <= limit) return true;
  std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.used.tv_sec, a.used.tv_nsec, a.name) < std::tie(b.used.tv_sec, b.used.tv_nsec, b.name);
  });
  const auto kept_after = ::time(nullptr) + kept_tolerance;
  std::vector<std::pair<Entry, Pin>> victims;
  for (const auto& entry : found) {
    if (used + needed <= limit) break;
    if (victims_among == Victims::not_kept && entry.used.tv_sec > kept_after) break;  // so are the following ones
    if (entry.part) continue;
    Pin file(::open(file_path(folder, entry.name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file || !try_exclusive(file)) continue;
    used -= entry.size;
    victims.emplace_back(entry, std::move(file));
  }
  if (used + needed > limit) return false;
  for (const auto& [entry, file] : victims) remove(folder, entry);
  return true;
}

Result<> write_all(const Pin& file, std::span<const std::byte> bytes, std::uint64_t offset, const std::string& what) {
  while (!bytes.empty()) {
    const auto n = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const std::string text = "writing " + what + " to the cache failed: " + std::strerror(errno);
      return errno == ENOSPC || errno == EDQUOT
                 ? exhausted(text + "; free up space on the disk that holds the cache or lower the cache limit")
                 : transient(text + "; check the disk that holds the cache");
    }
    offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

void remove(const fs::path& folder, const Entry& entry) {
  if (entry.part) {
    ::unlink(part_path(folder, entry.name).c_str());
    return;
  }
  ::unlink(file_path(folder, entry.name).c_str());
  ::unlink(digest_path(folder, entry.name).c_str());
}

Result<> clean(const fs::path& folder) {
  MOLE_TRY(auto found, entries(folder));
  std::set<std::string> complete;
  for (const auto& entry : found) {
    if (!entry.part) {
      complete.insert(entry.name);
    } else if (const Pin part = open_part(folder, entry.name); part && try_exclusive(part)) {
      remove(folder, entry);
    }
  }
  std::vector<fs::path> orphans;
  std::error_code error;
  for (auto i = fs::directory_iterator(folder, error); !error && i != fs::directory_iterator(); i.increment(error)) {
    const std::string name = i->path().filename().string();
    const std::string entry_name = digits_of(name, digest_suffix);
    if ((!entry_name.empty() && !complete.contains(entry_name)) || name.starts_with(".tmp.")) orphans.push_back(i->path());
  }
  if (error) return failed("listing the cache folder", folder, error.value());
  for (const auto& path : orphans) ::unlink(path.c_str());
  return {};
}

}  // namespace mole::runtime::cache_folder
