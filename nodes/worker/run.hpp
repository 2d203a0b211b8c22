// mole-worker --run: runs one task in this process, from A/spec.json to the handover on descriptor 3.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace mole::nodes {

struct RunOptions {
  std::filesystem::path attempt;               // A
  std::filesystem::path cache;                 // folder of the file cache; empty: no cache
  std::uint64_t cache_limit = 0;               // bytes
  bool columns = true;                         // read and write decoded columns in the cache
  std::vector<std::filesystem::path> plugins;  // folders, searched in order
  unsigned threads = 1;
  int handover = 3;  // descriptor, opened by the daemon
};

// Returns the exit code: 0 if the handover is complete, even if steps failed (it says so); 1 otherwise.
int run_task(const RunOptions& options);

}  // namespace mole::nodes
