#include "cli/format/request.hpp"
#include "cli/progress/watch.hpp"
#include "tests/cli/fake_api.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace mole::cli {
namespace {

using nlohmann::json;

json request(std::uint64_t done, const char* state = "RUNNING") {
  return {{"state", state},
          {"jobs", {{"total", 40}, {"done", done}}},
          {"files", {{"total", 96}, {"done", 31}}},
          {"bytes", {{"total", 90'000'000}, {"done", done * 1'000'000}}}};
}

TEST(ProgressLine, ShowsJobsFilesRateAndWhatRemains) {
  EXPECT_EQ(progress_line(request(20), {.elapsed = 10, .jobs_at_start = 0, .bytes_at_start = 0}),
            "jobs 20/40  files 31/96  2.0 MB/s  ETA 10 s");
}

TEST(ProgressLine, OfARequestWithoutJobsCountsFiles) {
  EXPECT_EQ(progress_line({{"files", {{"total", 96}, {"done", 31}}}}, {}), "files 31/96");
  EXPECT_EQ(progress_line({{"jobs", {{"total", 0}}}}, {}), "");
}

TEST(ProgressLine, CountsReusedJobsForNoPace) {
  EXPECT_EQ(progress_line(request(30), {.elapsed = 10, .jobs_at_start = 20, .bytes_at_start = 20'000'000}),
            "jobs 30/40  files 31/96  1.0 MB/s  ETA 10 s");
  EXPECT_EQ(progress_line(request(20), {.elapsed = 10, .jobs_at_start = 20, .bytes_at_start = 20'000'000}),
            "jobs 20/40  files 31/96");
}

TEST(ProgressBar, FillsByShare) {
  EXPECT_EQ(progress_bar(0.5, 6, {}), "━━━───");
  EXPECT_EQ(progress_bar(7, 2, {}), "━━");
}

TEST(PlainProgress, WritesOnlyWhenJobsWereSettledAndNotTooOften) {
  std::ostringstream err;
  const auto progress = make_progress(ProgressKind::plain, err, {});
  progress->update(request(0), 0);
  progress->update(request(0), 10);
  progress->update(request(1), 10.5);
  progress->update(request(2), 11);
  progress->finish();
  EXPECT_EQ(err.str(),
            "jobs 0/40  files 31/96\njobs 1/40  files 31/96  0.1 MB/s  ETA 6m50s\njobs 2/40  files 31/96  0.2 MB/s  "
            "ETA 3m29s\n");
}

TEST(BarProgress, IsDrawnAgainOnlyWhenItSaysSomethingNew) {
  std::ostringstream err;
  const auto progress = make_progress(ProgressKind::bar, err, {});
  progress->update(request(1), 0);
  const auto once = err.str();
  progress->update(request(1), 0.1);
  EXPECT_EQ(err.str(), once);
  progress->update(request(2), 0.2);
  EXPECT_GT(err.str().size(), once.size());
}

TEST(ProgressKind, IsABarOnATerminalOnly) {
  EXPECT_EQ(progress_kind("", true), ProgressKind::bar);
  EXPECT_EQ(progress_kind("", false), ProgressKind::plain);
  EXPECT_EQ(progress_kind("none", true), ProgressKind::none);
}

struct Waiting {
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
  Result<json> run() { return watch_request(api, "r-1", *make_progress(ProgressKind::none, log, {}), watch()); }
  std::ostringstream log;
};

TEST(Watch, EndsWithTheRequest) {
  Waiting w;
  w.api.answers.insert_or_assign("request", request(1));
  w.at_pause = [&] { w.api.answers.insert_or_assign("request", request(40, "COMPLETE")); };
  const auto done = w.run();
  ASSERT_TRUE(done);
  EXPECT_EQ((*done)["state"], "COMPLETE");
}

TEST(Watch, SleepsThroughLittleOfAShortRequestAndAsksRarelyInALongOne) {
  for (const double length : {0.02, 0.5, 60.0}) {
    Waiting w;
    int asked = 0;
    w.api.answers.insert_or_assign("request", request(1));
    w.at_pause = [&] {
      ++asked;
      if (w.time >= length) w.api.answers.insert_or_assign("request", request(40, "COMPLETE"));
    };
    EXPECT_TRUE(w.run());
    EXPECT_LE(w.time, length * 1.03 + 0.002) << length;
    EXPECT_LE(asked, 300 + 5 * length) << length;
  }
}

TEST(Watch, EndsWhenOnlyTheFutureIsMissing) {
  Waiting w;
  auto waiting = request(38);
  waiting["jobs"]["waiting"] = 2;
  w.api.answers.insert_or_assign("request", waiting);
  EXPECT_TRUE(w.run());
  EXPECT_EQ(exit_of_request(waiting), Exit::try_later);
}

TEST(Watch, OutlastsACoordinatorThatRestarts) {
  Waiting w;
  w.api.answers.insert_or_assign("request", transient("away"));
  w.at_pause = [&] {
    if (w.time > 20) w.api.answers.insert_or_assign("request", request(40, "COMPLETE"));
  };
  EXPECT_TRUE(w.run());
}

TEST(Watch, GivesUpOnACoordinatorThatStaysAway) {
  Waiting w;
  w.api.answers.insert_or_assign("request", transient("away"));
  const auto done = w.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::transient);
}

