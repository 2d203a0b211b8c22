// The worker as a process, and its call record after a plugin crashes it.
#include "runtime/rows/handover.hpp"
#include "tests/support/call_record.hpp"
#include "tests/support/worker_process.hpp"
#include "tests/task/task_fixture.hpp"

#include <sys/wait.h>

namespace mole::runtime::testing {
namespace {

constexpr Micros first_hour = Micros{1190487600} * second_us;
constexpr Micros quarter = 15 * minute_us;
constexpr TimeRange whole{first_hour, first_hour + 8 * hour_us};

// Runs mole-worker --run on the spec like mole-node; returns the wait status.
int run_worker(const fs::path& attempt, const task::Spec& spec) {
  for (const char* sub : {"scratch", "rows", "states"}) fs::create_directories(attempt / sub);
  std::ofstream(attempt / "spec.json") << nlohmann::json(spec).dump();
  const auto plugins = std::string(MOLE_TEST_PLUGINS) + ":" + MOLE_SHIPPED_PLUGINS;
  const pid_t child = mole::testing::start_worker(MOLE_WORKER, attempt, plugins, 1'000'000'000);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(Worker, HandsOverItsResults) {
  if (!have_captures()) return;
  TempFolder folder;
  ArchiveTask task(data_folder() / "archive");
  auto step = task.flows_step("traffic", quarter);
  step.make_state = true;
  ASSERT_EQ(run_worker(folder.path(), task.spec(whole, {step})), 0) << std::ifstream(folder.path() / "log").rdbuf();
  auto handover = HandoverReader::open(folder.path() / "handover");
  ASSERT_TRUE(handover);
  std::size_t files = 0, steps = 0;
  while (auto frame = handover->next()) {
    if (std::holds_alternative<task::FileReport>(*frame)) ++files;
    if (const auto* one = std::get_if<HandoverStep>(&*frame)) {
      ++steps;
      EXPECT_EQ(one->outcome.outcome, task::Outcome::done);
      ASSERT_TRUE(one->rows);
      auto rows = decode_rows(*one->rows);
      ASSERT_TRUE(rows);
      EXPECT_EQ(rows->rows(), 64u);
      EXPECT_TRUE(one->state_file);
      EXPECT_EQ(one->outcome.lineage.at("files").size(), 13u);
      EXPECT_EQ(one->outcome.lineage.at("missing").size(), 1u);
    }
    if (const auto* totals = std::get_if<task::Report>(&*frame)) {
      EXPECT_EQ(totals->message, "");
    }
  }
  EXPECT_TRUE(handover->complete()) << handover->problem();
  EXPECT_EQ(files, 13u);
  EXPECT_EQ(steps, 1u);
}

TEST(Worker, CallRecordNamesTheCrashedPlugin) {
  if (!have_captures()) return;
  TempFolder folder;
  ArchiveTask task(data_folder() / "archive");
  const auto status =
      run_worker(folder.path(), task.spec(whole, {task.flows_step("traffic", quarter), task.flows_step("crashes", quarter)}));
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSEGV);
  const auto record = read_call_record(folder.path() / "call");
  ASSERT_TRUE(record);
  EXPECT_STREQ(record->module, "crashes");
  EXPECT_EQ(static_cast<Call>(record->call), Call::add);
  EXPECT_EQ(record->step, 1u);
}

TEST(Worker, CallRecordNamesAPluginThatExits) {
  if (!have_captures()) return;
  TempFolder folder;
  ArchiveTask task(data_folder() / "archive");
  ASSERT_EQ(run_worker(folder.path(), task.spec(whole, {task.flows_step("exits", quarter)})), 0);
  const auto record = read_call_record(folder.path() / "call");
  ASSERT_TRUE(record);
  EXPECT_STREQ(record->module, "exits");
  auto handover = HandoverReader::open(folder.path() / "handover");
  if (handover) {
    while (handover->next()) {
    }
    EXPECT_FALSE(handover->complete());
  }
}

TEST(Worker, RejectsAnInvalidSpec) {
  TempFolder folder;
  std::ofstream(folder.path() / "spec.json") << "{";
  const auto command =
      std::string(MOLE_WORKER) + " --run " + folder.path().string() + " 3>/dev/null 2>" + (folder.path() / "e").string();
  EXPECT_NE(std::system(command.c_str()), 0);
  std::ifstream error(folder.path() / "e");
  std::string line, rest;
  std::getline(error, line);
  EXPECT_TRUE(line.starts_with("mole-worker: ")) << line;
  EXPECT_FALSE(std::getline(error, rest)) << rest;
}

}  // namespace
}  // namespace mole::runtime::testing
