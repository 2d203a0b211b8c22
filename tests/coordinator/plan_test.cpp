#include "coordinator/jobs/plan.hpp"

#include "coordinator/dag/resolve.hpp"
#include "coordinator/tasks/fuse.hpp"
#include "tests/coordinator/naive_planner.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <tuple>

namespace mole::test {
namespace {

using namespace coordinator;
using Random = std::mt19937_64;

constexpr Micros t0 = 1190419200 * second_us;

task::File file(const std::string& router, std::int64_t hour, std::uint64_t revision = 1) {
  const TimeRange covers{t0 + hour * hour_us, t0 + (hour + 1) * hour_us};
  return {router + "_" + std::to_string(hour), 1000, revision, router, static_cast<std::uint64_t>(hour), covers, true, {}};
}

dag::Archive archive() {
  dag::Archive a;
  a.name = "flows";
  a.files = "x";
  a.covers = a.lateness = hour_us;
  a.block_length = 2 * hour_us;
  return a;
}

dag::Module flows_module(const std::string& name) {
  dag::Module m;
  m.name = m.plugin.name = name;
  m.execution = Execution::mergeable;
  m.interval = hour_us / 4;
  m.inputs = {{"flows", InputKind::flows, 0, "", "", ""}};
  return m;
}

dag::Module rows_module(const std::string& name, std::uint32_t source, Micros window) {
  auto m = flows_module(name);
  m.inputs = {{"values", InputKind::rows, source, "x", "f64", "1"}};
  m.window = window;
  return m;
}

// An in-memory catalogue, by (fingerprint, block start).
struct Rows {
  std::map<std::pair<Digest, Micros>, store::CatalogueRow> rows;
  jobs::CatalogueScan scan() const {
    return [this](const Digest& fp, TimeRange range, const auto& visit) {
      for (auto it = rows.lower_bound({fp, range.from}); it != rows.end() && it->first.first == fp && it->first.second < range.to;
           ++it)
        visit(it->first.second, *store::decode_keys(store::encode(it->second)));
    };
  }
};

bool is_present(std::uint32_t) { return true; }

Result<jobs::Plan> plan_of(const dag::Graph& graph, const std::vector<task::File>& files, const jobs::PlanRequest& request,
                           const Rows& rows) {
  std::vector<std::shared_ptr<const jobs::ArchiveIndex>> indexes;
  for (const auto& a : graph.archives) indexes.push_back(std::make_shared<jobs::ArchiveIndex>(files, a.covers));
  return jobs::make_plan(std::make_shared<dag::Graph>(graph), indexes, request, rows.scan(), is_present);
}

// Marks about `percent` of the plan's jobs as computed under the plan's keys, and returns them in `states` and `results`.
void fill(Rows& rows, std::set<Job>* states, std::set<Job>* results, const jobs::Plan& plan, Random& random, unsigned percent) {
  for (std::uint32_t m = 0; m < plan.modules.size(); ++m)
    for (auto b = plan.modules[m].first; b < plan.modules[m].last(); ++b) {
      auto& row = rows.rows[{plan.graph->modules[m].fingerprint, plan.grid(m).start(b)}];
      const bool merges = plan.graph->modules[m].window > 0 || plan.graph->modules[m].since;
      if (merges && random() % 100 < percent) {
        row.state_key = plan.modules[m].state_key(b);
        row.holders = {1};
        if (states) states->insert({m, b});
      } else {
        row.state_key = digest_of(std::string_view("old"));
        row.holders = {1};
      }
      if (random() % 100 < percent && !plan.modules[m].result_key(b).empty()) {
        row.result_key = plan.modules[m].result_key(b);
        if (results) results->insert({m, b});
      }
    }
}

dag::Graph random_graph(Random& random) {
  dag::Graph g;
  g.pipeline = "p";
  g.archives = {archive()};
  const auto n = 1 + random() % 6;
  for (std::uint32_t m = 0; m < n; ++m) {
    const auto name = "m" + std::to_string(m);
    if (m == 0 || random() % 4 == 0) {
      auto module = flows_module(name);
      if (random() % 3 == 0) module.routers = {"1"};
      g.modules.push_back(module);
    } else {
      auto module = rows_module(name, static_cast<std::uint32_t>(random() % m), 0);
      if (random() % 2)
        module.inputs.push_back({"centre", random() % 2 ? InputKind::context : InputKind::rows,
                                 static_cast<std::uint32_t>(random() % m), "y", "f64", "1"});
      g.modules.push_back(module);
    }
    auto& module = g.modules.back();
    switch (random() % 4) {
      case 0:
        module.window = hour_us / 4 * static_cast<Micros>(1 + random() % 40);
        break;
      case 1:
        module.execution = Execution::sequential;
        module.warmup = hour_us / 4 * static_cast<Micros>(1 + random() % 20);
        break;
      case 2:
        if (random() % 2) {
          module.execution = Execution::sequential;
          module.since = t0 + static_cast<Micros>(random() % 20) * hour_us;
        }
        break;
      default:
        break;
    }
    module.filter = name;  // makes modules distinct
  }
  dag::set_fingerprints(g);
  return g;
}

TEST(Planner, MatchesTheNaivePlannerOnRandomPipelines) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Random random(seed);
    const auto graph = random_graph(random);
    std::vector<task::File> files;
    for (const auto* router : {"1", "2"})
      for (int h = static_cast<int>(random() % 5); h < 60; ++h)
        if (random() % 10 || h == 59) files.push_back(file(router, h));
    const Micros from = t0 + static_cast<Micros>(random() % 40) * hour_us;
    jobs::PlanRequest request{{}, {from, from + static_cast<Micros>(1 + random() % 30) * hour_us}, true};
    if (random() % 2) request.modules = {static_cast<std::uint32_t>(random() % graph.modules.size())};
    auto empty = plan_of(graph, files, request, {});
    auto modules = request.modules;
    for (std::uint32_t m = 0; request.modules.empty() && m < graph.modules.size(); ++m) modules.push_back(m);
    if (!empty) {  // the range is before the first block of every requested module
      std::vector<task::File> all = files;
      const jobs::ArchiveIndex index(all, hour_us);
      EXPECT_EQ(NaivePlanner(graph, {&index}, {}, {}).plan(modules, request.range), Needs{}) << "seed " << seed;
      continue;
    }
    Rows rows;
    std::set<Job> states, results;
    fill(rows, &states, &results, *empty, random, static_cast<unsigned>(random() % 101));
    auto plan = plan_of(graph, files, request, rows);
    ASSERT_TRUE(plan);
    NaivePlanner naive(graph, {plan->indexes[0].get()}, states, results);
    auto range = request.range;
    range.to = std::min(range.to, plan->indexes[0]->span({})->to);
    const auto expected = naive.plan(modules, range);
    EXPECT_EQ(needs_of(*plan), expected) << "seed " << seed;
  }
}