TEST(Watch, StopsWhenAsked) {
  Waiting w;
  w.api.answers.insert_or_assign("request", request(1));
  w.at_pause = [&] { w.stop = true; };
  const auto done = w.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::cancelled);
}

TEST(RequestText, NamesFailuresAndWaits) {
  json failed = {{"id", "r-2"},
                 {"pipeline", "p"},
                 {"module", "mean"},
                 {"from", "A"},
                 {"to", "B"},
                 {"state", "FAILED"},
                 {"reason", "a plugin crashed"},
                 {"jobs", {{"total", 4}, {"done", 2}, {"failed", 1}, {"blocked", 1}}},
                 {"waits", {"x"}}};
  EXPECT_EQ(request_text(failed, {}),
            "request   r-2\nfor       p/mean, A .. B\nstate     FAILED: a plugin crashed\njobs      2 done of 4, 1 "
            "blocked, 1 failed\nwaits     x\n");
  EXPECT_EQ(exit_of_request(failed), Exit::failed);
}

TEST(RequestText, TellsWhatWasChangedInTheManifest) {
  const json request = {
      {"id", "r-4"}, {"pipeline", "p"}, {"state", "COMPLETE"}, {"overrides", {"modules.a.filter=proto tcp", "x\x1b=1"}}};
  EXPECT_NE(request_text(request, {}).find("what if   modules.a.filter=proto tcp\nwhat if   x\\x1b=1\n"), std::string::npos)
      << request_text(request, {});
  EXPECT_NE(requests_text(json::array({request}), {}).find("p, what if "), std::string::npos);
}

TEST(RequestText, TellsWhatWindowsTakeOffTheCoverage) {
  json request = {{"id", "r-5"}, {"pipeline", "p"}, {"state", "PARTIAL"}, {"coverage", 0.75}};
  EXPECT_NE(request_text(request, {}).find("coverage  75.00 %\n"), std::string::npos) << request_text(request, {});
  request["coverage_without_windows"] = 1;
  request["coverage_with_windows"] = 0.5;
  EXPECT_NE(request_text(request, {})
                .find("coverage  75.00 % (100 % without windows, 50.00 % with, which reach back, also before the archive)\n"),
            std::string::npos)
      << request_text(request, {});
}

TEST(RequestText, TellsHowFilesWereRead) {
  json request = {
      {"id", "r-3"}, {"pipeline", "p"}, {"state", "COMPLETE"}, {"jobs", {{"total", 1}, {"done", 1}}}, {"waits", json::array()}};
  const auto files = [&](std::uint64_t decoded, std::uint64_t kept) {
    request["files"] = {{"total", 9}, {"done", 9}, {"decoded", decoded}, {"from_columns", kept}};
    return request_text(request, {});
  };
  EXPECT_EQ(files(0, 0).find("files"), std::string::npos);
  EXPECT_NE(files(9, 0).find("files     9 decoded\n"), std::string::npos);
  EXPECT_NE(files(2, 7).find("files     2 decoded, 7 read from the columns of an earlier decode\n"), std::string::npos);
}

}  // namespace
}  // namespace mole::cli
