// Reads an archive through a downloader plugin: the list of its files, and their bytes.
//
//   ArchiveReader archive(downloader);
//   archive.index([&](const task::IndexEntry& e) { ... });
//   archive.stage(ids);                               // once, before fetching, so that a tape archive can order its recalls
//   cache.acquire(files, name, archive.fetcher());
#pragma once

#include "runtime/host/stream_modules.hpp"
#include "runtime/staging/cache.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace mole::runtime {

struct PollTimes {
  std::chrono::milliseconds first{50};  // pause after the first poll; then doubled up to `max`
  std::chrono::milliseconds max{std::chrono::seconds(30)};
  std::chrono::milliseconds total{std::chrono::hours(12)};  // staging that takes longer fails (transient)
};

// Not thread-safe: use from one thread at a time. The downloader must outlive the reader.
class ArchiveReader {
 public:
  explicit ArchiveReader(const DownloaderModule& downloader, PollTimes poll = {}) : downloader_(downloader), poll_(poll) {}

  // Calls `found` for every file of the archive. invalid: the downloader listed an id twice.
  Result<> index(const std::function<Result<>(const task::IndexEntry&)>& found) const;

  // Requests files and waits until they are ready. transient: timed out. cancelled: the host is stopping.
  Result<> stage(const std::vector<std::string>& ids) const;

  // Stages a file and writes its bytes to the sink.
  Result<> fetch(const task::File& file, const ByteSink& to) const;
  Fetch fetcher() const {
    return [this](const task::File& file, const ByteSink& to) { return fetch(file, to); };
  }

 private:
  const DownloaderModule& downloader_;
  PollTimes poll_;
};

}  // namespace mole::runtime
