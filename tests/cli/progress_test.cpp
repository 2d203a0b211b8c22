#include "cli/format/documents.hpp"
#include "cli/progress/watch.hpp"
#include "tests/cli/fake_api.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace mole::cli {
namespace {

using coordinator::RequestState;
using coordinator::RequestStatus;

RequestStatus request(std::uint64_t done, RequestState state = RequestState::running) {
  RequestStatus request;
  request.state = state;
  request.jobs.total = 40;
  request.jobs.done = done;
  request.files.total = 96;
  request.files.done = 31;
  request.bytes = {90'000'000, done * 1'000'000};
  return request;
}

RequestStatus ended(const char* id, RequestState state) {
  RequestStatus request;
  request.id = id;
  request.pipeline = "p";
  request.state = state;
  return request;
}

TEST(ProgressLine, ShowsJobsFilesRateAndRemainingTime) {
  EXPECT_EQ(progress_line(request(20), {.elapsed = 10, .jobs_at_start = 0, .bytes_at_start = 0}),
            "jobs 20/40  files 31/96  2.0 MB/s  ETA 10 s");
}

TEST(ProgressLine, CountsFilesOfARequestWithoutJobs) {
  RequestStatus verify;
  EXPECT_EQ(progress_line(verify, {}), "");
  verify.files.total = 96;
  verify.files.done = 31;
  EXPECT_EQ(progress_line(verify, {}), "files 31/96");
}

TEST(ProgressLine, IgnoresReusedJobsInTheRate) {
  EXPECT_EQ(progress_line(request(30), {.elapsed = 10, .jobs_at_start = 20, .bytes_at_start = 20'000'000}),
            "jobs 30/40  files 31/96  1.0 MB/s  ETA 10 s");
  EXPECT_EQ(progress_line(request(20), {.elapsed = 10, .jobs_at_start = 20, .bytes_at_start = 20'000'000}),
            "jobs 20/40  files 31/96");
}

TEST(ProgressLine, ShowsTheEstimateOfTheCoordinator) {
  auto staging = request(20);
  staging.left = {.seconds = 7'800, .low_seconds = 6'600, .high_seconds = 9'600};
  EXPECT_EQ(progress_line(staging, {.elapsed = 10, .jobs_at_start = 0, .bytes_at_start = 0}),
            "jobs 20/40  files 31/96  2.0 MB/s  ETA 2h10m (1h50m to 2h40m)");
  EXPECT_NE(requests_text({staging}, {}).find("time left"), std::string::npos);
  EXPECT_NE(requests_text({staging}, {}).find("2h10m\n"), std::string::npos) << requests_text({staging}, {});
  staging.left->files = 212;
  staging.left->mounts = 5;
  staging.left->batches = 43;
  const auto text = request_text(staging, {});
  EXPECT_NE(text.find("left      2h10m (1h50m to 2h40m): 212 files, 5 mounts; learned from 43 batches of files\n"),
            std::string::npos)
      << text;
  staging.left->low_seconds = staging.left->high_seconds = 7'801;
  EXPECT_EQ(progress_line(staging, {}), "jobs 20/40  files 31/96  ETA 2h10m");
}

TEST(ProgressLine, ShowsRunningTasks) {
  auto running = request(20);
  running.tasks = {{"1-7", "n1", "run", 3 << 20, 8 << 20, 1200}, {"1-8", "n2", "fetch", 0, 2 << 20, 0}};
  EXPECT_EQ(progress_line(running, {.elapsed = 10, .jobs_at_start = 0, .bytes_at_start = 0}),
            "jobs 20/40  files 31/96  2.0 MB/s  2 tasks at 3.0 MiB of 10.0 MiB  ETA 10 s");
  auto granted = request(0);
  granted.tasks = {{"1-7", "n1", "granted", 0, 0, 0}};
  EXPECT_EQ(progress_line(granted, {}), "jobs 0/40  files 31/96  1 task");
  EXPECT_NE(request_text(running, {}).find("task      1-7 on n1, phase run: 3.0 MiB of 8.0 MiB read, 1,200 flows\n"),
            std::string::npos)
      << request_text(running, {});
}

TEST(ProgressBar, FillsByShare) {
  EXPECT_EQ(progress_bar(0.5, 6, {}), "━━━───");
  EXPECT_EQ(progress_bar(7, 2, {}), "━━");
}

TEST(PlainProgress, WritesAtMostEveryTwoSecondsAndOnlyWhenJobsFinish) {
  std::ostringstream err;
  Progress progress(ProgressKind::plain, err, {});
  progress.update(request(0), 0);
  progress.update(request(0), 10);
  progress.update(request(1), 10.5);
  progress.update(request(2), 11);
  progress.finish();
  EXPECT_EQ(err.str(),
            "jobs 0/40  files 31/96\njobs 1/40  files 31/96  95.2 kB/s  ETA 6m50s\njobs 2/40  files 31/96  181.8 kB/s  "
            "ETA 3m29s\n");
}

TEST(PlainProgress, WritesOnceAMinuteWhileFilesAreStaged) {
  std::ostringstream err;
  Progress progress(ProgressKind::plain, err, {});
  auto waiting = request(0);
  waiting.media = {{"MT0001", "n1", 20, 0, 3}, {"MT0002", "", 5, 0, 1}};
  progress.update(waiting, 0);
  waiting.media[0].files = 12;
  progress.update(waiting, 30);
  progress.update(waiting, 61);
  progress.update(waiting, 200);
  progress.finish();
  EXPECT_EQ(err.str(),
            "jobs 0/40  files 31/96  25 files to stage from 2 tapes, now MT0001\n"
            "jobs 0/40  files 31/96  17 files to stage from 2 tapes, now MT0001\n");
}

TEST(BarProgress, IsRedrawnOnlyWhenItChanges) {
  std::ostringstream err;
  Progress progress(ProgressKind::bar, err, {});
  progress.update(request(1), 0);
  const auto first = err.str();
  progress.update(request(1), 0.1);
  EXPECT_EQ(err.str(), first);
  progress.update(request(2), 0.2);
  EXPECT_GT(err.str().size(), first.size());
}

TEST(ProgressKind, IsABarOnlyOnATerminal) {
  EXPECT_EQ(progress_kind("", true), ProgressKind::bar);
  EXPECT_EQ(progress_kind("", false), ProgressKind::plain);
  EXPECT_EQ(progress_kind("none", true), ProgressKind::none);
}

struct WatchedRequest {
  FakeApi api;
  double time = 0;
  std::function<void()> at_pause = [] {};
  bool stop = false;
  Watch watch() {
    Watch w;
    w.stop = [this] { return stop; };
    w.pause = [this](double seconds) {
      time += seconds;
      at_pause();
    };
    w.now = [this] { return time; };
    return w;
  }
  Result<RequestStatus> run() { return watch_request(api, "r-1", progress, watch()); }
  std::ostringstream log;
  Progress progress{ProgressKind::none, log, {}};
};

TEST(Watch, EndsWithTheRequest) {
  WatchedRequest w;
  w.api.answer_with("request", request(1));
  w.at_pause = [&] { w.api.answer_with("request", request(40, RequestState::complete)); };
  const auto done = w.run();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->state, RequestState::complete);
}

TEST(Watch, PollsShortRequestsOftenAndLongOnesRarely) {
  for (const double length : {0.02, 0.5, 60.0}) {
    WatchedRequest w;
    int polls = 0;
    w.api.answer_with("request", request(1));
    w.at_pause = [&] {
      ++polls;
      if (w.time >= length) w.api.answer_with("request", request(40, RequestState::complete));
    };
    EXPECT_TRUE(w.run());
    EXPECT_LE(w.time, length * 1.03 + 0.002) << length;
    EXPECT_LE(polls, 300 + 5 * length) << length;
  }
}

TEST(Watch, EndsWhenOnlyFutureFilesAreMissing) {
  WatchedRequest w;
  auto waiting = request(38);
  waiting.jobs.waiting = 2;
  w.api.answer_with("request", waiting);
  EXPECT_TRUE(w.run());
  EXPECT_EQ(exit_of_request(waiting), Exit::try_later);
}

TEST(Watch, SurvivesARestartOfTheCoordinator) {
  WatchedRequest w;
  w.api.answers.insert_or_assign("request", transient("unreachable"));
  w.at_pause = [&] {
    if (w.time > 20) w.api.answer_with("request", request(40, RequestState::complete));
  };
  EXPECT_TRUE(w.run());
}

TEST(Watch, GivesUpIfTheCoordinatorStaysUnreachable) {
  WatchedRequest w;
  w.api.answers.insert_or_assign("request", transient("unreachable"));
  const auto done = w.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::transient);
}

