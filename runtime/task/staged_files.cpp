#include "runtime/task/staged_files.hpp"

#include "runtime/staging/cache_folder.hpp"
#include "sdk/model/kept_columns.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

namespace mole::runtime {

Result<Downloaders> open_downloaders(const task::Spec& spec, const PluginSet& plugins) {
  if (!spec.archive) return invalid("the task names no archive; submit the manifest again");
  Downloaders out;
  for (const auto& tier : spec.archive->tiers) {
    MOLE_TRY(auto opened, DownloaderModule::open(plugins, tier));
    out.push_back(std::move(opened));
  }
  MOLE_TRY(auto last, DownloaderModule::open(plugins, spec.archive->downloader));
  out.push_back(std::move(last));
  return out;
}

std::vector<const DownloaderModule*> pointers_to(const Downloaders& modules) {
  std::vector<const DownloaderModule*> out;
  for (const auto& module : modules) out.push_back(module.get());
  return out;
}

void keep_files(const task::Spec& spec, Cache& cache) {
  if (!spec.archive) return;
  for (const auto number : spec.keep) {
    if (number >= spec.files.size()) continue;
    const auto columns = task::column_name_of(spec.files[number], *spec.archive);
    cache.keep(std::span(&spec.files[number], 1), task::cache_name_of(*spec.archive), std::span(&columns, 1));
  }
}

void release_files(const task::Spec& spec, Cache& cache) {
  if (spec.release.empty() || !spec.archive) return;
  std::vector<Digest> columns;
  for (const auto& file : spec.release) columns.push_back(task::column_name_of(file, *spec.archive));
  cache.release(spec.release, task::cache_name_of(*spec.archive), columns);
}

class StagedFiles::Output final : public ColumnsOutput {
 public:
  Output(StagedFiles& files, std::uint32_t number, ColumnsPart part) : files_(files), number_(number), part_(std::move(part)) {}
  Result<> append(std::string_view bytes) override { return part_.append(bytes); }
  Result<TaskFile> publish() override { return files_.publish(number_, std::move(part_)); }

