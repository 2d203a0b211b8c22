// Runs a fetch task: puts the files of the spec into the node's cache, in the order in which the archive has them ready, and
// keeps them there for the tasks that will read them.
#pragma once

#include "runtime/staging/cache.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace mole::runtime {

// Not thread-safe. The constructor's arguments must outlive it.
class FileFetch {
 public:
  // `columns`: the cached columns of a file replace it. `progress`: the file to which the numbers of the files that are in the
  // cache are appended, one per line, as they become ready.
  FileFetch(const task::Spec& spec, Cache& cache, Fetching fetching, std::filesystem::path progress, bool columns = true);

  // Reports every file. An error concerns the task as a whole; the files reported before it are in the cache.
  Result<> run(std::vector<task::FetchReport>& reports);

 private:
  using Clock = std::chrono::steady_clock;

  task::FetchReport& report_of(const task::File& file);
  Result<std::size_t> choose(std::span<const task::File* const> files);
  Result<> transfer(const task::File& file, const ByteSink& to);
  void add_cached(std::span<const task::File* const> missing);
  void settle();
  void add_ready(const task::File& file);

  const task::Spec& spec_;
  Cache& cache_;
  const Fetching fetching_;
  const std::filesystem::path progress_;
  const std::string archive_;
  std::vector<Digest> columns_;
  std::map<std::string, task::FetchReport> reports_;  // by id
  std::vector<std::string> order_;                    // ids, as they became ready
  std::map<std::string, std::size_t> numbers_;        // of the files, by id
  bool begun_ = false;
  const task::File* last_ = nullptr;  // was transferred, and is published before the next one
  bool last_is_whole_ = false;
  Clock::time_point idle_since_;
};

}  // namespace mole::runtime