TEST(Watch, StopsWhenInterrupted) {
  WatchedRequest w;
  w.api.answer_with("request", request(1));
  w.at_pause = [&] { w.stop = true; };
  const auto done = w.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::cancelled);
}

TEST(RequestText, ShowsFailuresAndWaits) {
  auto failed = ended("r-2", RequestState::failed);
  failed.module = "mean";
  failed.from = *parse_time("2007-09-22");
  failed.to = *parse_time("2007-09-23");
  failed.reason = "a plugin crashed";
  failed.jobs = {4, 2, 1, 0, 0, 1};
  failed.waits = {"x"};
  EXPECT_EQ(request_text(failed, {}),
            "request   r-2\nfor       p/mean, 2007-09-22T00:00:00Z .. 2007-09-23T00:00:00Z\nstate     FAILED: a plugin "
            "crashed\njobs      2 done of 4, 1 blocked, 1 failed\nwaits     x\n");
  EXPECT_EQ(exit_of_request(failed), Exit::failed);
}

TEST(RequestText, ShowsOverridesOfTheManifest) {
  auto request = ended("r-4", RequestState::complete);
  request.overrides = {"modules.a.filter=proto tcp", "x\x1b=1"};
  EXPECT_NE(request_text(request, {}).find("what if   modules.a.filter=proto tcp\nwhat if   x\\x1b=1\n"), std::string::npos)
      << request_text(request, {});
  EXPECT_NE(requests_text({request}, {}).find("what if modules.a.filter=proto tcp, x\\x1b=1, run of p"), std::string::npos);
}