TEST(Planner, PlansNothingWhenEverythingIsPresent) {
  Random random(7);
  const auto graph = random_graph(random);
  std::vector<task::File> files;
  for (int h = 0; h < 60; ++h) files.push_back(file("1", h));
  const jobs::PlanRequest request{{}, {t0 + 20 * hour_us, t0 + 40 * hour_us}, false};
  auto empty = plan_of(graph, files, request, {});
  ASSERT_TRUE(empty);
  Rows rows;
  fill(rows, nullptr, nullptr, *empty, random, 100);
  auto plan = plan_of(graph, files, request, rows);
  ASSERT_TRUE(plan);
  EXPECT_EQ(needs_of(*plan), Needs{});
}

// Adding a missing file plans exactly the blocks that depend on it.
TEST(Planner, PlansTheBlocksThatReadAnAddedFile) {
  dag::Graph graph;
  graph.pipeline = "p";
  graph.archives = {archive()};
  graph.modules = {flows_module("traffic"), rows_module("mean", 0, 6 * hour_us), rows_module("variance", 0, 6 * hour_us)};
  graph.modules[2].inputs.push_back({"centre", InputKind::context, 1, "m", "f64", "1"});
  graph.modules[2].filter = "other";
  dag::set_fingerprints(graph);
  std::vector<task::File> files;
  for (int h = 0; h < 60; ++h)
    if (h != 21) files.push_back(file("1", h));
  const jobs::PlanRequest request{{}, {t0, t0 + 50 * hour_us}, false};
  auto before = plan_of(graph, files, request, {});
  ASSERT_TRUE(before);
  Random random(1);
  Rows rows;
  fill(rows, nullptr, nullptr, *before, random, 100);
  files.push_back(file("1", 21));
  auto plan = plan_of(graph, files, request, rows);
  ASSERT_TRUE(plan);
  std::map<std::uint32_t, std::set<std::int64_t>> blocks;
  for (const auto& [m, b] : needs_of(*plan).results) blocks[m].insert((plan->grid(m).start(b) - t0) / hour_us);
  // Block [20, 22) reads files up to hour 23, and so the added one; block [18, 20) only up to hour 21. A window of 6 h reaches
  // 5 h 45 min back.
  EXPECT_EQ(blocks[0], (std::set<std::int64_t>{20}));
  EXPECT_EQ(blocks[1], (std::set<std::int64_t>{20, 22, 24, 26}));
  EXPECT_EQ(blocks[2], (std::set<std::int64_t>{20, 22, 24, 26, 28, 30, 32}));
  EXPECT_EQ(needs_of(*plan).files, (std::set<std::string>{"1_20", "1_21", "1_22"}));
}

