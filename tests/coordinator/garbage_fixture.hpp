// A coordinator with results, from which garbage is removed.
#pragma once

#include "tests/coordinator/world.hpp"

#include <algorithm>
#include <filesystem>

namespace mole::test {

namespace fs = std::filesystem;
using coordinator::CollectOptions;

struct Garbage : ::testing::Test {
  World world;
  Garbage() { world.add_files("1", 0, 9); }

  // Runs the chain with a parameter of its own, as a request with this client id.
  std::string run(const std::string& client, const std::string& coverage = "") {
    auto s = world.submission(chain, "2007-09-22", "2007-09-22T08");
    s.client_id = client;
    if (!coverage.empty()) s.overrides = {"modules.mean.params.minimum_coverage=" + coverage};
    const auto done = world.run(s);
    EXPECT_EQ(done["state"], "COMPLETE") << done.dump(2);
    return done["id"];
  }
  // Returns how many of each kind were removed. `steps`: ends early after this many steps.
  std::map<std::string, std::uint64_t> collect(const CollectOptions& options = {}, std::uint64_t steps = UINT64_MAX) {
    const auto done = world.service().collect_garbage(options, [&] { return steps == 0 || --steps == 0; });
    EXPECT_TRUE(done) << done.error().message;
    std::map<std::string, std::uint64_t> out;
    if (done)
      for (const auto& kind : done->kinds) out[kind.kind] = kind.count;
    return out;
  }
  static CollectOptions dry_run() { return {.dry_run = true, .keep_requests = {}, .max_requests = {}}; }
  static CollectOptions latest(std::uint64_t requests, bool dry_run = false) {
    return {.dry_run = dry_run, .keep_requests = {}, .max_requests = requests};
  }
  std::size_t rows(const std::string& table) { return world.client().dump(table, "", 10'000)->at("rows").size(); }
  fs::path state() const { return world.folder.path() / "state"; }
  // Makes all blobs two days older.
  void age_blobs() {
    for (const auto& entry : fs::recursive_directory_iterator(state() / "blobs"))
      if (entry.is_regular_file()) fs::last_write_time(entry, fs::last_write_time(entry) - std::chrono::hours(48));
  }
  std::size_t blobs() {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(state() / "blobs"))
      count += entry.is_regular_file() && Digest::from_hex(entry.path().filename().string());
    return count;
  }
};

}  // namespace mole::test
