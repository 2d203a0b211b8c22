#include "runtime/task/file_fetch.hpp"

#include <algorithm>
#include <fstream>
#include <set>

namespace mole::runtime {
namespace {

constexpr std::size_t max_message = 300;  // bytes: there may be one for each file of a batch

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

FileFetch::FileFetch(const task::Spec& spec, Cache& cache, Fetching fetching, std::filesystem::path progress, bool columns)
    : spec_(spec),
      cache_(cache),
      fetching_(std::move(fetching)),
      progress_(std::move(progress)),
      archive_(task::cache_name_of(*spec.archive)) {
  for (std::size_t i = 0; i < spec_.files.size(); ++i) {
    columns_.push_back(columns ? task::column_name_of(spec_.files[i], *spec_.archive) : Digest());
    numbers_.emplace(spec_.files[i].id, i);
  }
  for (const auto number : spec_.whole)
    if (number < columns_.size()) columns_[number] = {};
}

Result<> FileFetch::run(std::vector<task::FetchReport>& reports) {
  idle_since_ = Clock::now();
  const Fetching timed([this](const task::File& file, const ByteSink& to) { return transfer(file, to); },
                       [this](std::span<const task::File* const> files) { return choose(files); });
  auto staged = cache_.fetch_and_keep(spec_.files, archive_, timed, columns_);
  if (staged && !begun_) add_cached({});
  settle();
  for (std::size_t i = 0; staged && i < spec_.files.size(); ++i) {
    const auto& [file, at] = std::tie(spec_.files[i], (*staged)[i]);
    auto& report = report_of(file);
    report.digest = at.digest;
    if (at.error) {
      report.outcome = task::FetchOutcome::failed;
      report.code = task::failure_code(at.error->code);
      report.message = at.error->message.substr(0, max_message);
    } else {
      report.outcome = at.columns   ? task::FetchOutcome::columns
                       : at.fetched ? task::FetchOutcome::fetched
                                    : task::FetchOutcome::cached;
    }
    if (std::ranges::find(order_, file.id) == order_.end()) order_.push_back(file.id);
  }
  for (const auto& id : order_) reports.push_back(std::move(reports_[id]));
  return staged ? Result<>() : staged.error();
}

task::FetchReport& FileFetch::report_of(const task::File& file) {
  auto& report = reports_[file.id];
  report.id = file.id;
  report.size = file.size;
  report.medium = file.medium;
  return report;
}

// Called before each transfer, when the previous file has been published.
Result<std::size_t> FileFetch::choose(std::span<const task::File* const> files) {
  if (!std::exchange(begun_, true)) add_cached(files);
  settle();
  idle_since_ = Clock::now();
  return fetching_.choose ? fetching_.choose(files) : Result<std::size_t>(std::size_t{0});
}

Result<> FileFetch::transfer(const task::File& file, const ByteSink& to) {
  auto& report = report_of(file);
  const auto begin = Clock::now();
  report.wait_seconds += seconds_between(idle_since_, begin);
  std::uint64_t received = 0;
  auto done = fetching_.fetch(file, [&](std::span<const std::byte> bytes) {
    received += bytes.size();
    return to(bytes);
  });
  report.bytes += received;
  idle_since_ = Clock::now();
  report.transfer_seconds += seconds_between(begin, idle_since_);
  last_ = &file;
  last_is_whole_ = static_cast<bool>(done) && received == file.size;
  return done;
}

// The files that need no transfer.
void FileFetch::add_cached(std::span<const task::File* const> missing) {
  std::set<std::string> absent;
  for (const auto* file : missing) absent.insert(file->id);
  for (const auto& file : spec_.files) {
    if (absent.contains(file.id)) continue;
    report_of(file).outcome = task::FetchOutcome::cached;
    add_ready(file);
  }
}

// Notes that the last transferred file has been published.
void FileFetch::settle() {
  const auto* file = std::exchange(last_, nullptr);
  if (!file || !last_is_whole_) return;
  report_of(*file).outcome = task::FetchOutcome::fetched;
  add_ready(*file);
}

void FileFetch::add_ready(const task::File& file) {
  order_.push_back(file.id);
  std::ofstream(progress_, std::ios::app) << numbers_.at(file.id) << '\n';  // only for the progress: may fail
}

}  // namespace mole::runtime
