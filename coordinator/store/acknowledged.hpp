// What has been acknowledged, beside the database: `STATE/db.acknowledged` (docs/formats/store.md). A write-ahead log that lost
// its end, because of a flipped bit or because a file was removed, looks like one that ended earlier. This file shows the
// difference.
//
//   auto file = AcknowledgedFile::open(path);
//   if (file->last() && file->last()->sequence > sequence_of_the_database) ...  // acknowledged changes are lost
//   file->note({sequence, request});
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>

namespace mole::coordinator::store {

struct Acknowledged {
  std::uint64_t sequence = 0;  // of the database's last durable change
  std::uint64_t request = 0;   // highest number of a request; 0: none
};

// Not thread-safe.
class AcknowledgedFile {
 public:
  // Creates the file if it does not exist. invalid: it cannot be opened or created.
  static Result<AcknowledgedFile> open(const std::filesystem::path& path);
  AcknowledgedFile(AcknowledgedFile&& other) noexcept;
  AcknowledgedFile& operator=(AcknowledgedFile&&) = delete;
  ~AcknowledgedFile();

  // What was noted last; nullopt: nothing, or neither slot is valid.
  const std::optional<Acknowledged>& last() const { return last_; }
  // Call when a change is durable, before its reply. Not synced: after a power failure the file may be older than the database,
  // never newer. Errors are ignored; they only cost evidence.
  void note(const Acknowledged& acknowledged);

 private:
  explicit AcknowledgedFile(int fd) : fd_(fd) {}

  int fd_;
  std::uint64_t count_ = 0;  // of notes; its lowest bit selects the slot
  std::optional<Acknowledged> last_;
};

}  // namespace mole::coordinator::store
