#include "coordinator/store/blobs.hpp"

#include "coordinator/store/store.hpp"
#include "coordinator/wire/blob_place.hpp"
#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace mole::coordinator::store {
namespace fs = std::filesystem;
namespace {

constexpr auto verified_for = std::chrono::seconds(60);  // what is read within it comes from memory, not from the disk again
constexpr std::size_t max_verified = 10'000;
constexpr std::uint64_t blob_reserve = 2 * store_reserve;  // kept free for the store

struct OpenFile {
  int fd;
  ~OpenFile() {
    if (fd >= 0) ::close(fd);
  }
};

Error io_error(const std::string& doing, const fs::path& path, int error) {
  const auto text = doing + " " + path.string() + " failed: " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT) return exhausted(text + "; free up space on the coordinator's disk and send it again");
  return transient(text);
}

Result<> make_folder(const fs::path& folder) {
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem)
    return invalid("cannot create " + folder.string() + ": " + problem.message() + "; give this user write permission there");
  return {};
}

Error gone(const Digest& digest) {
  return missing("there is no blob " + digest.hex() + " any more; submit the request again, which computes lost results again");
}

std::uint64_t size_of(const fs::path& path) {
  std::error_code problem;
  const auto size = fs::file_size(path, problem);
  return problem ? 0 : size;
}

}  // namespace

Result<Blobs> Blobs::open(const fs::path& root) {
  Blobs blobs;
  blobs.root_ = root;
  std::error_code ignored;
  fs::remove_all(root / ".incoming", ignored);  // unfinished uploads start again
  if (auto made = make_folder(root / ".incoming"); !made) return made.error();
  return blobs;
}

fs::path Blobs::path_of(const Digest& digest) const { return blob_place(root_, digest); }

