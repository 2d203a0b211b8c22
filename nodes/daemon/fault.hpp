// Reads the record of a worker's last plugin call and its log, and decides which plugin is at fault for an unfinished task.
#pragma once

#include "nodes/process/child.hpp"
#include "sdk/model/task.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace mole::nodes {

// The last plugin call of a worker, which it records in 64 bytes before the call (docs/formats/call_record.md).
struct PluginCall {
  std::string call;                   // "add"
  std::optional<std::uint32_t> step;  // empty: a decoder or downloader
  std::uint64_t batch = 0;
  std::uint64_t progress = 0;  // changes while the call makes progress
  std::string module;          // as the worker writes it: "traffic", "decoder netflow5"
  bool in_plugin = false;      // false: the worker was in its own code
};

// Returns nullopt if there is no record yet or the file is not a record.
std::optional<PluginCall> read_call(const std::filesystem::path& path);

// Bytes of the log that are kept.
inline constexpr std::size_t max_failure_tail = 64u << 10, max_success_tail = 4u << 10;

// Returns the last complete lines of a log, at most 64 KiB. Control bytes and bytes that are not UTF-8 are written as \xNN, so
// that a log cannot send escape sequences to the reader's terminal. Empty if there is no log.
std::string log_tail(const std::filesystem::path& log);
// Returns the last complete lines of the text, at most `limit` bytes; the end of the last line if it is longer than that.
std::string last_lines(std::string text, std::size_t limit);

// The daemon's observations of a worker's run, besides the report.
struct WorkerRun {
  std::string process = "the worker";  // for messages
  ExitStatus exit_status;
  std::optional<PluginCall> call;  // the last call that the worker recorded
  std::string log_tail;
  Micros wall_limit = 0, stall_limit = 0;
};

// Returns the run of the process that is at fault: that of the staging process if the worker waited for it when it had to be
// killed, or ended because of it. Its log ends with that of this process.
WorkerRun at_fault(WorkerRun worker, WorkerRun staging);

// Completes the report of a run in which some steps did not run. The step whose plugin was being called becomes "failed" with the
// code "crashed", "hung" or "exhausted"; the other steps stay "not_run". A decoder or downloader at fault fails the whole task,
// and so does a worker that died in its own code before any step was done ("internal", or "exhausted" if the system killed it).
// If no step failed, only the last max_success_tail bytes of the log are kept.
task::Report assign_fault(task::Report report, const task::Spec& spec, const WorkerRun& run);

}  // namespace mole::nodes
