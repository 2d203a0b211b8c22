#include "coordinator/leases/task_times.hpp"

#include <algorithm>
#include <cmath>

namespace mole::coordinator::leases {
namespace {

constexpr double max_seconds = 30 * 86'400;  // of a possible time

bool is_possible(double seconds) { return std::isfinite(seconds) && seconds >= 0 && seconds <= max_seconds; }

}  // namespace

std::optional<TimedTask> fetch_time_of(const tasks::Grant& grant, const task::Report& report) {
  if (grant.kind != task::Kind::fetch || grant.files.empty() || report.code != task::FailureCode::none) return std::nullopt;
  TimedTask out{grant.library, grant.medium, grant.mounts, 0, 0, 0, 0};
  for (const auto& file : report.fetched) {
    if (file.outcome == task::FetchOutcome::failed) return std::nullopt;  // it may have waited for the mount
    if (file.outcome != task::FetchOutcome::fetched) continue;
    if (!is_possible(file.wait_seconds) || !is_possible(file.transfer_seconds)) return std::nullopt;
    ++out.files;
    out.bytes += file.size;
    out.seconds += file.wait_seconds + file.transfer_seconds;
  }
  if (out.files == 0 || out.library.empty() || !is_possible(out.seconds)) return std::nullopt;
  return out;
}

std::optional<TimedTask> decode_time_of(const task::Spec& spec, const task::Report& report) {
  if (spec.kind != task::Kind::compute || report.code != task::FailureCode::none || report.bytes_read == 0) return std::nullopt;
  if (!is_possible(report.seconds) || report.seconds == 0) return std::nullopt;
  for (std::uint32_t i = 0; i < spec.files.size(); ++i)  // the task may have waited for a tape
    if (!spec.files[i].medium.empty() && std::ranges::find(spec.staged, i) == spec.staged.end()) return std::nullopt;
  const bool decoded =
      std::ranges::all_of(report.files, [](const task::FileReport& file) { return file.source != task::FlowSource::columns; });
  if (!decoded) return std::nullopt;
  return TimedTask{"", "", false, report.files.size(), report.bytes_read, report.seconds, 0};
}

TaskTimes::Added TaskTimes::add(const TimedTask& task) {
  const auto number = next_;
  return {number, restore(number, task)};
}

std::vector<std::uint64_t> TaskTimes::restore(std::uint64_t number, const TimedTask& task) {
  next_ = number + 1;
  auto& rows = rows_[task.library];
  rows.push_back({number, {task.mounts, task.files, task.bytes, task.seconds}});
  std::vector<std::uint64_t> dropped;
  if (rows.size() > max_tasks) {
    dropped.push_back(rows.front().number);
    rows.pop_front();
  }
  if (rows_.size() > max_libraries + 1) {  // the library that was not used for the longest time
    const auto oldest = std::ranges::min_element(
        rows_, {}, [](const auto& entry) { return entry.first.empty() ? UINT64_MAX : entry.second.back().number; });
    for (const auto& row : oldest->second) dropped.push_back(row.number);
    rows_.erase(oldest);
  }
  return dropped;
}

std::vector<StagedBatch> TaskTimes::batches_of(const std::string& library) const {
  std::vector<StagedBatch> out;
  if (const auto found = rows_.find(library); found != rows_.end())
    for (const auto& row : found->second) out.push_back(row.batch);
  return out;
}

StagingRates TaskTimes::rates_of(const std::string& library) const {
  return library.empty() ? StagingRates{} : learn_rates(batches_of(library));
}

}  // namespace mole::coordinator::leases
