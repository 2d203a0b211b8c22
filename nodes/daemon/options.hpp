// The settings of a node.
#pragma once

#include "coordinator/wire/secret.hpp"
#include "sdk/model/enums.hpp"
#include "sdk/model/time.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mole::nodes {

class Cgroups;

inline constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

struct Options {
  std::filesystem::path folder;    // all files of this node (docs/formats/node_folder.md)
  std::filesystem::path worker;    // the program mole-worker
  std::filesystem::path launcher;  // the program mole-launch
  std::filesystem::path blobs;     // the coordinator's blob store if it is on this machine; empty: blobs are downloaded
  std::string listen;              // where other nodes fetch states and files: "unix:/path" or "tcp:127.0.0.1:0"
  std::optional<coordinator::Secret> secret;  // proves this node and the others to each other on TCP
  std::uint32_t slots = 1;                    // concurrent tasks
  std::uint32_t threads = 1;                  // per task
  // Concurrent tasks of kind fetch, in addition to `slots`: they wait for the archive. 0: the node does not reach archives on
  // tapes and other media, and copies their files from other nodes.
  std::uint32_t fetches = 4;
  std::uint64_t memory = 2 * gibibyte;         // address space of a worker, without that of its threads, bytes; 0: no limit
  std::uint64_t cache_limit = 10 * gibibyte;   // staged archive files and cached columns, bytes
  bool columns = true;                         // cache decoded columns and read them instead of the files
  std::uint64_t states_limit = 10 * gibibyte;  // stored states, bytes
  Micros wall_limit = hour_us;                 // run time of a worker
  Micros stall_limit = 2 * minute_us;          // time without progress of a worker (docs/decisions/0145)
  Micros drain_limit = 10 * minute_us;         // time for running tasks to finish after drain()
  // What separates workers from the rest of the machine. Parts that do not work here are left out, or refused if required.
  std::vector<SandboxPart> sandbox = {SandboxPart::limits};
  bool require_sandbox = false;
  std::shared_ptr<Cgroups> groups = nullptr;  // of the workers; set by the daemon. Null: there are none
  Micros retry_limit = 10 * minute_us;        // time to retry when the coordinator is unreachable while a task fetches its inputs
  Micros poll_min = 20'000;                   // pause after a lease request that returns no task, at first ...
  Micros poll_max = second_us;                // ... and after many such requests
};

}  // namespace mole::nodes
