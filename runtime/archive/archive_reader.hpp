// An archive as a task sees it: its list of files, and their bytes, through the downloader plugin.
//
//   ArchiveReader archive(downloader);
//   archive.index([&](const task::IndexEntry& e) { ... });
//   archive.stage(ids);                               // once, before fetching: a tape archive can order its work
//   cache.acquire(files, name, archive.fetcher());
#pragma once

#include "runtime/host/stream_modules.hpp"
#include "runtime/staging/cache.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace mole::runtime {

struct Patience {
  std::chrono::milliseconds first{50};  // pause between two polls, doubled up to ...
  std::chrono::milliseconds longest{std::chrono::seconds(30)};
  std::chrono::milliseconds total{std::chrono::hours(12)};  // then staging has failed (transient)
};

// One thread at a time. The downloader must outlive the reader.
class ArchiveReader {
 public:
  explicit ArchiveReader(const DownloaderModule& downloader, Patience patience = {})
      : downloader_(downloader), patience_(patience) {}

  // Every file of the archive, each id once. invalid: the downloader listed an id twice.
  Result<> index(const std::function<Result<>(const task::IndexEntry&)>& found) const;

  // Asks for files and waits until they are ready. transient when patience ends; cancelled if the host is asked to stop.
  Result<> stage(const std::vector<std::string>& ids) const;

  // Stages a file if need be and writes its bytes to the sink.
  Result<> fetch(const task::File& file, const ByteSink& to) const;
  Fetch fetcher() const {
    return [this](const task::File& file, const ByteSink& to) { return fetch(file, to); };
  }

 private:
  const DownloaderModule& downloader_;
  Patience patience_;
};

}  // namespace mole::runtime
