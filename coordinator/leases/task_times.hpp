// How long completed tasks took, to estimate how long others will take: those that fetched files from a library, by library, and
// those that decoded files. At most `max_tasks` of each, the latest ones.
#pragma once

#include "coordinator/leases/staging_rates.hpp"
#include "coordinator/tasks/fuse.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mole::coordinator::leases {

// Stored as a row of the table "task_times".
struct TimedTask {
  std::string library;  // library_of the fetched files; empty: a task that decoded files
  std::string medium;
  bool mounts = false;
  std::uint64_t files = 0, bytes = 0;
  double seconds = 0;
  Micros at = 0;  // when its report was received
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TimedTask, library, medium, mounts, files, bytes, seconds, at)

// Returns how long a task of kind fetch took for the files that it transferred. nullopt: it cannot be compared with others,
// because it transferred none, a file failed, the task was cancelled, or its times are not possible.
std::optional<TimedTask> fetch_time_of(const tasks::Grant& grant, const task::Report& report);
// Returns how long a task of kind compute took that decoded all its files. nullopt: it failed, or read some from columns.
std::optional<TimedTask> decode_time_of(const task::Spec& spec, const task::Report& report);

// Not thread-safe.
class TaskTimes {
 public:
  static constexpr std::size_t max_tasks = 1000, max_libraries = 64;

  struct Added {
    std::uint64_t number = 0;            // of the row
    std::vector<std::uint64_t> dropped;  // numbers of rows to erase
  };
  Added add(const TimedTask& task);
  // Takes a row from the store. Call in the order of the numbers, before any add. Returns the rows to erase.
  std::vector<std::uint64_t> restore(std::uint64_t number, const TimedTask& task);

  StagingRates rates_of(const std::string& library) const;  // assumptions if nothing is known
  DecodeRate decode_rate() const { return learn_decode_rate(batches_of("")); }

 private:
  struct Row {
    std::uint64_t number = 0;
    StagedBatch batch;
  };
  std::vector<StagedBatch> batches_of(const std::string& library) const;

  std::map<std::string, std::deque<Row>> rows_;  // by library
  std::uint64_t next_ = 1;
};

}  // namespace mole::coordinator::leases
