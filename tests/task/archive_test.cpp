// The captured archive: 2 routers, 7 hours, one hour missing, three files damaged.
#include "tests/task/task_fixture.hpp"

#include <functional>

namespace mole::runtime::testing {
namespace {

constexpr Micros first_hour = Micros{1190487600} * second_us;  // 2007-09-22T19:00:00Z
constexpr Micros quarter = 15 * minute_us;
constexpr TimeRange whole{first_hour, first_hour + 8 * hour_us};

struct Truth {
  std::uint64_t flows = 0, packets = 0, bytes = 0;
};

// Sums over every readable record, by router and quarter of an hour of the flow's start, from an independent listing.
std::map<std::pair<std::string, Micros>, Truth> truth() {
  std::map<std::pair<std::string, Micros>, Truth> out;
  for (const auto& entry : fs::directory_iterator(data_folder() / "archive")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".dat.bz2")) continue;
    const fs::path csv = data_folder() / "truth" / ("archive_" + name.substr(0, name.size() - 8) + ".records.csv.gz");
    FILE* pipe = ::popen(("zcat " + csv.string()).c_str(), "r");
    char line[4096];
    for (bool header = true; std::fgets(line, sizeof line, pipe); header = false) {
      if (header) continue;
      unsigned long long bytes = 0, packets = 0, start = 0;
      std::sscanf(line, "%*[^,],%*[^,],%*[^,],%*[^,],%*[^,],%llu,%llu,%llu", &bytes, &packets, &start);
      Truth& t = out[{name.substr(0, 5), floor_to(static_cast<Micros>(start) * 1000, quarter)}];
      ++t.flows;
      t.packets += packets;
      t.bytes += bytes;
    }
    ::pclose(pipe);
  }
  return out;
}

TEST(CapturedArchive, SumsEqualAnIndependentListing) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  const auto sink = task.run(task.spec(whole, {task.flows_step("traffic", quarter)}));
  const auto& rows = *sink.steps.at(0).rows;
  ASSERT_EQ(rows.rows(), 2u * 32);
  auto expected = truth();
  Truth sum;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto start = std::get<std::vector<std::int64_t>>(rows.columns[0].values)[i];
    const auto& router = std::get<std::vector<std::string>>(rows.find("router")->values)[i];
    const Truth t = expected[{router, start}];
    EXPECT_EQ(std::get<std::vector<std::uint64_t>>(rows.find("flows")->values)[i], t.flows)
        << router << ' ' << format_time(start);
    EXPECT_EQ(std::get<std::vector<std::uint64_t>>(rows.find("packets")->values)[i], t.packets);
    EXPECT_EQ(std::get<std::vector<std::uint64_t>>(rows.find("bytes")->values)[i], t.bytes);
    sum.flows += t.flows;
  }
  Truth all;
  for (const auto& [key, t] : expected) all.flows += t.flows;
  EXPECT_EQ(sum.flows, all.flows);  // no flow is outside the block
  EXPECT_EQ(sum_of(rows, "flows_late"), 0u);
}

TEST(CapturedArchive, GapsAndDamageLowerCoverage) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  const auto sink = task.run(task.spec(whole, {task.flows_step("traffic", quarter)}));
  const auto& rows = *sink.steps.at(0).rows;
  const auto coverage = [&](const std::string& router, int hour, int part) {
    for (std::size_t i = 0; i < rows.rows(); ++i)
      if (std::get<std::vector<std::int64_t>>(rows.columns[0].values)[i] == first_hour + hour * hour_us + part * quarter &&
          std::get<std::vector<std::string>>(rows.find("router")->values)[i] == router)
        return std::get<std::vector<double>>(rows.find("coverage")->values)[i];
    return -1.0;
  };
  EXPECT_EQ(coverage("19991", 0, 0), 1.0);
  for (int part = 0; part < 4; ++part)
    EXPECT_LT(coverage("19993", 2, part), 0.2) << "the missing hour: some of its flows were exported after it";
  EXPECT_LT(coverage("19993", 1, 3), 1.0) << "the flipped bit";
  EXPECT_LT(coverage("19991", 4, 3), 1.0) << "the truncated stream";
  EXPECT_LT(coverage("19991", 5, 3), 1.0) << "the truncated content";
  EXPECT_EQ(coverage("19991", 7, 0), 0.0) << "past the end of the archive";
  std::map<task::FileState, int> states;
  for (const auto& file : sink.files) ++states[file.state];
  EXPECT_EQ(states, (std::map<task::FileState, int>{{task::FileState::sound, 10}, {task::FileState::damaged, 3}}));
}

