// mole-bench-plan: plans 5 modules over many blocks with 7-day windows, from a store half full with random holes.
//
//   mole-bench-plan [BLOCKS] [NAIVE_BLOCKS]      default 200000 10000
//
// Prints the CPU seconds of a plan (including the catalogue scan), and whether a naive planner finds the same jobs and files in a
// plan of NAIVE_BLOCKS blocks. Exits with 1 if not.
#include "coordinator/jobs/plan.hpp"
#include "coordinator/dag/resolve.hpp"
#include "coordinator/store/records.hpp"
#include "tests/coordinator/naive_planner.hpp"

#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

namespace {

using namespace mole;
using namespace mole::coordinator;

constexpr Micros t0 = 946684800 * second_us;  // 2000-01-01

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

dag::Module module(const char* name, std::vector<dag::Input> inputs, Micros window) {
  dag::Module m;
  m.name = m.plugin.name = m.filter = name;
  m.execution = Execution::mergeable;
  m.interval = 15 * minute_us;
  m.window = window;
  m.inputs = std::move(inputs);
  return m;
}

// traffic -> mean -> variance, and a second pair on packets; every derived module with a window of 7 days.
dag::Graph graph() {
  dag::Graph g;
  g.pipeline = "bench";
  dag::Archive a;
  a.name = "flows";
  a.covers = a.lateness = hour_us;
  a.block_length = hour_us;
  g.archives = {a};
  const auto rows = [](std::uint32_t source, const char* column) {
    return dag::Input{"values", InputKind::rows, source, column, "u64", "B"};
  };
  const auto context = [](std::uint32_t source) { return dag::Input{"centre", InputKind::context, source, "mean", "f64", "B"}; };
  g.modules = {module("traffic", {{"flows", InputKind::flows, 0, "", "", ""}}, 0), module("mean", {rows(0, "bytes")}, 7 * day_us),
               module("variance", {rows(0, "bytes"), context(1)}, 7 * day_us),
               module("mean_packets", {rows(0, "packets")}, 7 * day_us),
               module("variance_packets", {rows(0, "packets"), context(3)}, 7 * day_us)};
  dag::set_fingerprints(g);
  return g;
}

std::shared_ptr<const jobs::ArchiveIndex> index_of(std::int64_t hours, std::mt19937_64& random) {
  std::vector<task::File> files;
  for (std::int64_t h = 0; h <= hours; ++h) {
    if (h && h < hours && random() % 50 == 0) continue;  // occasional gaps
    const TimeRange covers{t0 + h * hour_us, t0 + (h + 1) * hour_us};
    files.push_back({"1_" + std::to_string(h), 600'000'000, 1, "1", static_cast<std::uint64_t>(h), covers, true, ""});
  }
  return std::make_shared<jobs::ArchiveIndex>(std::move(files), hour_us);
}

struct Case {
  std::shared_ptr<dag::Graph> graph;
  std::shared_ptr<const jobs::ArchiveIndex> index;
  jobs::PlanRequest request;
  std::set<test::Job> states, results;

  Result<jobs::Plan> plan(const store::Records& records) const {
    return jobs::make_plan(
        graph, {index}, request,
        [&](const Digest& fp, TimeRange range, const auto& visit) { records.scan_keys(fp, range, visit); },
        [](std::uint32_t) { return true; });
  }
};

Case make_case(std::int64_t blocks, std::mt19937_64& random) {
  Case c{std::make_shared<dag::Graph>(graph()), index_of(blocks, random), {{}, {t0, t0 + blocks * hour_us}, false}, {}, {}};
  return c;
}

// Stores a random half of all states and results; the others are missing or have an older key.
void fill(Case& c, store::Records& records, std::mt19937_64& random, bool remember) {
  const auto empty = c.plan(records);
  for (std::uint32_t m = 0; m < empty->modules.size(); ++m) {
    store::Batch batch;
    const auto& planned = empty->modules[m];
    for (auto b = planned.first; b < planned.last(); ++b) {
      const bool state = random() % 2 && c.graph->modules[m].window > 0, result = random() % 2;
      if (!state && !result && random() % 2) continue;
      store::CatalogueRow row;
      row.state_key = state ? planned.state_key(b) : digest_of(std::string_view("old"));
      row.result_key = result ? planned.result_key(b) : digest_of(std::string_view("old"));
      row.state_blob = row.state_key;
      row.rows_blob = row.result_key;
      row.holders = {1};
      records.put(batch, c.graph->modules[m].fingerprint, empty->grid(m).start(b), row);
      if (remember && state) c.states.insert({m, b});
      if (remember && result) c.results.insert({m, b});
    }
    records.store().commit(batch);
  }
}

std::unique_ptr<store::Store> open_store(const std::filesystem::path& dir) {
  auto opened = store::Store::open(dir, {.create = true, .failed = {}});
  if (!opened) {
    std::fprintf(stderr, "mole-bench-plan: %s\n", opened.error().message.c_str());
    std::exit(1);
  }
  return std::move(*opened);
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t blocks = argc > 1 ? std::atoll(argv[1]) : 200'000, naive_blocks = argc > 2 ? std::atoll(argv[2]) : 10'000;
  auto text = (std::filesystem::temp_directory_path() / "mole-bench-plan-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(text.data());
  std::mt19937_64 random(1);
  bool equal = false;
  {
    const auto store = open_store(folder / "small");
    store::Records records(*store);
    auto small = make_case(naive_blocks, random);
    fill(small, records, random, true);
    const auto plan = small.plan(records);
    test::NaivePlanner naive(*small.graph, {small.index.get()}, small.states, small.results);
    const auto needs = test::needs_of(*plan);
    const double begin = cpu_seconds();
    equal = needs == naive.plan({0, 1, 2, 3, 4}, {t0, t0 + naive_blocks * hour_us});
    std::printf("naive planner on %lld blocks: %s (%zu states, %zu results, %zu files; %.2f s)\n",
                static_cast<long long>(naive_blocks), equal ? "equal" : "DIFFERENT", needs.states.size(), needs.results.size(),
                needs.files.size(), cpu_seconds() - begin);
  }
  double best = 1e9;
  {
    const auto store = open_store(folder / "large");
    store::Records records(*store);
    auto large = make_case(blocks, random);
    fill(large, records, random, false);
    for (int i = 0; i < 5; ++i) {
      const double begin = cpu_seconds();
      const auto plan = large.plan(records);
      const auto files = jobs::needed_files(*plan);
      const double seconds = cpu_seconds() - begin;
      best = std::min(best, seconds);
      std::printf("plan of 5 modules x %lld blocks: %.3f s CPU, %zu files\n", static_cast<long long>(blocks), seconds,
                  files.size());
    }
  }
  std::filesystem::remove_all(folder);
  std::printf("{\"blocks\": %lld, \"cpu_seconds\": %.4f, \"naive_equal\": %s}\n", static_cast<long long>(blocks), best,
              equal ? "true" : "false");
  return equal ? 0 : 1;
}
