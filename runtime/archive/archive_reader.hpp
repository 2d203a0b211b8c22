// Reads an archive through a downloader plugin: the list of its files, and their bytes.
//
//   ArchiveReader archive(downloader);
//   archive.index([&](const task::IndexEntry& e) { ... });
//   cache.acquire(files, name, archive.fetching());
#pragma once

#include "runtime/host/stream_modules.hpp"
#include "runtime/staging/cache.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mole::runtime {

struct PollTimes {
  std::chrono::milliseconds first{50};  // pause after the first poll, and after a file became ready; then doubled up to `max`
  std::chrono::milliseconds max{std::chrono::seconds(30)};
  // A file that is not ready at this age of the reader fails (transient). Less than the wall limit of a worker, after which the
  // task would fail as hung; the files fetched by then stay in the cache, and the task is tried again.
  std::chrono::milliseconds total{std::chrono::minutes(45)};
  bool each = false;  // `total` begins again when a file has become ready
  // With `each`: a file that is not ready this long after the last one that was staged fails alone (transient), so that a file
  // that an archive never delivers does not hold back the others for `total`.
  std::chrono::milliseconds after_others{std::chrono::minutes(30)};
};

// A broken transfer continues where it stopped, after pauses that are doubled up to `max`.
struct RetryTimes {
  unsigned attempts = 5;  // without progress between them
  std::chrono::milliseconds first{500};
  std::chrono::milliseconds max{std::chrono::seconds(30)};
};

// Not thread-safe: use from one thread at a time. The downloaders must outlive the reader.
class ArchiveReader {
 public:
  explicit ArchiveReader(const DownloaderModule& downloader, PollTimes poll = {}, RetryTimes retry = {})
      : ArchiveReader(std::vector{&downloader}, poll, retry) {}
  // The tiers of an archive, in the order in which they are tried; at least one.
  explicit ArchiveReader(std::vector<const DownloaderModule*> tiers, PollTimes poll = {}, RetryTimes retry = {})
      : tiers_(std::move(tiers)), poll_(poll), retry_(retry), transferred_(tiers_.size()) {}
  ArchiveReader(const ArchiveReader&) = delete;
  ~ArchiveReader() { release_transferred(); }

  // Calls `found` for every file of the archive, as the first tier that has it lists it, and counts the paths that the
  // downloaders pass over (null: not wanted). A file that a later tier lists with a different size is counted there, too.
  // invalid: a downloader listed an id twice.
  Result<> index(const std::function<Result<>(const task::IndexEntry&)>& found,
                 std::vector<task::PassedOver>* passed_over = nullptr) const;

  // Requests these files from the archive, waits until one of them is ready or cannot be staged, and returns its number.
  // transient: timed out. cancelled: the host is stopping. Other errors are those of the archive as a whole.
  Result<std::size_t> next_ready(std::span<const task::File* const> files);

  // Writes the bytes of a file to the sink, after staging it if next_ready did not, and compares them with the digest that the
  // archive states. If it was staged for this reader, it is released with others, before the next ones are staged. A later tier
  // is tried if one does not have the file or cannot deliver its first byte. corrupt: the digest differs.
  Result<> fetch(const task::File& file, const ByteSink& to);
  // Valid as long as the reader.
  Fetching fetching();

 private:
  bool is_late(std::chrono::milliseconds pause) const {
    const auto limit = poll_.each && any_staged_ ? std::min(poll_.total, poll_.after_others) : poll_.total;
    return std::chrono::steady_clock::now() - begin_ + pause > limit;
  }
  void release_transferred();
  Result<> poll_tier(std::size_t tier, std::span<const task::File* const> files);
  std::size_t tier_of(const task::File& file) const {
    return tiers_.size() - 1 - std::min<std::size_t>(file.tier, tiers_.size() - 1);
  }
  Result<> stage(const DownloaderModule& downloader, const std::string& id) const;
  Result<> transfer(const DownloaderModule& downloader, const task::File& file, const ByteSink& to, std::uint64_t& written) const;

  std::vector<const DownloaderModule*> tiers_;
  PollTimes poll_;
  RetryTimes retry_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  bool any_staged_ = false;              // a file was not ready at first, and is now
  std::map<std::string, Error> failed_;  // why files cannot be staged
  std::set<std::string> ready_;          // ready or failed, but not yet returned by next_ready
  std::set<std::string> staged_;         // were not ready when they were requested, so they are released after the transfer
  std::vector<std::vector<std::string>> transferred_;  // by tier: to be released
};

}  // namespace mole::runtime
