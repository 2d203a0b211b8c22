// Immutable files named by their digest: <root>/ab/<hex>. A blob is either complete or absent, and never overwritten.
// Uploads are collected in <root>/.incoming/<hex>. The bytes of a blob are durable before it is renamed; the name is durable
// once `sync` has returned, and nothing that depends on the blob may be acknowledged earlier. Thread-safe.
#pragma once

#include "sdk/model/digest.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

namespace mole::coordinator::store {

inline constexpr std::uint64_t max_blob_bytes = std::uint64_t{4} << 30;
inline constexpr std::size_t max_piece_bytes = 1 << 20;

class Blobs {
 public:
  // Creates the folders. invalid: they cannot be created.
  static Result<Blobs> open(const std::filesystem::path& root);

  // False only if the blob does not exist, not if that is unknown.
  bool has(const Digest& digest) const;
  std::filesystem::path path_of(const Digest& digest) const;

  // BlobApi::put_blob. Returns the number of bytes held; a piece that does not continue them is ignored.
  // corrupt: the complete bytes have a different digest and are dropped. exhausted: the disk is (nearly) full.
  Result<std::uint64_t> put(const Digest& digest, std::uint64_t offset, std::string_view bytes, std::uint64_t total);
  // BlobApi::get_blob. The bytes are verified when the first piece is read, unless they were in the last minute: a damaged blob
  // is moved to the quarantine. missing: there is no such blob, or it was damaged. transient, denied: it cannot be opened now.
  Result<std::string> get(const Digest& digest, std::uint64_t offset, std::uint32_t limit) const;
  // Copies a file. invalid: its digest is not `digest`.
  Result<> import(const Digest& digest, const std::filesystem::path& file);
  // Moves a blob whose bytes do not have its digest to the folder .quarantine, so that it counts as missing. Reads the blob.
  // missing: it was damaged, or does not exist. transient, denied: it cannot be opened now.
  Result<> verify(const Digest& digest) const;
  // The blobs that were moved to the quarantine since the last call.
  std::vector<Digest> take_damaged() const;
  // Returns whether the blob exists. Then it is not unclaimed for a day: call before a row that names it is written.
  bool claim(const Digest& digest) const;
  // Visits the blobs and the unfinished uploads that were last written or claimed before `before`, by the clock of the files.
  void visit_blobs(std::filesystem::file_time_type before,
                   const std::function<void(const Digest& digest, std::uint64_t bytes)>& visit) const;
  void visit_uploads(std::filesystem::file_time_type before,
                     const std::function<void(const std::filesystem::path& file, std::uint64_t bytes)>& visit) const;
  // Removes a blob that no row names, unless it was written or claimed since `before`. Returns whether it was removed.
  bool remove_unclaimed(const Digest& digest, std::filesystem::file_time_type before);
  Result<> sync();                    // makes the names of all blobs put and imported so far durable
  void remove(const Digest& digest);  // for blobs that are no longer needed and are not results

 private:
  Result<> check_space(std::uint64_t bytes) const;
  Result<> publish(const Digest& digest, const std::filesystem::path& incoming);
  Result<> rename_to_blob(const std::filesystem::path& file, const Digest& digest);
  void mark_present(const Digest& digest);
  std::mutex& lock_of(const Digest& digest) const { return (*locks_)[digest.bytes[0] % locks_->size()]; }

  struct FileStamp {
    std::uint64_t inode, size;
    std::int64_t modified, modified_ns, changed, changed_ns;
    bool operator==(const FileStamp&) const = default;
  };
  static std::optional<FileStamp> stamp_of(const std::filesystem::path& path);
  bool is_verified(const Digest& digest) const;
  void mark_verified(const Digest& digest, const std::optional<FileStamp>& stamp) const;
  struct Verified {
    std::optional<FileStamp> stamp;
    std::chrono::steady_clock::time_point at;
  };

  struct Folders {
    std::mutex mutex;
    std::set<std::filesystem::path> unsynced;
    std::set<std::filesystem::path> synced;  // at least once since open
    std::vector<Digest> damaged;             // not yet returned by take_damaged
    std::map<Digest, Verified> verified;     // lately
  };

  std::filesystem::path root_;
  std::unique_ptr<Folders> folders_ = std::make_unique<Folders>();  // in a unique_ptr so that Blobs can move
  // Serializes uploads of the same digest.
  std::unique_ptr<std::array<std::mutex, 16>> locks_ = std::make_unique<std::array<std::mutex, 16>>();
};

}  // namespace mole::coordinator::store
