// Reads an archive through a downloader plugin: the list of its files, and their bytes.
//
//   ArchiveReader archive(downloader);
//   archive.index([&](const task::IndexEntry& e) { ... });
//   cache.acquire(files, name, archive.fetching());
#pragma once

#include "runtime/host/stream_modules.hpp"
#include "runtime/staging/cache.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace mole::runtime {

struct PollTimes {
  std::chrono::milliseconds first{50};  // pause after the first poll, and after a file became ready; then doubled up to `max`
  std::chrono::milliseconds max{std::chrono::seconds(30)};
  std::chrono::milliseconds total{std::chrono::hours(12)};  // waiting longer for the next file fails (transient)
};

// A broken transfer continues where it stopped, after pauses that are doubled up to `max`.
struct RetryTimes {
  unsigned attempts = 5;  // without progress between them
  std::chrono::milliseconds first{500};
  std::chrono::milliseconds max{std::chrono::seconds(30)};
};

// Not thread-safe: use from one thread at a time. The downloader must outlive the reader.
class ArchiveReader {
 public:
  explicit ArchiveReader(const DownloaderModule& downloader, PollTimes poll = {}, RetryTimes retry = {})
      : downloader_(downloader), poll_(poll), retry_(retry) {}

  // Calls `found` for every file of the archive, and counts the paths that the downloader passes over (null: not wanted).
  // invalid: the downloader listed an id twice.
  Result<> index(const std::function<Result<>(const task::IndexEntry&)>& found,
                 std::vector<task::PassedOver>* passed_over = nullptr) const;

  // Requests these files from the archive, waits until one of them is ready or cannot be staged, and returns its number.
  // transient: timed out. cancelled: the host is stopping. Other errors are those of the archive as a whole.
  Result<std::size_t> next_ready(std::span<const task::File* const> files);

  // Writes the bytes of a file to the sink, after staging it if next_ready did not, and compares them with the digest that the
  // archive states. corrupt: it differs.
  Result<> fetch(const task::File& file, const ByteSink& to);
  // Valid as long as the reader.
  Fetching fetching();

 private:
  Result<> stage(const std::string& id) const;
  Result<> transfer(const task::File& file, const ByteSink& to) const;

  const DownloaderModule& downloader_;
  PollTimes poll_;
  RetryTimes retry_;
  std::map<std::string, Error> failed_;  // why files cannot be staged
};

}  // namespace mole::runtime
