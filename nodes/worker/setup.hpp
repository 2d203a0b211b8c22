// The first steps of a process that loads the plugins of a task.
#pragma once

#include "runtime/host/call_record.hpp"
#include "runtime/staging/cache.hpp"
#include "sdk/model/task.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace mole::nodes {

struct ProcessOptions {
  std::filesystem::path folder;                // with the call record, scratch/ and the log of this process
  std::filesystem::path cache;                 // folder of the file cache; empty: no cache
  std::uint64_t cache_limit = 0;               // bytes
  std::vector<std::filesystem::path> plugins;  // folders, searched in order
  bool columns = true;                         // read and write decoded columns in the cache
  std::string seccomp;                         // "network" or "local": the system calls that it keeps; empty: all
};
void add_options(CLI::App& app, ProcessOptions& options);

struct TaskProcess {
  task::Spec spec;
  std::unique_ptr<runtime::CallRecord> record;
};
// Gives up core dumps and system calls, handles signals, and reads <attempt>/spec.json. `descriptors`: those that must be open.
Result<TaskProcess> set_up(const ProcessOptions& options, const std::filesystem::path& attempt, std::vector<int> descriptors);

// Opens the cache. `bad_copies`: gets the ids of files whose copies are removed because they are damaged.
Result<runtime::Cache> open_cache(const ProcessOptions& options, runtime::CallRecord& record,
                                  std::vector<std::string>& bad_copies);

// Prints the error; returns the exit code of a worker that failed.
int report_error(const Error& error);

}  // namespace mole::nodes
