#pragma once

#include "coordinator/leases/failures.hpp"

#include <filesystem>

namespace mole::coordinator {

enum class LogLevel : std::uint8_t { info, warning };

// How long the coordinator keeps what no current result needs (control/garbage.hpp).
struct Retention {
  Micros keep_requests = 90 * day_us;   // after their end; 0: for ever
  std::uint64_t max_requests = 10'000;  // that have ended, the latest; 0: any number
  std::uint64_t max_events = 100'000;   // the latest
  Micros keep_nodes = 30 * day_us;      // since they were last heard; 0: for ever
  Micros keep_unused_nodes = day_us;    // the same for nodes that never did anything
  Micros keep_unclaimed = day_us;       // blobs and unfinished uploads that no row names
};

struct Config {
  std::filesystem::path state;                       // folder with db/, blobs/, tables/, requests/
  std::vector<std::filesystem::path> plugins;        // folders in ascending precedence
  std::vector<std::filesystem::path> allowed_roots;  // folders that submissions over TCP may name
  bool manifest_plugins = false;                     // also load plugins from folders that a manifest names
  leases::Settings leases;
  Retention retention;
  bool create = false;                                     // create the state folder if it does not exist
  Micros listing_age = 10 * second_us;                     // submit reuses a listing of an archive up to this age
  Micros relist_after = 10 * minute_us;                    // how often to list again while a request waits for files
  std::function<Micros()> now;                             // for decisions; includes suspended time. Default CLOCK_BOOTTIME
  std::function<Micros()> wall;                            // for timestamps. Default CLOCK_REALTIME
  std::uint64_t seed = 0;                                  // of retry jitter; 0: random
  std::function<void(const std::string&)> storage_failed;  // see store::StoreOptions::failed
  // Part of the program of its only user, with one node: nobody could ask it what it waits for. It ends its program on a full
  // disk, and a request that its node may not run.
  bool embedded = false;
  std::function<std::uint64_t()> free_bytes;  // on the disk of `state`. Default: asks the system
  // Receives one line for each step of a request and of a task. Called without locks.
  std::function<void(LogLevel, const std::string&)> log;
};

}  // namespace mole::coordinator
