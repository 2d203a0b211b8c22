// mole-worker --run: one task in this process, from A/spec.json to the handover on descriptor 3.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace mole::nodes {

struct RunOptions {
  std::filesystem::path attempt;               // A
  std::filesystem::path cache;                 // folder of staged files
  std::uint64_t cache_limit = 0;               // bytes
  bool columns = true;                         // read and keep decoded columns in the cache
  std::vector<std::filesystem::path> plugins;  // folders, the first that has a library wins
  unsigned threads = 1;
  int handover = 3;  // descriptor the daemon opened
};

// Returns the exit code: 0 if the handover is whole (also when steps failed: the handover says so), 1 otherwise.
int run_task(const RunOptions& options);

}  // namespace mole::nodes
