#include "nodes/daemon/fault.hpp"

#include "tests/support/temp_folder.hpp"

#include <sysexits.h>

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

namespace mole::nodes {
namespace {

using testing::TempFolder;

task::Spec spec() {
  task::Spec s;
  s.id = "7-19";
  s.archive = task::Archive{};
  s.archive->name = "ddosvax";
  s.archive->decoder.name = "netflow5";
  s.archive->decoder.version = "1.2.0";
  s.archive->downloader.name = "directory";
  s.archive->downloader.version = "1.0.0";
  for (const std::string name : {"traffic", "variance"}) {
    task::Step step;
    step.pipeline = "p";
    step.module = name;
    step.plugin.name = name;
    step.plugin.version = "1.0.0";
    s.steps.push_back(step);
  }
  return s;
}

// The report of the sealing process about a worker that finished step 0 and was then killed.
task::Report sealed() {
  task::Report r;
  r.task = "7-19";
  r.message = "the handover ends in the middle of a frame";
  for (std::uint32_t i = 0; i < 2; ++i) {
    task::StepReport step;
    step.step = i;
    step.outcome = i == 0 ? task::Outcome::done : task::Outcome::not_run;
    if (i == 0) step.rows_blob = digest_of("rows");
    r.steps.push_back(step);
  }
  return r;
}

PluginCall in_add_of_variance() {
  return {.call = "add", .step = 1, .batch = 17, .progress = 99, .module = "variance", .in_plugin = true};
}

WorkerRun worker_run(ExitStatus exit_status, std::optional<PluginCall> call, std::string log = "") {
  return {.exit_status = exit_status,
          .call = std::move(call),
          .log_tail = std::move(log),
          .wall_limit = hour_us,
          .stall_limit = 2 * minute_us};
}

TEST(Fault, NamesPluginModuleCallBatchAndSignal) {
  const auto report =
      assign_fault(sealed(), spec(), worker_run({ExitStatus::Kind::killed, SIGSEGV}, in_add_of_variance(), "last line\n"));
  EXPECT_EQ(report.steps[0].outcome, task::Outcome::done);
  EXPECT_EQ(report.steps[0].rows_blob, digest_of("rows"));
  EXPECT_EQ(report.steps[1].outcome, task::Outcome::failed);
  EXPECT_EQ(report.steps[1].code, task::FailureCode::crashed);
  EXPECT_EQ(report.steps[1].message,
            "plugin variance 1.0.0, module p/variance, in add of batch 17: killed by signal 11 (SIGSEGV)");
  EXPECT_EQ(report.code, task::FailureCode::none);
  EXPECT_EQ(report.message, "");
  EXPECT_EQ(report.log_tail, "last line\n");
}

TEST(Fault, DistinguishesAHangFromACrash) {
  const auto late = assign_fault(sealed(), spec(), worker_run({ExitStatus::Kind::timed_out, SIGKILL}, in_add_of_variance()));
  EXPECT_EQ(late.steps[1].code, task::FailureCode::hung);
  EXPECT_NE(late.steps[1].message.find("still running after the limit of 1h"), std::string::npos);
  const auto large =
      assign_fault(sealed(), spec(), worker_run({ExitStatus::Kind::wrote_too_much, SIGKILL}, in_add_of_variance()));
  EXPECT_EQ(large.steps[1].code, task::FailureCode::exhausted);
  EXPECT_NE(large.steps[1].message.find("its part of the free space"), std::string::npos);
  const auto silent = assign_fault(sealed(), spec(), worker_run({ExitStatus::Kind::stalled, SIGKILL}, in_add_of_variance()));
  EXPECT_EQ(silent.steps[1].code, task::FailureCode::hung);
  EXPECT_NE(silent.steps[1].message.find("no progress for 2m"), std::string::npos);
}

TEST(Fault, IsExhaustedIfItsProcessesTogetherNeedTooMuchMemory) {
  using enum ExitStatus::Kind;
  const auto failed = [](ExitStatus::Kind kind, int value) {
    return assign_fault(sealed(), spec(), worker_run({kind, value, true}, in_add_of_variance())).steps[1];
  };
  EXPECT_EQ(failed(killed, SIGKILL).code, task::FailureCode::exhausted);
  EXPECT_EQ(failed(killed, SIGSEGV).code, task::FailureCode::exhausted);
  EXPECT_EQ(failed(exited, 1).code, task::FailureCode::exhausted);
  EXPECT_NE(failed(exited, 1).message.find("its processes together needed more memory"), std::string::npos);
  EXPECT_EQ(failed(stalled, SIGKILL).code, task::FailureCode::hung);
}

TEST(Fault, IsExhaustedWhenMemoryRunsOut) {
  const auto code = [](int signal, const std::string& log) {
    return assign_fault(sealed(), spec(), worker_run({ExitStatus::Kind::killed, signal}, in_add_of_variance(), log))
        .steps[1]
        .code;
  };
  EXPECT_EQ(code(SIGKILL, ""), task::FailureCode::exhausted);
  EXPECT_EQ(code(SIGXFSZ, ""), task::FailureCode::exhausted);
  EXPECT_EQ(code(SIGABRT, "  what():  std::bad_alloc\n"), task::FailureCode::exhausted);
  EXPECT_EQ(code(SIGABRT, "assertion failed\n"), task::FailureCode::crashed);
}

TEST(Fault, IsAssignedToAPluginThatCallsExit) {
  const auto report = assign_fault(sealed(), spec(), worker_run({ExitStatus::Kind::exited, 0}, in_add_of_variance()));
  EXPECT_EQ(report.steps[1].outcome, task::Outcome::failed);
  EXPECT_EQ(report.steps[1].code, task::FailureCode::crashed);
  EXPECT_NE(report.steps[1].message.find("exited with code 0 before the task was finished"), std::string::npos);
}

TEST(Fault, OfADecoderFailsTheTask) {
  auto unfinished = sealed();
  unfinished.steps[0] = {};
  unfinished.steps[0].outcome = task::Outcome::not_run;
  const PluginCall next{.call = "next", .step = {}, .batch = 3, .module = "decoder netflow5", .in_plugin = true};
  const auto report = assign_fault(unfinished, spec(), worker_run({ExitStatus::Kind::killed, SIGBUS}, next));
  EXPECT_EQ(report.code, task::FailureCode::crashed);
  EXPECT_EQ(report.message, "plugin decoder netflow5 1.2.0, archive ddosvax, in next of batch 3: killed by signal 7 (SIGBUS)");
  EXPECT_EQ(report.steps[0].outcome, task::Outcome::not_run);
  EXPECT_EQ(report.steps[1].outcome, task::Outcome::not_run);
}

TEST(Fault, IsAssignedToNoModuleIfTheWorkerDiesInItsOwnCode) {
  PluginCall none;
  none.in_plugin = false;
  auto unfinished = sealed();
  unfinished.steps[0] = {};
  unfinished.steps[0].outcome = task::Outcome::not_run;
  for (const auto& call : {std::optional<PluginCall>(none), std::optional<PluginCall>()}) {
    const auto report = assign_fault(unfinished, spec(), worker_run({ExitStatus::Kind::killed, SIGABRT}, call));
    EXPECT_EQ(report.code, task::FailureCode::internal);
    EXPECT_EQ(report.steps[0].outcome, task::Outcome::not_run);
    EXPECT_EQ(report.steps[1].outcome, task::Outcome::not_run);
  }
}

TEST(Fault, OfTheWorkerKeepsFinishedSteps) {
  const auto report = assign_fault(sealed(), spec(), worker_run({ExitStatus::Kind::killed, SIGABRT}, std::nullopt));
  EXPECT_EQ(report.code, task::FailureCode::none);
  EXPECT_EQ(report.steps[0].outcome, task::Outcome::done);
  EXPECT_EQ(report.steps[1].outcome, task::Outcome::not_run);
  EXPECT_NE(report.steps[1].message.find("signal 6 (SIGABRT)"), std::string::npos);
}

TEST(Fault, KeepsTheErrorThatTheWorkerReported) {
  task::Report reported;
  reported.code = task::FailureCode::missing;
  reported.message = "the archive has no such file";
  const auto report = assign_fault(reported, spec(), worker_run({ExitStatus::Kind::exited, 0}, PluginCall{}));
  EXPECT_EQ(report.code, task::FailureCode::missing);
  EXPECT_EQ(report.message, "the archive has no such file");
  EXPECT_EQ(report.task, "7-19");
  ASSERT_EQ(report.steps.size(), 2u);
  EXPECT_EQ(report.steps[1].outcome, task::Outcome::not_run);
}

TEST(Fault, AddsOnlyTheLogToASuccessfulReport) {
  auto good = sealed();
  good.message.clear();
  good.log_tail = "log text";
  good.steps[1].outcome = task::Outcome::done;
  EXPECT_EQ(nlohmann::json(assign_fault(good, spec(), worker_run({ExitStatus::Kind::exited, 0}, PluginCall{}, "log text"))),
            nlohmann::json(good));
  EXPECT_EQ(nlohmann::json(
                assign_fault(good, spec(), worker_run({ExitStatus::Kind::killed, SIGSEGV}, in_add_of_variance(), "log text"))),
            nlohmann::json(good))
      << "a worker that crashes after its last step has finished its task";
}

TEST(Fault, IsAssignedToTheDownloaderInAnIndexTask) {
  auto index = spec();
  index.steps.clear();
  index.kind = task::Kind::index;
  const PluginCall call{.call = "index", .step = {}, .module = "downloader directory", .in_plugin = true};
  task::Report incomplete;
  incomplete.code = task::FailureCode::transient;
  for (const auto exit_status : {ExitStatus{ExitStatus::Kind::killed, SIGSEGV}, ExitStatus{ExitStatus::Kind::exited, 0}}) {
    const auto report = assign_fault(incomplete, index, worker_run(exit_status, call));
    EXPECT_EQ(report.code, task::FailureCode::crashed);
    EXPECT_TRUE(report.message.starts_with("plugin downloader directory 1.0.0, archive ddosvax, in index: ")) << report.message;
  }
}

TEST(Fault, IgnoresAStepThatDoesNotExist) {
  auto call = in_add_of_variance();
  call.step = 99;
  EXPECT_EQ(assign_fault(sealed(), spec(), worker_run({ExitStatus::Kind::killed, SIGSEGV}, call)).steps[1].outcome,
            task::Outcome::not_run);
}

TEST(Fault, IsThatOfTheStagingProcessIfTheWorkerEndedBecauseOfIt) {
  const PluginCall fetch{.call = "fetch", .step = {}, .module = "downloader directory", .in_plugin = true};
  const ExitStatus lost{ExitStatus::Kind::exited, EX_IOERR}, killed{ExitStatus::Kind::killed, SIGSEGV};
  const auto crashed = at_fault(worker_run(lost, PluginCall{}, "worker\n"), worker_run(killed, fetch, "staging\n"));
  EXPECT_EQ(crashed.exit_status.value, SIGSEGV);
  EXPECT_EQ(crashed.call->module, "downloader directory");
  EXPECT_EQ(crashed.log_tail, "worker\nstaging\n");
  // A plugin called exit() with this code.
  EXPECT_EQ(at_fault(worker_run(lost, in_add_of_variance()), worker_run(killed, fetch)).call->module,
            in_add_of_variance().module);
}

TEST(Fault, IsThatOfTheStagingProcessIfTheWorkerWaitedForIt) {
  const PluginCall fetch{.call = "fetch", .step = {}, .module = "downloader directory", .in_plugin = true};
  const ExitStatus stalled{ExitStatus::Kind::stalled, SIGKILL}, cancelled{ExitStatus::Kind::cancelled, SIGKILL};
  const auto waited = at_fault(worker_run(stalled, PluginCall{}), worker_run(cancelled, fetch));
  EXPECT_EQ(waited.call->module, "downloader directory");
  EXPECT_EQ(waited.exit_status.kind, ExitStatus::Kind::stalled);
  // A metric that hangs, whatever the downloader does meanwhile.
  EXPECT_EQ(at_fault(worker_run(stalled, in_add_of_variance()), worker_run(cancelled, fetch)).call->module,
            in_add_of_variance().module);
}

TEST(Fault, IsThatOfAWorkerWhoseStagingProcessOnlyEndedAfterIt) {
  const ExitStatus clean{ExitStatus::Kind::exited, 0}, killed{ExitStatus::Kind::killed, SIGSEGV},
      cancelled{ExitStatus::Kind::cancelled, SIGKILL};
  EXPECT_EQ(at_fault(worker_run(killed, in_add_of_variance()), worker_run(cancelled, PluginCall{})).call->module,
            in_add_of_variance().module);
  // A downloader that takes too long to close does not change what the worker has done.
  EXPECT_TRUE(at_fault(worker_run(clean, PluginCall{}), worker_run(cancelled, PluginCall{})).exit_status.clean());
  EXPECT_TRUE(at_fault(worker_run({ExitStatus::Kind::exited, EX_IOERR}, PluginCall{}), worker_run(clean, PluginCall{}))
                  .exit_status.clean());
}

TEST(CallRecord, IsParsed) {
  TempFolder folder;
  std::string bytes("MCAL\1\0\5\0\2\0\0\0\7\0\0\0\x11\0\0\0\0\0\0\0\x63\0\0\0\0\0\0\0", 32);
  bytes += "variance" + std::string(24, '\0');
  std::ofstream(folder / "call", std::ios::binary) << bytes;
  const auto call = read_call(folder / "call");
  ASSERT_TRUE(call);
  EXPECT_EQ(call->call, "add");
  EXPECT_EQ(call->step, 2u);
  EXPECT_EQ(call->batch, 17u);
  EXPECT_EQ(call->progress, 99u);
  EXPECT_EQ(call->module, "variance");
  EXPECT_TRUE(call->in_plugin);
}

TEST(CallRecord, IsNotParsedFromAnInvalidFile) {
  TempFolder folder;
  EXPECT_FALSE(read_call(folder / "none"));
  std::ofstream(folder / "short") << "MCAL";
  EXPECT_FALSE(read_call(folder / "short"));
  std::ofstream(folder / "other") << std::string(64, 'x');
  EXPECT_FALSE(read_call(folder / "other"));
}

TEST(Fault, KeepsLessOfTheLogOfASuccess) {
  auto done = sealed();
  done.steps[1].outcome = task::Outcome::done;
  PluginCall none;
  std::string log;
  for (int i = 0; i < 1000; ++i) log += "line " + std::to_string(i) + "\n";
  const auto report = assign_fault(done, spec(), worker_run({}, none, log));
  EXPECT_LE(report.log_tail.size(), max_success_tail);
  EXPECT_GT(report.log_tail.size(), max_success_tail - 20);
  EXPECT_TRUE(report.log_tail.starts_with("line "));
  EXPECT_TRUE(report.log_tail.ends_with("line 999\n"));
  EXPECT_EQ(assign_fault(done, spec(), worker_run({}, none, "one\n")).log_tail, "one\n");
  EXPECT_EQ(assign_fault(done, spec(), worker_run({}, none)).log_tail, "");
}

TEST(LastLines, KeepsWholeLinesOrTheEndOfALongOne) {
  EXPECT_EQ(last_lines("one\ntwo\n", 8), "one\ntwo\n");
  EXPECT_EQ(last_lines("one\ntwo\n", 7), "two\n");
  EXPECT_EQ(last_lines("one\ntwo\n", 4), "two\n");
  EXPECT_EQ(last_lines("one\ntwo\n", 3), "wo\n");
  EXPECT_EQ(last_lines("aaaa\xc3\xa9"
                       "b",
                       2),
            "b");
}

TEST(LogTail, EscapesControlBytesAndInvalidUtf8) {
  TempFolder folder;
  std::ofstream(folder / "log", std::ios::binary) << "a\tb\n\x1b[31mred\r\xff\xc3\xa9\xc2\x9b\x7f";
  EXPECT_EQ(log_tail(folder / "log"), "a\tb\n\\x1b[31mred\\x0d\\xff\xc3\xa9\\xc2\\x9b\\x7f");
}

TEST(LogTail, KeepsTheLastWholeLines) {
  TempFolder folder;
  std::string all;
  for (int i = 0; i < 20'000; ++i) all += "line " + std::to_string(i) + "\n";
  std::ofstream(folder / "log", std::ios::binary) << all;
  const auto tail = log_tail(folder / "log");
  EXPECT_LE(tail.size(), 65'536u);
  EXPECT_GT(tail.size(), 65'000u);
  EXPECT_TRUE(tail.starts_with("line "));
  EXPECT_TRUE(tail.ends_with("line 19999\n"));
  EXPECT_EQ(log_tail(folder / "none"), "");
}

}  // namespace
}  // namespace mole::nodes