TEST(CapturedArchive, RowsDoNotDependOnTheBlockGrid) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  const auto steps = [&] {
    auto by_port = task.flows_step("traffic", quarter, {"router", "dst_port"});
    by_port.filter = "proto tcp and (dst port 80 or dst port 443 or packets > 10)";
    auto by_end = task.flows_step("traffic", quarter, {"protocol_class"});
    by_end.load = Load::end;
    return std::vector<task::Step>{task.flows_step("traffic", quarter), task.flows_step("unique_addresses", quarter), by_port,
                                   by_end, task.flows_step("traffic", quarter, {"src_addr"})};
  };
  const auto whole_run = task.run(task.spec(whole, steps()));
  for (const Micros length : {4 * hour_us, hour_us, quarter}) {
    std::map<std::uint32_t, RowTable> joined;
    for (Micros from = whole.from; from < whole.to; from += length) {
      const auto part = task.run(task.spec({from, from + length}, steps()));
      for (const auto& [index, outcome] : part.steps) append(joined[index], *outcome.rows);
    }
    for (const auto& [index, outcome] : whole_run.steps)
      EXPECT_EQ(difference(joined[index], *outcome.rows), "") << "step " << index;
  }
}

TEST(CapturedArchive, RowsDoNotDependOnThreads) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  RowTable one;
  for (const unsigned threads : {1u, 2u, 5u}) {
    task.threads = threads;
    const auto sink = task.run(task.spec(whole, {task.flows_step("unique_addresses", quarter, {"router", "protocol_class"})}));
    if (one.columns.empty()) one = *sink.steps.at(0).rows;
    EXPECT_EQ(difference(*sink.steps.at(0).rows, one), "");
  }
}

std::string bytes_of_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// In time order an interval is closed when the files that overlap it have been read. If all files of one router follow those of
// the other, nearly all intervals stay open until the end.
TEST(CapturedArchive, ResultsDoNotDependOnWhenIntervalsAreClosed) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  std::vector<task::Step> steps{task.flows_step("traffic", quarter),
                                task.flows_step("unique_addresses", quarter, {"router", "protocol_class"}),
                                task.flows_step("traffic", quarter, {"dst_port"}),
                                task.flows_step("unique_addresses", hour_us, {}), task.flows_step("unique_addresses", quarter)};
  steps[2].filter = "proto tcp";
  steps[4].window = 2 * hour_us;
  for (std::size_t i : {1u, 2u, 4u}) steps[i].make_state = true;
  auto spec = task.spec(whole, steps);
  const auto early = task.run(spec);
  std::stable_sort(spec.files.begin(), spec.files.end(), [](const auto& a, const auto& b) { return a.router > b.router; });
  const auto late = task.run(spec);
  for (const auto& [index, outcome] : early.steps) {
    ASSERT_EQ(outcome.report.message, "");
    EXPECT_EQ(difference(*outcome.rows, *late.steps.at(index).rows), "") << "step " << index;
    ASSERT_EQ(outcome.state_file.has_value(), spec.steps[index].make_state);
    if (outcome.state_file) {
      EXPECT_EQ(bytes_of_file(*outcome.state_file), bytes_of_file(*late.steps.at(index).state_file)) << "step " << index;
    }
  }
}

// Returns the rows of `table` with the given groups, without the group columns: the rows of a module without those dimensions.
RowTable rows_of(const RowTable& table, const std::map<std::string, std::function<bool(const std::string&)>>& wanted,
                 const std::vector<std::string>& dropped) {
  RowTable out;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    bool matches = true;
    for (const auto& [name, accepts] : wanted)
      matches = matches && accepts(std::get<std::vector<std::string>>(table.find(name)->values)[i]);
    if (matches) kept.push_back(i);
  }
  for (const auto& column : table.columns) {
    if (std::find(dropped.begin(), dropped.end(), column.name) != dropped.end()) continue;
    Column copy = column;
    std::visit(
        [&](auto& values) {
          auto all = std::move(values);
          values.clear();
          for (const auto i : kept) values.push_back(all[i]);
        },
        copy.values);
    if (!column.valid.empty()) {
      copy.valid.clear();
      for (const auto i : kept) copy.valid.push_back(column.valid[i]);
    }
    out.columns.push_back(std::move(copy));
  }
  return out;
}

