// The memory of a worker grows neither with the flows of its block nor with the length of the block.
#include "tests/support/worker_process.hpp"
#include "tests/task/task_fixture.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <random>

namespace mole::runtime::testing {
namespace {

constexpr std::uint32_t first_second = 1190487600;
constexpr Micros first_hour = Micros{first_second} * second_us;

void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}
void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}

// An hour of NetFlow v5: flows of up to ten minutes between 60,000 hosts.
void write_hour(const fs::path& path, std::uint32_t flows) {
  std::mt19937 random(1);
  std::string out;
  for (std::uint32_t sent = 0; sent < flows; sent += 30) {
    const std::uint32_t uptime = 1'000'000'000, second = static_cast<std::uint32_t>(std::uint64_t{3600} * sent / flows);
    put16(out, 5), put16(out, 30), put32(out, uptime), put32(out, first_second + second), put32(out, 0), put32(out, sent),
        put32(out, 0);
    for (int i = 0; i < 30; ++i) {
      const std::uint32_t end = uptime - random() % 1000, begin = end - random() % 600'000;
      put32(out, 0x0a000000 + random() % 60'000), put32(out, 0xc0000000 + random() % 60'000), put32(out, 0);
      put16(out, 1), put16(out, 2), put32(out, 1 + random() % 9), put32(out, 40 + random() % 9000), put32(out, begin),
          put32(out, end);
      put16(out, 1024 + random() % 60'000), put16(out, 80), put16(out, 0x0010), put16(out, random() % 2 ? 6 * 256 : 17 * 256);
      put16(out, 100), put16(out, 200), put16(out, 0x1010), put16(out, 0);
    }
  }
  std::ofstream(path, std::ios::binary) << out;
}

struct Outcome {
  std::uint64_t peak_kb = 0;
  int status = 0;
};

// A step of a plugin with intervals of 15 minutes.
task::Step results_of(const std::string& plugin, std::vector<std::string> by, std::vector<std::string> totals = {}) {
  auto step = flows_step(plugin, 15 * minute_us, std::move(by));
  step.totals = std::move(totals);
  step.routers = {"1"};
  return step;
}

// Runs a worker process on `hours` files with `times` copies of the base file's flows each.
Outcome run_worker(const fs::path& folder, const fs::path& base, std::uint32_t hours, std::uint32_t times,
                   const std::vector<task::Step>& steps) {
  const fs::path attempt = folder / ("attempt" + std::to_string(hours) + "x" + std::to_string(times));
  for (const char* sub : {"scratch", "rows", "states"}) fs::create_directories(attempt / sub);
  task::Spec spec;
  spec.id = "1-1";
  spec.kind = task::Kind::compute;
  spec.block = {first_hour, first_hour + hours * hour_us};
  task::Archive archive;
  archive.name = "archive";
  archive.downloader = use_of(PluginKind::downloader, "time_shift",
                              {{"base", base.string()}, {"start", first_second}, {"hours", hours}, {"times", times}});
  archive.decoder = use_of(PluginKind::decoder, "netflow5");
  archive.home.source = "src net 10.0.0.0/17", archive.home.destination = "dst net 10.0.0.0/17";  // half of the source addresses
  spec.archive = archive;
  for (std::uint32_t h = 0; h < hours; ++h) {
    const Micros from = first_hour + h * hour_us;
    spec.files.push_back({"1_" + std::to_string(h) + "_" + std::to_string(first_second + 3600 * h) + ".dat",
                          fs::file_size(base) * times,
                          1,
                          "1",
                          h,
                          {from, from + hour_us},
                          true,
                          ""});
  }
  spec.steps = steps;
  std::ofstream(attempt / "spec.json") << nlohmann::json(spec).dump();
  const auto plugins = std::string(MOLE_TEST_PLUGINS) + ":" + MOLE_SHIPPED_PLUGINS;
  const pid_t child = mole::testing::start_worker(MOLE_WORKER, attempt, plugins, 4'000'000'000);
  Outcome out;
  rusage usage{};
  ::wait4(child, &out.status, 0, &usage);
  out.peak_kb = static_cast<std::uint64_t>(usage.ru_maxrss);
  EXPECT_EQ(out.status, 0) << std::ifstream(attempt / "log").rdbuf();
  EXPECT_GT(fs::file_size(attempt / "handover"), hours * 4 * 5 * 8u) << "rows of every interval";
  fs::remove_all(attempt);
  return out;
}

TEST(Memory, DoesNotGrowWithFlowsOrWithTheBlock) {
  TempFolder folder;
  const fs::path base = folder.path() / "base.dat";
  write_hour(base, 42'000);
  auto current = results_of("unique_addresses", {"protocol_class"}, {"protocol_class"}), recent = current;
  recent.module += "_recent", recent.fingerprint = digest_of(recent.module);
  recent.window = 2 * hour_us;
  recent.make_state = true, recent.make_result = false;
  const auto small = run_worker(folder.path(), base, 12, 1, {current, recent});        // half a million flows
  const auto dense = run_worker(folder.path(), base, 12, 10, {current, recent});       // five million in the same time
  const auto long_block = run_worker(folder.path(), base, 120, 1, {current, recent});  // five million in ten times the time
  // The states of an interval need about 300 kB here: those of 432 additional intervals would exceed the margin, and so would
  // stored flows. Larger batches do not, even if two threads hold copies of them.
  const std::uint64_t margin = small.peak_kb / 10 + 16 * 1024;
  EXPECT_LT(dense.peak_kb, small.peak_kb + margin) << small.peak_kb;
  EXPECT_LT(long_block.peak_kb, small.peak_kb + margin) << small.peak_kb;
  RecordProperty("small_kb", static_cast<int>(small.peak_kb));
  RecordProperty("dense_kb", static_cast<int>(dense.peak_kb));
  RecordProperty("long_kb", static_cast<int>(long_block.peak_kb));
}

// The states of the basic metrics (examples/basic_metrics.yaml) contain each distinct key once, however often it occurs.
TEST(Memory, OfTheBasicMetricsDoesNotGrowWithFlows) {
  TempFolder folder;
  const fs::path base = folder.path() / "base.dat";
  write_hour(base, 420'000);
  std::vector<task::Step> steps;
  for (const char* plugin : {"traffic", "addresses", "autonomous_systems", "ports", "distributions"})
    steps.push_back(results_of(plugin, {"direction", "protocol_class"}, {"direction", "protocol_class"}));
  for (const char* plugin : {"tcp_flags", "scans", "top_addresses", "top_as", "port_counts"})
    steps.push_back(results_of(plugin, {"direction"}));
  for (const char* plugin : {"peers", "unanswered"}) steps.push_back(results_of(plugin, {}));
  const auto once = run_worker(folder.path(), base, 12, 1, steps);        // five million flows
  const auto ten_times = run_worker(folder.path(), base, 12, 10, steps);  // fifty million
  // The margin allows for full buffers of unmerged entries.
  EXPECT_LT(ten_times.peak_kb, once.peak_kb + once.peak_kb / 5) << once.peak_kb;
  RecordProperty("once_kb", static_cast<int>(once.peak_kb));
  RecordProperty("ten_times_kb", static_cast<int>(ten_times.peak_kb));
}

}  // namespace
}  // namespace mole::runtime::testing