TEST(RequestText, ShowsTheCoverageOfWindowsSeparately) {
  auto request = ended("r-5", RequestState::partial);
  request.coverage = 0.75;
  EXPECT_NE(request_text(request, {}).find("coverage  75.00 %\n"), std::string::npos) << request_text(request, {});
  request.coverage = request.coverage_without_windows = 1;
  request.coverage_with_windows = 0.5;
  EXPECT_NE(
      request_text(request, {})
          .find("coverage  100 %; rows with windows have 50.00 %, because their windows reach back before the archive begins\n"),
      std::string::npos)
      << request_text(request, {});
}

TEST(RequestText, ShowsTheRangeThatWasAskedForAndTheBlocks) {
  auto request = ended("r-5", RequestState::complete);
  request.from = *parse_time("2007-09-22");
  request.to = *parse_time("2007-09-23");
  EXPECT_EQ(request_text(request, {}).find("blocks"), std::string::npos);
  request.asked_from = *parse_time("2007-09-22T06:00");
  request.asked_to = request.to;
  request.notes = {"the archive flows has no file of router 9"};
  const auto text = request_text(request, {});
  EXPECT_NE(text.find(", 2007-09-22T06:00:00Z .. 2007-09-23T00:00:00Z\n"), std::string::npos) << text;
  EXPECT_NE(text.find("blocks    2007-09-22T00:00:00Z .. 2007-09-23T00:00:00Z, computed as a whole\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("note      the archive flows has no file of router 9\n"), std::string::npos) << text;
}

TEST(RequestText, ShowsHowFilesWereRead) {
  auto request = ended("r-3", RequestState::complete);
  const auto files = [&](std::uint64_t decoded, std::uint64_t from_columns) {
    request.files = {9, 9, decoded, from_columns};
    return request_text(request, {});
  };
  EXPECT_EQ(files(0, 0).find("files"), std::string::npos);
  EXPECT_NE(files(9, 0).find("files     9 decoded\n"), std::string::npos);
  EXPECT_NE(files(2, 7).find("files     2 decoded, 7 read from cached columns\n"), std::string::npos);
  EXPECT_NE(files(0, 7).find("files     7 read from cached columns\n"), std::string::npos);
}

TEST(RequestText, ShowsAReasonOnlyOnce) {
  auto waiting = ended("r-3", RequestState::waiting);
  waiting.reason = "1 job waits for files";
  waiting.waits = {waiting.reason};
  const auto text = request_text(waiting, {});
  EXPECT_NE(text.find("state     WAITING\n"), std::string::npos) << text;
  EXPECT_NE(text.find("waits     1 job waits for files\n"), std::string::npos) << text;
  waiting.reason = "something else";
  EXPECT_NE(request_text(waiting, {}).find("state     WAITING: something else\n"), std::string::npos);
}

}  // namespace
}  // namespace mole::cli