// A total equals the row of a module that is not grouped by that dimension: values, coverage, windows and derived modules.
TEST(CapturedArchive, TotalsEqualRowsOfFewerDimensions) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  const std::vector<std::string> dimensions{"router", "protocol_class"};
  for (const Micros window : {Micros{0}, 2 * hour_us}) {
    std::vector<task::Step> steps;
    for (const auto& by : std::vector<std::vector<std::string>>{dimensions, {"router"}, {"protocol_class"}, {}, dimensions}) {
      auto flows = task.flows_step("unique_addresses", quarter, by);
      flows.window = window;
      flows.make_state = window > 0;
      if (steps.empty()) flows.totals = dimensions;
      steps.push_back(flows);
    }
    auto mean = task.flows_step("mean", quarter, dimensions);
    mean.totals = dimensions;
    mean.window = hour_us;
    mean.make_state = true;
    mean.inputs = {ArchiveTask::rows_input("values", InputKind::rows, "src_addresses", "u64", "host", 0)};
    auto mean_of_all = task.flows_step("mean", quarter, {});
    mean_of_all.window = hour_us;
    mean_of_all.make_state = true;
    mean_of_all.inputs = {ArchiveTask::rows_input("values", InputKind::rows, "src_addresses", "u64", "host", 3)};
    steps.push_back(mean);
    steps.push_back(mean_of_all);
    const auto sink = task.run(task.spec(whole, steps));
    for (const auto& [index, outcome] : sink.steps) ASSERT_EQ(outcome.report.message, "") << index;
    const auto& cube = *sink.steps.at(0).rows;
    EXPECT_EQ(cube.rows(), 32u * 3 * 5);
    const auto all = [](const std::string& member) { return member == "all"; };
    const auto one = [](const std::string& member) { return member != "all"; };
    EXPECT_EQ(difference(rows_of(cube, {{"router", one}, {"protocol_class", all}}, {"protocol_class"}), *sink.steps.at(1).rows),
              "");
    EXPECT_EQ(difference(rows_of(cube, {{"router", all}, {"protocol_class", one}}, {"router"}), *sink.steps.at(2).rows), "");
    EXPECT_EQ(difference(rows_of(cube, {{"router", all}, {"protocol_class", all}}, dimensions), *sink.steps.at(3).rows), "");
    EXPECT_EQ(difference(rows_of(cube, {{"router", one}, {"protocol_class", one}}, {}), *sink.steps.at(4).rows), "");
    EXPECT_EQ(sink.steps.at(5).rows->rows(), cube.rows());
    EXPECT_EQ(difference(rows_of(*sink.steps.at(5).rows, {{"router", all}, {"protocol_class", all}}, dimensions),
                         *sink.steps.at(6).rows),
              "");
  }
}

TEST(CapturedArchive, SupportsTotalsWithAnOpenDimension) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  auto cube = task.flows_step("traffic", quarter, {"router", "dst_port"});
  cube.totals = {"router"};
  cube.make_state = true;
  const auto sink = task.run(task.spec(whole, {cube, task.flows_step("traffic", quarter, {"dst_port"})}));
  const auto all = [](const std::string& member) { return member == "all"; };
  ASSERT_EQ(sink.steps.at(0).report.message, "");
  EXPECT_EQ(difference(rows_of(*sink.steps.at(0).rows, {{"router", all}}, {"router"}), *sink.steps.at(1).rows), "");
}

TEST(CapturedArchive, RejectsInvalidTotals) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  auto open = task.flows_step("traffic", quarter, {"router", "dst_port"});
  open.totals = {"dst_port"};
  auto ungrouped = task.flows_step("traffic", quarter, {"router"});
  ungrouped.totals = {"protocol_class"};
  auto sequential = task.flows_step("longest_silence", quarter);
  sequential.execution = Execution::sequential;
  sequential.totals = {"router"};
  const auto sink = task.run(task.spec(whole, {open, ungrouped, sequential}));
  EXPECT_EQ(sink.steps.at(0).report.message,
            "traffic: totals: 'dst_port' is an open dimension, whose members are not known in advance; leave it out");
  EXPECT_EQ(sink.steps.at(1).report.message, "traffic: totals: 'protocol_class' is not in `by`; add it there or leave it out");
  EXPECT_EQ(sink.steps.at(2).report.message,
            "longest_silence: the states of a sequential module cannot be merged into totals; remove `totals`");
}