bool Blobs::has(const Digest& digest) const {
  struct stat st {};
  return ::stat(path_of(digest).c_str(), &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

Result<std::uint64_t> Blobs::put(const Digest& digest, std::uint64_t offset, std::string_view bytes, std::uint64_t total) {
  if (total > max_blob_bytes) return invalid("a blob of " + std::to_string(total) + " bytes exceeds 4 GiB; use shorter blocks");
  if (bytes.size() > max_piece_bytes) return invalid("a piece of a blob may have at most 1 MiB; send smaller pieces");
  if (digest.empty()) return invalid("the digest of the blob is empty; send its digest");
  std::lock_guard lock(lock_of(digest));
  if (has(digest)) {
    mark_present(digest);
    return total;
  }
  const auto incoming = root_ / ".incoming" / digest.hex();
  auto held = size_of(incoming);
  if (held > total || (offset == 0 && held > 0 && held < bytes.size())) {  // an earlier upload was interrupted: start again
    std::error_code ignored;
    fs::remove(incoming, ignored);
    held = 0;
  }
  if (offset > held || (offset < held && offset + bytes.size() <= held && held < total)) return held;
  if (auto space = check_space(total - held); !space) return space.error();
  const auto rest_of_piece = bytes.substr(std::min<std::uint64_t>(held - offset, bytes.size()));
  if (held + rest_of_piece.size() > total) return invalid("the blob exceeds the " + std::to_string(total) + " bytes announced");
  {
    OpenFile file{::open(incoming.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
    if (file.fd < 0) return io_error("creating", incoming, errno);
    for (auto rest = rest_of_piece; !rest.empty();) {
      const auto n = ::write(file.fd, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return io_error("writing", incoming, errno);
      rest.remove_prefix(static_cast<std::size_t>(n));
      held += static_cast<std::uint64_t>(n);
    }
  }
  if (held < total) return held;
  if (auto done = publish(digest, incoming); !done) return done.error();
  return total;
}

Result<> Blobs::check_space(std::uint64_t bytes) const {
  if (free_bytes(root_) >= bytes + blob_reserve) return {};
  return exhausted("no space left for " + std::to_string(bytes) + " bytes in " + root_.string() + " (" +
                   std::to_string(blob_reserve >> 20) +
                   " MiB are reserved for the store); free up space there and try again; nothing acknowledged is lost");
}

Result<> Blobs::publish(const Digest& digest, const fs::path& incoming) {
  MOLE_TRY(const auto actual, digest_of_file(incoming));
  if (actual != digest) {
    std::error_code ignored;
    fs::remove(incoming, ignored);
    return corrupt("the bytes sent have the digest " + actual.hex() + ", not " + digest.hex() +
                   "; send them again from the start");
  }
  return rename_to_blob(incoming, digest);
}

Result<> Blobs::rename_to_blob(const fs::path& file, const Digest& digest) {
  const auto path = path_of(digest);
  if (auto made = make_folder(path.parent_path()); !made) return made;
  if (auto synced = sync_file(file); !synced) return synced;
  if (::rename(file.c_str(), path.c_str()) != 0) return io_error("renaming to", path, errno);
  const std::lock_guard lock(folders_->mutex);
  folders_->unsynced.insert({path.parent_path(), root_});
  return {};
}

// The blob may have been renamed by a process that ended before the name was durable.
void Blobs::mark_present(const Digest& digest) {
  (void)::utimensat(AT_FDCWD, path_of(digest).c_str(), nullptr, 0);  // claims it
  const std::lock_guard lock(folders_->mutex);
  for (const auto& folder : {path_of(digest).parent_path(), root_})
    if (!folders_->synced.contains(folder)) folders_->unsynced.insert(folder);
}

// Holds the lock while syncing: a concurrent caller may depend on the folders being synced here.
Result<> Blobs::sync() {
  const std::lock_guard lock(folders_->mutex);
  auto& unsynced = folders_->unsynced;
  while (!unsynced.empty()) {
    if (auto synced = sync_folder(*unsynced.begin()); !synced) return synced;
    folders_->synced.insert(unsynced.extract(unsynced.begin()));
  }
  return {};
}

Result<std::string> Blobs::get(const Digest& digest, std::uint64_t offset, std::uint32_t limit) const {
  const auto path = path_of(digest);
  if (offset == 0 && !is_verified(digest)) {
    if (auto intact = verify(digest); !intact) return intact.error();
  }
  OpenFile file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return errno == ENOENT ? gone(digest) : io_error("opening", path, errno);
  std::string bytes(std::min<std::size_t>(limit, max_piece_bytes), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto n = ::pread(file.fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("reading", path, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

Result<> Blobs::verify(const Digest& digest) const {
  const auto path = path_of(digest);
  const auto stamp = stamp_of(path);
  const auto found = digest_of_file(path);
  if (found && *found == digest) return mark_verified(digest, stamp), Result<>();
  if (!found && found.error().code == Code::missing) return gone(digest);
  if (!found && found.error().code != Code::corrupt) return found.error();  // such as too many open files: it may be intact
  if (auto made = make_folder(root_ / ".quarantine"); !made) return made;
  if (::rename(path.c_str(), (root_ / ".quarantine" / digest.hex()).c_str()) != 0) return io_error("moving", path, errno);
  const std::lock_guard lock(folders_->mutex);
  folders_->damaged.push_back(digest);
  return missing("blob " + digest.hex() + " was damaged on the coordinator's disk; it is in " + (root_ / ".quarantine").string() +
                 ". Submit the request again, which computes lost results again");
}

std::optional<Blobs::FileStamp> Blobs::stamp_of(const fs::path& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return {};
  return FileStamp{st.st_ino,         static_cast<std::uint64_t>(st.st_size),
                   st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                   st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
}

bool Blobs::is_verified(const Digest& digest) const {
  const auto stamp = stamp_of(path_of(digest));
  const std::lock_guard lock(folders_->mutex);
  const auto known = folders_->verified.find(digest);
  return stamp && known != folders_->verified.end() && known->second.stamp == stamp &&
         std::chrono::steady_clock::now() - known->second.at < verified_for;
}

void Blobs::mark_verified(const Digest& digest, const std::optional<FileStamp>& stamp) const {
  if (!stamp || stamp->changed + 2 > std::time(nullptr)) return;  // a change just now could leave the same times
  const std::lock_guard lock(folders_->mutex);
  if (folders_->verified.size() >= max_verified) folders_->verified.clear();
  folders_->verified.insert_or_assign(digest, Verified{stamp, std::chrono::steady_clock::now()});
}

std::vector<Digest> Blobs::take_damaged() const {
  const std::lock_guard lock(folders_->mutex);
  return std::exchange(folders_->damaged, {});
}

Result<> Blobs::import(const Digest& digest, const fs::path& file) {
  std::lock_guard lock(lock_of(digest));
  if (has(digest)) {
    mark_present(digest);
    return {};
  }
  MOLE_TRY(auto bytes, read_file(file));
  if (digest_of(std::string_view(bytes)) != digest)
    return invalid(file.string() + " is not the library its sidecar describes; build the plugin again");
  if (auto space = check_space(bytes.size()); !space) return space;
  const auto incoming = root_ / ".incoming" / (digest.hex() + ".import");
  if (auto written = write_file(incoming, bytes); !written) return written;
  return rename_to_blob(incoming, digest);
}

void Blobs::remove(const Digest& digest) {
  std::lock_guard lock(lock_of(digest));
  std::error_code ignored;
  fs::remove(path_of(digest), ignored);
}

}  // namespace mole::coordinator::store