 private:
  StagedFiles& files_;
  const std::uint32_t number_;
  ColumnsPart part_;
};

// verify reads the archive's files: no cached columns, and a name in the cache that no copy has.
StagedFiles::StagedFiles(const task::Spec& spec, Cache& cache, Downloaders downloaders, bool columns)
    : spec_(spec),
      cache_(cache),
      downloaders_(std::move(downloaders)),
      use_columns_(columns && spec.kind != task::Kind::verify),
      archive_(pointers_to(downloaders_)),
      name_(task::cache_name_of(*spec.archive)) {
  if (spec.kind == task::Kind::verify) name_ += "\ntask " + spec.id;
}

Result<std::unique_ptr<StagedFiles>> StagedFiles::open(const task::Spec& spec, const PluginSet& plugins, Cache& cache,
                                                       bool columns) {
  MOLE_TRY(auto downloaders, open_downloaders(spec, plugins));
  return std::unique_ptr<StagedFiles>(new StagedFiles(spec, cache, std::move(downloaders), columns));
}

// A file that a fetch task has staged is not fetched by this task, which would use a drive of its own: the task ends instead, and
// the file is staged again.
Fetching StagedFiles::fetching() {
  auto archive = archive_.fetching();
  if (spec_.staged.empty()) return archive;
  std::set<std::string> staged;
  for (const auto number : spec_.staged)
    if (number < spec_.files.size()) staged.insert(spec_.files[number].id);
  return {archive.fetch,
          [this, staged = std::move(staged), archive](std::span<const task::File* const> files) -> Result<std::size_t> {
            unstaged_.clear();
            for (const auto* file : files)
              if (staged.contains(file->id)) unstaged_.push_back(file->id);
            if (unstaged_.empty()) return archive.choose(files);
            return transient("file " + unstaged_.front() + " is not in the node's cache any more; it is staged again");
          }};
}

Result<std::vector<TaskFile>> StagedFiles::acquire(const std::optional<std::vector<int>>& columns,
                                                   const std::vector<std::uint32_t>& whole) {
  staged_.clear();
  columns_.clear();
  for (const auto& file : spec_.files)
    if (columns && use_columns_) columns_.push_back(kept_columns_name(file, *spec_.archive, *columns));
  auto requested = columns_;
  for (const auto number : whole)
    if (number < requested.size()) requested[number] = {};
  MOLE_TRY(staged_, cache_.acquire(spec_.files, name_, fetching(), requested));
  std::vector<TaskFile> out;
  for (std::uint32_t number = 0; number < staged_.size(); ++number) {
    if (spec_.kind == task::Kind::verify && staged_[number].pin) Cache::evict_first(staged_[number]);
    out.push_back(file(number));
  }
  return out;
}

TaskFile StagedFiles::file(std::uint32_t number) const {
  const auto& staged = staged_[number];
  return {
      .fetched = staged.fetched, .columns = staged.columns, .size = staged.size, .digest = staged.digest, .error = staged.error};
}

Result<const Staged*> StagedFiles::pinned(std::uint32_t number) const {
  if (number < staged_.size() && staged_[number].pin) return &staged_[number];
  return invalid("file " + std::to_string(number) + " of the task is not pinned");
}

Result<> StagedFiles::remove_columns(std::uint32_t number) {
  if (number >= columns_.size()) return invalid("the task uses no cached columns of file " + std::to_string(number));
  return cache_.remove_damaged_columns(spec_.files[number], columns_[number]);
}

Result<TaskFile> StagedFiles::replace_columns(std::uint32_t number) {
  if (auto removed = remove_columns(number); !removed) return removed.error();
  MOLE_TRY(auto acquired, cache_.acquire(std::span(&spec_.files[number], 1), name_, fetching()));
  staged_[number] = std::move(acquired.front());
  return file(number);
}

Result<FileBytes> StagedFiles::open(std::uint32_t number) {
  MOLE_TRY(const auto* staged, pinned(number));
  // An open file of its own: without the lock.
  Pin file(::open(("/proc/self/fd/" + std::to_string(staged->pin.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return exhausted("cannot open " + staged->path.string() + " once more: " + std::strerror(errno) +
                     "; raise the limit on open files");
  return FileBytes::of(std::move(file), staged->path);
}

// Reads through the pin: what has happened to the path does not matter.
Result<bool> StagedFiles::is_intact(std::uint32_t number) {
  MOLE_TRY(const auto* staged, pinned(number));
  const auto same = cache_folder::has_digest(staged->pin, staged->digest);
  if (same && *same) return true;
  if (auto removed = cache_.remove_damaged(spec_.files[number], name_); !removed) return removed.error();
  return false;
}

Result<std::optional<ColumnsPart>> StagedFiles::begin_part(std::uint32_t number) {
  if (number >= columns_.size() || !pinned(number)) return std::optional<ColumnsPart>();
  return cache_.begin_columns(columns_[number], max_column_bytes(spec_.files[number].size));
}

Result<std::unique_ptr<ColumnsOutput>> StagedFiles::begin_columns(std::uint32_t number) {
  MOLE_TRY(auto part, begin_part(number));
  if (!part) return std::unique_ptr<ColumnsOutput>();
  return std::unique_ptr<ColumnsOutput>(std::make_unique<Output>(*this, number, std::move(*part)));
}

Result<TaskFile> StagedFiles::publish(std::uint32_t number, ColumnsPart part) {
  MOLE_TRY(const auto* staged, pinned(number));
  MOLE_TRY(auto published, std::move(part).publish(spec_.files[number], staged->digest));
  // The file is no longer needed and can be evicted for the columns of the next one.
  Cache::evict_first(*staged);
  staged_[number] = std::move(published);
  return file(number);
}

}  // namespace mole::runtime
