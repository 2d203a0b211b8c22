// Starts mole-worker in a separate process.
#pragma once

#include "nodes/process/spawn.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace mole::testing {

// Starts `mole-worker --run` on an attempt folder as mole-node does: descriptor 3 is attempt/handover, the output is written to
// attempt/log, the cache is attempt/cache.
inline pid_t start_worker(const std::filesystem::path& worker, const std::filesystem::path& attempt, const std::string& plugins,
                          std::uint64_t cache_limit) {
  nodes::Spawn spawn;
  spawn.open(3, attempt / "handover", O_RDWR | O_CREAT | O_TRUNC, 0600);
  spawn.open(STDOUT_FILENO, attempt / "log", O_WRONLY | O_CREAT, 0600).duplicate(STDOUT_FILENO, STDERR_FILENO);
  const auto pid = spawn.start(worker, {"--run", attempt.string(), "--cache", (attempt / "cache").string(), "--cache-limit",
                                        std::to_string(cache_limit), "--plugins", plugins, "--threads", "2"});
  EXPECT_TRUE(pid) << pid.error().message;
  return pid ? *pid : -1;
}

}  // namespace mole::testing
