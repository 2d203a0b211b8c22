// A whole listing in packed form, and the file in which a node keeps it to report only what has changed since
// (docs/formats/listing.md).
//
//   PackedListing now;
//   downloader.index([&](const task::IndexEntry& entry) { return now.add(entry); });
//   now.sort();
//   if (auto changes = now.changes_since(before, 5000)) ...
#pragma once

#include "sdk/model/listing.hpp"

#include <filesystem>
#include <functional>

namespace mole::runtime {

struct ListingChanges {
  std::vector<task::IndexEntry> entries;  // new or changed
  std::vector<std::string> removed;
};

// Used by one thread.
class PackedListing {
 public:
  // Ignores entries whose ids are not usable. exhausted: an archive may not have so many files.
  Result<> add(const task::IndexEntry& entry);
  // Sorts the entries by id. Of several entries with one id, the last one is kept. Call it before the functions below.
  void sort();

  std::size_t size() const { return entries_.size(); }
  Digest digest() const { return digest_.value(); }
  Result<> each(const std::function<Result<>(const task::IndexEntry&)>& visit) const;
  // nullopt: there are more than `limit` changes.
  std::optional<ListingChanges> changes_since(const PackedListing& before, std::size_t limit) const;

  // transient: it cannot be written. The file is not synced.
  Result<> write(const std::filesystem::path& path) const;
  // missing: there is no such file. corrupt: it is damaged.
  static Result<PackedListing> read(const std::filesystem::path& path);

 private:
  struct Entry {
    std::size_t offset, size;  // in bytes_
  };
  std::string_view packed(const Entry& entry) const { return std::string_view(bytes_).substr(entry.offset, entry.size); }
  std::string_view id(const Entry& entry) const;
  task::IndexEntry unpacked(const Entry& entry) const;

  std::string bytes_;
  std::vector<Entry> entries_;
  task::ListingDigest digest_;
};

}  // namespace mole::runtime
