// Steps that read rows of other steps: mean and variance over windows, in one task and over several blocks; and steps that fail.
#include "tests/task/task_fixture.hpp"

#include <cmath>

namespace mole::runtime::testing {
namespace {

constexpr Micros first_hour = Micros{1190487600} * second_us;
constexpr Micros quarter = 15 * minute_us;
constexpr TimeRange whole{first_hour, first_hour + 8 * hour_us};
constexpr Micros window = 3 * hour_us;

std::vector<task::Step> chain(const ArchiveTask& task) {
  auto traffic = task.flows_step("traffic", quarter);
  auto derived = [&](const char* plugin) {
    auto step = traffic;
    step.module = plugin;
    step.fingerprint = digest_of(std::string_view(plugin));
    step.plugin = use_of(PluginKind::metric, plugin);
    step.window = window;
    step.make_state = true;
    step.inputs = {ArchiveTask::rows_input("values", InputKind::rows, "bytes", "u64", "B", 0)};
    return step;
  };
  auto mean = derived("mean");
  auto variance = derived("variance");
  variance.inputs.push_back(ArchiveTask::rows_input("centre", InputKind::context, "bytes_mean", "f64", "B", 1));
  return {traffic, mean, variance};
}

// Value of a nullable f64 column.
std::optional<double> at(const RowTable& table, const std::string& name, std::size_t row) {
  const Column* column = table.find(name);
  if (!column) {
    ADD_FAILURE() << "no column " << name;
    return {};
  }
  if (!column->valid.empty() && !column->valid[row]) return {};
  return std::get<std::vector<double>>(column->values)[row];
}

TEST(Chain, MeanAndVarianceEqualARecomputation) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  const auto sink = task.run(task.spec(whole, chain(task)));
  for (const auto& [index, outcome] : sink.steps) ASSERT_EQ(outcome.report.message, "") << index;
  const auto& traffic = *sink.steps.at(0).rows;
  const auto& mean = *sink.steps.at(1).rows;
  const auto& variance = *sink.steps.at(2).rows;
  ASSERT_EQ(mean.rows(), traffic.rows());
  ASSERT_EQ(variance.rows(), traffic.rows());
  const auto& bytes = std::get<std::vector<std::uint64_t>>(traffic.find("bytes")->values);
  for (std::size_t i = 0; i < traffic.rows(); ++i) {  // rows alternate between the two routers
    long double sum = 0, squares = 0, coverage = 0;
    std::uint64_t n = 0;
    const std::size_t length = window / quarter;
    for (std::size_t back = 0; back < length && 2 * back <= i; ++back) {
      const std::size_t row = i - 2 * back;
      coverage += *at(traffic, "coverage", row);
      if (*at(traffic, "coverage", row) == 0) continue;  // a gap is not a zero
      sum += bytes[row];
      ++n;
    }
    const long double centre = n ? sum / n : 0;
    for (std::size_t back = 0; back < length && 2 * back <= i; ++back)
      if (*at(traffic, "coverage", i - 2 * back) > 0) squares += (bytes[i - 2 * back] - centre) * (bytes[i - 2 * back] - centre);
    EXPECT_NEAR(*at(mean, "coverage", i), static_cast<double>(coverage / length), 1e-12);
    ASSERT_EQ(at(mean, "bytes_mean", i).has_value(), n > 0) << i;
    if (n == 0) continue;
    EXPECT_NEAR(*at(mean, "bytes_mean", i) / static_cast<double>(centre), 1, 1e-12) << i;
    const double expected = static_cast<double>(squares / n);
    if (expected > 0) {
      EXPECT_NEAR(*at(variance, "bytes_variance", i) / expected, 1, 1e-12) << i;
    }
  }
}

TEST(Chain, SmallBlocksEqualOneLargeBlock) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  const auto large = task.run(task.spec(whole, chain(task)));
  std::map<std::uint32_t, RowTable> joined;
  std::map<std::uint32_t, std::vector<task::StateRef>> states;
  for (Micros from = whole.from; from < whole.to; from += 2 * hour_us) {
    auto spec = task.spec({from, from + 2 * hour_us}, chain(task));
    for (std::uint32_t i = 1; i < 3; ++i) spec.steps[i].states = states[i];
    const auto part = task.run(spec);
    for (const auto& [index, outcome] : part.steps) {
      ASSERT_EQ(outcome.report.message, "");
      append(joined[index], *outcome.rows);
      if (outcome.state_file) states[index].push_back(task.place_state(*outcome.state_file, spec.block));
    }
  }
  for (const auto& [index, outcome] : large.steps) EXPECT_EQ(difference(joined[index], *outcome.rows), "") << "step " << index;
}

TEST(Chain, RowsOfAnEarlierTaskHaveTheSameResults) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  const auto fused = task.run(task.spec(whole, chain(task)));
  auto steps = chain(task);
  auto variance = steps[2];
  variance.inputs[0].step.reset();
  variance.inputs[0].rows = {task.place_rows(*fused.steps.at(0).rows, whole)};
  variance.inputs[1].step.reset();
  variance.inputs[1].rows = {task.place_rows(*fused.steps.at(1).rows, whole)};
  auto spec = task.spec(whole, {variance});
  spec.files.clear();
  spec.archive.reset();
  const auto alone = task.run(spec);
  ASSERT_EQ(alone.steps.at(0).report.message, "");
  EXPECT_EQ(difference(*alone.steps.at(0).rows, *fused.steps.at(2).rows), "");
}