TEST(Planner, WaitsForBlocksPastTheHorizonUnlessPartial) {
  dag::Graph graph;
  graph.pipeline = "p";
  graph.archives = {archive()};
  graph.modules = {flows_module("traffic")};
  dag::set_fingerprints(graph);
  std::vector<task::File> files;
  for (int h = 0; h < 8; ++h) files.push_back(file("1", h));
  jobs::PlanRequest request{{}, {t0, t0 + 12 * hour_us}, false};
  auto plan = plan_of(graph, files, request, {});
  ASSERT_TRUE(plan);
  // Block [6, 8) also needs the file of [8, 9), because of one hour of lateness.
  EXPECT_EQ(needs_of(*plan).results.size(), 3u);
  EXPECT_EQ(plan->modules[0].flags_at(plan->grid(0).number(t0 + 6 * hour_us)), jobs::requested | jobs::waits);
  ASSERT_EQ(plan->waits.size(), 1u);
  EXPECT_EQ(plan->waits[0].substr(0, 23), "3 jobs wait for files: ");
  request.partial = true;
  plan = plan_of(graph, files, request, {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(needs_of(*plan).results.size(), 4u);
}

// Modules whose information elements do not fit into one task together are put into several.
TEST(Fuse, KeepsToTheElementsOfATask) {
  const auto elements = [](int from, int to) {
    std::vector<std::string> names;
    for (int i = from; i < to; ++i) names.push_back("9/" + std::to_string(i));
    return names;
  };
  dag::Graph g;
  g.pipeline = "p";
  g.archives = {archive()};
  for (const auto& [name, from, to] :
       {std::tuple{"a", 100, 120}, {"b", 200, 226}, {"c", 110, 126}, {"d", 0, 0}, {"e", 220, 226}}) {
    g.modules.push_back(flows_module(name));
    g.modules.back().elements = elements(from, to);
  }
  dag::set_fingerprints(g);
  ASSERT_EQ(dag::max_elements, 26u);
  const auto plan = plan_of(g, {file("1", 0), file("1", 1), file("1", 2), file("1", 3)}, {{}, {t0, t0 + 2 * hour_us}, true}, {});
  ASSERT_TRUE(plan) << plan.error().message;
  std::set<std::uint32_t> left{0, 1, 2, 3, 4};
  std::string tasks;
  while (!left.empty()) {
    const auto steps =
        tasks::fuse(*plan, {plan->modules[0].grid, plan->modules[0].first}, 64, [&](auto m) { return left.contains(m); });
    ASSERT_FALSE(steps.empty());
    for (const auto& step : steps) {
      tasks += g.modules[step.module].name;
      left.erase(step.module);
    }
    tasks += ' ';
  }
  EXPECT_EQ(tasks, "acd be ");
}

TEST(Planner, RejectsARangeWithoutData) {
  dag::Graph graph;
  graph.pipeline = "p";
  graph.archives = {archive()};
  graph.modules = {flows_module("traffic")};
  dag::set_fingerprints(graph);
  const auto plan = plan_of(graph, {file("1", 100)}, {{}, {t0, t0 + 12 * hour_us}, false}, {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::missing);
  EXPECT_EQ(plan.error().message,
            "there is no data for traffic in [2007-09-22T00:00:00Z, 2007-09-22T12:00:00Z): the archive \"flows\" covers "
            "[2007-09-26T04:00:00Z, "
            "2007-09-26T05:00:00Z); choose a range within it");
}

TEST(ArchiveIndex, FindsGapsBySequenceAndSlot) {
  std::vector<task::File> files;
  for (const int h : {0, 1, 4, 5}) files.push_back(file("1", h));
  const jobs::ArchiveIndex index(files, hour_us);
  const auto gaps = index.gaps(100);
  ASSERT_EQ(gaps.size(), 2u);
  EXPECT_EQ(gaps[0].sequence, 2u);
  EXPECT_EQ(gaps[1].sequence, 3u);
  EXPECT_EQ(gaps[1].covers, (TimeRange{t0 + 3 * hour_us, t0 + 4 * hour_us}));
}

TEST(ArchiveIndex, FilesThatOverlapHaveNoGapBetweenTheirNumbers) {
  std::vector<task::File> files = {file("1", 0), file("1", 1), file("1", 1), file("1", 2)};
  files[2].covers = {files[1].covers.from + hour_us / 2, files[1].covers.to + hour_us / 2};
  files[2].sequence = 98;
  EXPECT_TRUE(jobs::ArchiveIndex(files, hour_us).gaps(100).empty());
}

TEST(ArchiveIndex, ReturnsEverySlotInReachOnceEvenOutsideTheArchive) {
  std::vector<task::File> files;
  for (const int h : {2, 3, 5}) files.push_back(file("1", h));
  const jobs::ArchiveIndex index(files, hour_us);
  std::string seen;
  for (const auto& f : index.reach({"1", "2"}, {t0 + hour_us / 2, t0 + 7 * hour_us}))
    seen += f.router + (f.present ? "+" : "-") + std::to_string((f.covers.from - t0) / hour_us) + " ";
  EXPECT_EQ(seen, "1-0 1-1 1+2 1+3 1-4 1+5 1-6 2-0 2-1 2-2 2-3 2-4 2-5 2-6 ");
}

TEST(ArchiveIndex, ToleratesStartsThatAreOffBySeconds) {
  std::vector<task::File> files;
  for (int h = 0; h < 5; ++h) {
    files.push_back(file("1", h));
    files.back().covers.from += (h % 2 ? 7 : -7) * second_us;
    files.back().covers.to += (h % 2 ? 7 : -7) * second_us;
  }
  const jobs::ArchiveIndex index(files, hour_us);
  EXPECT_TRUE(index.gaps(100).empty());
  EXPECT_EQ(index.reach({"1"}, {t0, t0 + 4 * hour_us}).size(), 5u);
}

}  // namespace
}  // namespace mole::test
