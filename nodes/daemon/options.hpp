// What an operator decides about a node.
#pragma once

#include "sdk/model/time.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace mole::nodes {

inline constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

struct Options {
  std::filesystem::path folder;         // everything this node owns (docs/formats/node_folder.md)
  std::filesystem::path worker;         // the program mole-worker
  std::filesystem::path launcher;       // the program mole-launch
  std::filesystem::path blobs;          // the coordinator's blob store, where it is on this machine; empty: blobs come by message
  std::string listen;                   // where other nodes fetch states: "unix:/path" or "tcp:127.0.0.1:0"
  std::uint32_t slots = 1;              // tasks at once
  std::uint32_t threads = 1;            // of one task
  std::uint64_t memory = 2 * gibibyte;  // address space of a worker without that of its threads, bytes; 0: no limit
  std::uint64_t cache_limit = 10 * gibibyte;   // of staged archive files, bytes
  bool columns = true;                         // keep decoded columns in it, and read them
  std::uint64_t states_limit = 10 * gibibyte;  // of kept states, bytes
  Micros wall_limit = hour_us;                 // of a worker's run
  Micros stall_limit = 15 * minute_us;         // without a sign of life
  Micros drain_limit = 10 * minute_us;         // from drain to the end of what still runs
  Micros patience = 10 * minute_us;            // with a coordinator that is away while a task fetches its inputs
  Micros poll_least = 20'000;                  // between two fruitless questions for work, at first ...
  Micros poll_most = second_us;                // ... and at last
};

}  // namespace mole::nodes