// A window over the states of several blocks equals one over a single large block.
TEST(CapturedArchive, WindowsSpanBlocks) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  const auto steps = [&] {
    std::vector<task::Step> out{task.flows_step("unique_addresses", quarter),
                                task.flows_step("traffic", quarter, {"router", "dst_port"})};
    for (auto& step : out) {
      step.window = 3 * hour_us;
      step.make_state = true;
    }
    return out;
  };
  const auto large = task.run(task.spec(whole, steps()));
  std::map<std::uint32_t, RowTable> joined;
  std::map<std::uint32_t, std::vector<task::StateRef>> states;
  for (Micros from = whole.from; from < whole.to; from += 2 * hour_us) {
    auto spec = task.spec({from, from + 2 * hour_us}, steps());
    for (std::uint32_t i = 0; i < 2; ++i)
      for (const auto& ref : states[i])
        if (ref.block.to > from - 3 * hour_us) spec.steps[i].states.push_back(ref);
    const auto part = task.run(spec);
    for (const auto& [index, outcome] : part.steps) {
      ASSERT_EQ(outcome.report.message, "");
      append(joined[index], *outcome.rows);
      states[index].push_back(task.place_state(*outcome.state_file, spec.block));
    }
  }
  for (const auto& [index, outcome] : large.steps) {
    ASSERT_EQ(outcome.report.message, "");
    EXPECT_EQ(difference(joined[index], *outcome.rows), "") << "step " << index;
  }
}

TEST(CapturedArchive, AMergeTaskHasTheRowsOfTheComputeTask) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  auto step = task.flows_step("unique_addresses", quarter);
  step.make_state = true;
  const auto computed = task.run(task.spec(whole, {step}));
  step.make_state = false;
  step.states = {task.place_state(*computed.steps.at(0).state_file, whole)};
  auto spec = task.spec(whole, {step});
  spec.kind = task::Kind::merge;
  spec.files.clear();
  spec.archive.reset();
  const auto merged = task.run(spec);
  EXPECT_EQ(difference(*merged.steps.at(0).rows, *computed.steps.at(0).rows), "");
}

// longest_silence with a warm-up: the same rows from blocks of any length.
TEST(CapturedArchive, SequentialRowsDoNotDependOnTheBlockGridWithEnoughWarmUp) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  auto step = task.flows_step("longest_silence", quarter);
  step.execution = Execution::sequential;
  step.warmup = 4 * hour_us;
  const auto large = task.run(task.spec(whole, {step}));
  ASSERT_EQ(large.steps.at(0).report.message, "");
  RowTable joined;
  for (Micros from = whole.from; from < whole.to; from += hour_us)
    append(joined, *task.run(task.spec({from, from + hour_us}, {step})).steps.at(0).rows);
  EXPECT_EQ(difference(joined, *large.steps.at(0).rows), "");
}

TEST(CapturedArchive, SequentialModulesContinueFromCheckpoints) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  auto step = task.flows_step("longest_silence", quarter);
  step.execution = Execution::sequential;
  step.make_state = true;
  const auto large = task.run(task.spec(whole, {step}));
  RowTable joined;
  for (Micros from = whole.from; from < whole.to; from += 2 * hour_us) {
    const auto part = task.run(task.spec({from, from + 2 * hour_us}, {step}));
    ASSERT_EQ(part.steps.at(0).report.message, "");
    append(joined, *part.steps.at(0).rows);
    step.states = {task.place_state(*part.steps.at(0).state_file, {from, from + 2 * hour_us})};
  }
  EXPECT_EQ(difference(joined, *large.steps.at(0).rows), "");
}

TEST(CapturedArchive, DamagePoliciesDetermineTheFlowsOfDamagedFiles) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  const auto partial = task.run(task.spec(whole, {task.flows_step("traffic", quarter)}));
  task.damage = DamagePolicy::skip;
  const auto skip = task.run(task.spec(whole, {task.flows_step("traffic", quarter)}));
  std::uint64_t in_damaged = 0;
  for (const auto& file : partial.files)
    if (file.state == task::FileState::damaged) in_damaged += file.flows;
  EXPECT_EQ(sum_of(*skip.steps.at(0).rows, "flows") + in_damaged, sum_of(*partial.steps.at(0).rows, "flows"));
  task.damage = DamagePolicy::strict;
  const auto strict = task.run(task.spec(whole, {task.flows_step("traffic", quarter)}));
  EXPECT_EQ(strict.steps.at(0).report.outcome, task::Outcome::failed);
  EXPECT_EQ(strict.steps.at(0).report.code, task::FailureCode::corrupt);
  EXPECT_FALSE(strict.steps.at(0).rows);
}

TEST(CapturedArchive, IndexListsEveryFile) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  auto spec = task.spec(whole, {});
  spec.kind = task::Kind::index;
  std::size_t present = 0;
  for (const auto& file : task.files()) present += file.present;
  const auto sink = task.run(spec);
  std::size_t found = 0;
  for (const auto& entry : sink.index_entries) found += entry.id.ends_with(".dat.bz2");
  EXPECT_EQ(found, present);
}

TEST(CapturedArchive, VerifyReadsEveryFile) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  auto spec = task.spec(whole, {});
  spec.kind = task::Kind::verify;
  EXPECT_EQ(task.run(spec).files.size(), 13u);
}

}  // namespace
}  // namespace mole::runtime::testing