TEST(Isolation, AFailingStepBlocksOnlyItsReaders) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  auto steps = chain(task);
  const auto sound = task.run(task.spec(whole, steps));
  auto broken = task.flows_step("throws_in_add", quarter);
  auto reader = steps[1];
  reader.module = "reader";
  reader.inputs = {ArchiveTask::rows_input("values", InputKind::rows, "n", "u64", "flow", 3)};
  steps.push_back(broken);
  steps.push_back(reader);
  steps.push_back(task.flows_step("throws_in_finish", quarter));
  const auto sink = task.run(task.spec(whole, steps));
  EXPECT_EQ(sink.steps.at(3).report.outcome, task::Outcome::failed);
  EXPECT_EQ(sink.steps.at(3).report.code, task::FailureCode::internal);
  EXPECT_EQ(sink.steps.at(3).report.message, "throws_in_add: add: the metric failed");
  EXPECT_EQ(sink.steps.at(4).report.outcome, task::Outcome::blocked);
  EXPECT_EQ(sink.steps.at(5).report.code, task::FailureCode::exhausted);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(difference(*sink.steps.at(i).rows, *sound.steps.at(i).rows), "") << i;
}

TEST(Isolation, InvalidSettingsFailOnlyTheirStep) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  std::vector<task::Step> steps(6, task.flows_step("traffic", quarter));
  steps[1].filter = "proto tcp and";
  steps[2].by = {"colour"};
  steps[3].interval = 7 * minute_us;
  steps[4].plugin.params = {{"unknown", 1}};
  steps[5].load = Load::proportional;
  const auto sink = task.run(task.spec(whole, steps));
  EXPECT_EQ(sink.steps.at(0).report.outcome, task::Outcome::done);
  for (std::uint32_t i = 1; i < 6; ++i) {
    EXPECT_EQ(sink.steps.at(i).report.outcome, task::Outcome::failed) << i;
    EXPECT_FALSE(sink.steps.at(i).report.message.empty());
  }
}

TEST(Isolation, AMissingFileIsAGap) {
  if (!have_captures()) return;
  TempFolder copy;
  fs::copy(data_folder() / "archive", copy.path(), fs::copy_options::recursive);
  ArchiveTask task(copy.path());
  fs::permissions(copy.path(), fs::perms::owner_all);
  fs::remove(copy.path() / "19991_00040896_1190491200.dat.bz2");
  const auto sink = task.run(task.spec(whole, {task.flows_step("traffic", quarter)}));
  EXPECT_EQ(sink.steps.at(0).report.outcome, task::Outcome::done);
  std::size_t gone = 0;
  for (const auto& file : sink.files) gone += file.state == task::FileState::missing;
  EXPECT_EQ(gone, 1u);
}

TEST(Isolation, AMissingArchiveFailsTheTask) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  auto spec = task.spec(whole, {task.flows_step("traffic", quarter)});
  spec.archive->downloader = use_of(PluginKind::downloader, "directory", {{"root", "/nonexistent/archive"}});
  task::Report totals;
  const auto sink = task.run(spec, &totals);
  EXPECT_EQ(totals.code, task::FailureCode::transient)
      << "the archive may become available again, since the index listed its files";
  EXPECT_NE(totals.message, "");
  EXPECT_TRUE(sink.files.empty()) << "a missing archive is not reported as gaps";
}

TEST(Gaps, ABlockWithoutFilesHasRowsWithCoverageZero) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  const TimeRange later{whole.to + 24 * hour_us, whole.to + 25 * hour_us};
  const auto sink =
      task.run(task.spec(later, {task.flows_step("traffic", quarter), task.flows_step("traffic", quarter, {"dst_port"})}));
  const auto& rows = *sink.steps.at(0).rows;
  ASSERT_EQ(rows.rows(), 8u);
  EXPECT_EQ(sum_of(rows, "flows"), 0u);
  EXPECT_EQ(sum_of(rows, "files_expected"), 8u);
  EXPECT_EQ(sum_of(rows, "files_present"), 0u);
  EXPECT_EQ(sink.steps.at(1).rows->rows(), 0u);
}

// Several states fail at once; the reported one does not depend on timing.
TEST(Failures, AreTheSameForAnyNumberOfThreads) {
  if (!have_captures()) return;
  ArchiveTask task(data_folder() / "archive");
  std::string message;
  for (const unsigned threads : {1u, 2u, 4u, 4u, 4u}) {
    task.threads = threads;
    const auto sink = task.run(task.spec(whole, {task.flows_step("throws_everywhere", quarter, {"router", "protocol_class"}),
                                                 task.flows_step("traffic", quarter, {"router", "protocol_class"})}));
    EXPECT_EQ(sink.steps.at(0).report.outcome, task::Outcome::failed);
    EXPECT_EQ(sink.steps.at(1).report.outcome, task::Outcome::done);
    if (message.empty()) message = sink.steps.at(0).report.message;
    EXPECT_NE(message.find("is not supported"), std::string::npos) << message;
    EXPECT_EQ(sink.steps.at(0).report.message, message) << threads;
  }
}

}  // namespace
}  // namespace mole::runtime::testing
