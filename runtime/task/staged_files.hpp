// The files of one task in a process that has the node's cache and the archive's downloaders.
#pragma once

#include "runtime/archive/archive_reader.hpp"
#include "runtime/host/plugin_set.hpp"
#include "runtime/host/stream_modules.hpp"
#include "runtime/staging/cache.hpp"
#include "runtime/task/task_files.hpp"
#include "sdk/model/task.hpp"

#include <memory>
#include <string>
#include <vector>

namespace mole::runtime {

using Downloaders = std::vector<std::unique_ptr<DownloaderModule>>;
// Opens the tiers of the task's archive, the downloader itself last. invalid: the task names no archive.
Result<Downloaders> open_downloaders(const task::Spec& spec, const PluginSet& plugins);
std::vector<const DownloaderModule*> pointers_to(const Downloaders& modules);

// Keeps the files in the cache that other tasks of the node will read.
void keep_files(const task::Spec& spec, Cache& cache);
// Ends the keeping of files for tasks that were withdrawn.
void release_files(const task::Spec& spec, Cache& cache);

// The spec and the cache must outlive it.
class StagedFiles final : public TaskFiles {
 public:
  // Returns the errors of open_downloaders. `columns`: whether cached columns may be used.
  static Result<std::unique_ptr<StagedFiles>> open(const task::Spec& spec, const PluginSet& plugins, Cache& cache, bool columns);

  Result<std::vector<TaskFile>> acquire(const std::optional<std::vector<int>>& columns,
                                        const std::vector<std::uint32_t>& whole) override;
  Result<TaskFile> replace_columns(std::uint32_t number) override;
  Result<> remove_columns(std::uint32_t number) override;
  Result<FileBytes> open(std::uint32_t number) override;
  Result<bool> is_intact(std::uint32_t number) override;
  Result<std::unique_ptr<ColumnsOutput>> begin_columns(std::uint32_t number) override;
  const std::vector<std::string>& unstaged() const override { return unstaged_; }

  // What begin_columns and ColumnsOutput::publish do. nullopt: as null.
  Result<std::optional<ColumnsPart>> begin_part(std::uint32_t number);
  Result<TaskFile> publish(std::uint32_t number, ColumnsPart part);

 private:
  class Output;

  StagedFiles(const task::Spec& spec, Cache& cache, Downloaders downloaders, bool columns);
  // invalid: the task has no such file, or it is not pinned.
  Result<const Staged*> pinned(std::uint32_t number) const;
  Fetching fetching();
  TaskFile file(std::uint32_t number) const;

  const task::Spec& spec_;
  Cache& cache_;
  const Downloaders downloaders_;
  const bool use_columns_;
  ArchiveReader archive_;
  std::string name_;             // of the archive in the cache
  std::vector<Digest> columns_;  // names, by file; empty if the task may not use columns
  std::vector<Staged> staged_;   // by file
  std::vector<std::string> unstaged_;
};

}  // namespace mole::runtime
