// A request is judged by the rows of the range that was asked for.
#include "tests/coordinator/world.hpp"

#include <set>

namespace mole::test {
namespace {

using nlohmann::json;

constexpr Micros quarter = 15 * minute_us;

Micros at(const std::string& time) { return *parse_time("2007-09-22T" + time); }

struct JudgedRange : ::testing::Test {
  World world;

  json run(const std::string& from, const std::string& to, const std::string& manifest = border) {
    return world.run(world.submission(manifest, from, to));
  }
  // Rows in these ranges have half of their input.
  void lack(std::vector<TimeRange> ranges) {
    world.incomplete = [ranges = std::move(ranges)](const task::Step&, TimeRange block) {
      std::vector<task::CoverageRange> out;
      for (const auto range : ranges)
        if (range.overlaps(block)) out.push_back({{std::max(range.from, block.from), std::min(range.to, block.to)}, 0.5, 0.25});
      return out;
    };
  }
};

TEST_F(JudgedRange, RowsOutsideDoNotCount) {
  world.add_files("1", 0, 9);
  lack({{at("00:00"), at("00:30")}, {at("05:30"), at("06:00")}});
  const auto done = run("2007-09-22T00:30", "2007-09-22T05:30");
  EXPECT_EQ(done["state"], "COMPLETE") << done.dump(2);
  EXPECT_EQ(done["coverage"], 1.0);
  EXPECT_EQ(done["from"], "2007-09-22T00:00:00Z");
  EXPECT_EQ(done["to"], "2007-09-22T06:00:00Z");
  EXPECT_EQ(done["asked_from"], "2007-09-22T00:30:00Z");
  EXPECT_EQ(done["asked_to"], "2007-09-22T05:30:00Z");
  world.reopen();
  EXPECT_EQ(world.request("r1")["asked_to"], "2007-09-22T05:30:00Z");
}

TEST_F(JudgedRange, EveryRowInsideCounts) {
  world.add_files("1", 0, 9);
  lack({{at("05:15"), at("06:00")}});
  const auto done = run("2007-09-22T01:30", "2007-09-22T05:30");
  EXPECT_EQ(done["state"], "PARTIAL");
  EXPECT_DOUBLE_EQ(done["coverage"].get<double>(), 1 - 0.5 * 1 / 16);
}

TEST_F(JudgedRange, ABlockWithoutRangesIsJudgedAsAWhole) {
  world.add_files("1", 0, 9);
  world.coverage = 0.75;
  EXPECT_EQ(run("2007-09-22T00:30", "2007-09-22T01:30")["coverage"], 0.75);
}

TEST_F(JudgedRange, NothingWaitsIfTheRowsThatWereAskedForHaveTheirFiles) {
  world.add_files("1", 0, 4);  // the block [02:00, 04:00) reads files up to 05:00
  lack({{at("03:30"), at("04:00")}});
  const auto done = run("2007-09-22", "2007-09-22T03:15");
  EXPECT_EQ(done["state"], "COMPLETE") << done.dump(2);
  EXPECT_EQ(done["coverage"], 1.0);
  EXPECT_EQ(done["waits"], json::array());
  const auto before = world.catalogue();
  EXPECT_EQ(before.size(), 2u);
  // The rows until 03:45 would lack flows that are exported after 04:00.
  EXPECT_EQ(run("2007-09-22", "2007-09-22T03:45")["state"], "WAITING");
  auto partial = world.submission(border, "2007-09-22", "2007-09-22T03:45");
  partial.partial = true;
  EXPECT_EQ(world.run(partial)["state"], "PARTIAL");
  // A later file changes the key of this block and of no other.
  world.incomplete = nullptr;
  world.add_files("1", 4, 1);
  world.clock += hour_us;
  ASSERT_TRUE(world.client().archive_task(partial, "border/flows", coordinator::RequestKind::index));
  world.work();
  EXPECT_EQ(world.request("r2")["state"], "COMPLETE") << "it waited for this file";
  const auto after = world.catalogue();
  EXPECT_EQ(after.at("border/traffic@2007-09-22T00:00:00Z"), before.at("border/traffic@2007-09-22T00:00:00Z"));
  EXPECT_NE(after.at("border/traffic@2007-09-22T02:00:00Z"), before.at("border/traffic@2007-09-22T02:00:00Z"));
}

TEST_F(JudgedRange, TimeWithoutFilesLacksInput) {
  world.add_files("1", 0, 5);
  const auto early = run("2007-09-21T20:00", "2007-09-22T04:00");
  EXPECT_EQ(early["state"], "PARTIAL");
  EXPECT_DOUBLE_EQ(early["coverage"].get<double>(), 0.5);
  ASSERT_EQ(early["notes"].size(), 1u) << early.dump(2);
  EXPECT_EQ(early["notes"][0], "the archive \"flows\" begins at 2007-09-22T00:00:00Z, after the start of the range");
  auto late = world.submission(border, "2007-09-22", "2007-09-22T08:00");
  late.partial = true;
  const auto done = world.run(late);
  EXPECT_EQ(done["state"], "PARTIAL");
  EXPECT_DOUBLE_EQ(done["coverage"].get<double>(), 6.0 / 8);
}

// The share of a window of six hours that lies after the first file, at midnight, for each interval.
std::vector<task::CoverageRange> ramp(TimeRange block) {
  std::vector<task::CoverageRange> out;
  for (Micros from = block.from; from < block.to; from += quarter) {
    const double share = static_cast<double>(from + quarter - at("00:00")) / static_cast<double>(6 * hour_us);
    if (share < 1) out.push_back({{from, from + quarter}, share, share});
  }
  return out;
}

TEST_F(JudgedRange, AWindowThatReachesBackBeforeTheArchiveIsReportedApart) {
  world.add_files("1", 0, 13);
  world.incomplete = [](const task::Step& step, TimeRange block) {
    return step.module == "traffic" ? std::vector<task::CoverageRange>() : ramp(block);
  };
  const auto done = run("2007-09-22", "2007-09-22T12", chain);
  EXPECT_EQ(done["state"], "COMPLETE") << done.dump(2);
  EXPECT_EQ(done["coverage"], 1.0);
  EXPECT_EQ(done["coverage_without_windows"], 1.0);
  EXPECT_LT(done["coverage_with_windows"], 0.8);
  const auto later = run("2007-09-22T06", "2007-09-22T12", chain);
  EXPECT_EQ(later["state"], "COMPLETE");
  EXPECT_FALSE(later.contains("coverage_with_windows")) << "no window reaches back that far";
}

TEST_F(JudgedRange, AGapInAWindowThatReachesBackIsNotHidden) {
  world.add_files("1", 0, 13);
  world.incomplete = [](const task::Step& step, TimeRange block) {
    auto ranges = step.module == "mean" ? ramp(block) : std::vector<task::CoverageRange>();
    if (!ranges.empty() && block.from == at("02:00")) ranges[3].coverage = ranges[3].coverage_min -= 0.02;
    return ranges;
  };
  auto submission = world.submission(chain, "2007-09-22", "2007-09-22T12");
  submission.module = "mean";
  EXPECT_EQ(world.run(submission)["state"], "PARTIAL");
}

TEST_F(JudgedRange, AFailedRequestHasNoFullCoverage) {
  world.add_files("1", 0, 5);
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04")));
  for (int i = 0; i < 20; ++i) {
    world.clock += 60 * second_us;
    for (const auto& spec : world.lease("a", 8)) {
      auto done = world.compute("a", spec);
      if (spec.kind == task::Kind::compute && spec.block.from == at("02:00")) {
        done.report.steps[0] = {};
        done.report.steps[0].outcome = task::Outcome::failed;
        done.report.steps[0].code = task::FailureCode::crashed;
      }
      world.complete(done);
    }
  }
  const auto failed = world.request("r1");
  EXPECT_EQ(failed["state"], "FAILED");
  EXPECT_EQ(failed["coverage"], 0.5);
}

TEST_F(JudgedRange, ARequestThatWaitsIsContinuedByTheSameSubmission) {
  world.add_files("1", 0, 4);
  auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
  submission.client_id = "one";
  EXPECT_EQ(world.run(submission)["state"], "WAITING");
  world.reopen();  // `mole run` ended
  EXPECT_EQ(world.request("r1")["state"], "WAITING");
  submission.client_id = "two";
  const auto again = world.client().submit(submission);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)["id"], "r1");
  EXPECT_EQ((*again)["created"], false);
  // With a changed manifest, it is replaced.
  auto changed = submission;
  changed.client_id = "three";
  changed.manifest.replace(changed.manifest.find("interval: 15m"), 13, "interval: 30m");
  EXPECT_EQ(world.run(changed)["state"], "WAITING");
  EXPECT_EQ(world.request("r1")["state"], "CANCELLED");
  EXPECT_EQ(world.request("r1")["reason"], "replaced by r2, which has a changed manifest");
  auto longer = changed;
  longer.client_id = "four";
  longer.range.to = at("06:00");
  EXPECT_EQ(world.run(longer)["state"], "WAITING");
  EXPECT_EQ(world.request("r2")["state"], "WAITING") << "another range";
}

TEST_F(JudgedRange, MisplacedFilesOfTheRangeAreNamedWhileTheyAreMisplaced) {
  world.add_files("1", 0, 5);
  lack({{at("02:00"), at("03:00")}});
  const auto file = World::file_name("1", 2);
  std::set<std::string> misplaced = {file, World::file_name("1", 4)};
  const auto run_until = [&](const std::string& to) {
    const auto accepted = world.client().submit(world.submission(border, "2007-09-22", to));
    EXPECT_TRUE(accepted);
    for (auto specs = world.lease("a", 1); !specs.empty(); specs = world.lease("a", 1)) {
      auto done = world.compute("a", specs[0]);
      for (auto& report : done.report.files)
        if (misplaced.contains(report.id)) report.state = task::FileState::misplaced;
      world.complete(done);
    }
    return world.request((*accepted)["id"]);
  };
  const auto told = "a file is misplaced and counts as missing: most export times in " + file;
  EXPECT_EQ(run_until("2007-09-22T04")["reason"].get<std::string>().substr(0, told.size()), told);
  world.reopen();
  EXPECT_EQ(run_until("2007-09-22T02")["reason"], "") << "outside of the range";
  EXPECT_EQ(run_until("2007-09-22T04")["reason"].get<std::string>().substr(0, told.size()), told);
  // Their content is replaced: it is unread, then sound.
  misplaced.clear();
  world.archive[file].size = 2000;
  world.clock += hour_us;
  EXPECT_EQ(run_until("2007-09-22T04")["reason"], "");
}

TEST_F(JudgedRange, TheSameSubmissionListsTheArchiveAgain) {
  world.add_files("1", 0, 4);
  auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
  submission.client_id = "one";
  EXPECT_EQ(world.run(submission)["state"], "WAITING");
  world.add_files("1", 4, 1);
  submission.client_id = "two";
  EXPECT_TRUE(world.client().submit(submission));
  world.work();
  EXPECT_EQ(world.request("r1")["state"], "WAITING") << "listed a moment ago";

  world.clock += minute_us;  // less than the time after which it is listed again without being asked
  world.work();
  EXPECT_EQ(world.request("r1")["state"], "WAITING");
  submission.client_id = "three";
  const auto again = world.client().submit(submission);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)["id"], "r1");
  EXPECT_EQ(world.request("r1")["state"], "ACCEPTED") << "a client that waits for it waits for the listing";
  submission.client_id = "four";
  EXPECT_EQ((*world.client().submit(submission))["id"], "r1") << "also while it is listed";
  world.work();
  EXPECT_EQ(world.request("r1")["state"], "COMPLETE");
}

TEST_F(JudgedRange, TheSameSubmissionLeavesARequestWaitingIfTheListingFails) {
  world.add_files("1", 0, 4);
  auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
  submission.client_id = "one";
  const auto waiting = world.run(submission);
  EXPECT_EQ(waiting["state"], "WAITING");
  world.clock += minute_us;
  submission.client_id = "two";
  ASSERT_TRUE(world.client().submit(submission));
  const auto specs = world.lease("a", 1);
  ASSERT_EQ(specs.size(), 1u);
  auto done = world.compute("a", specs[0]);
  done.report.code = task::FailureCode::missing;
  done.report.message = "the archive is not mounted";
  world.complete(done);
  const auto after = world.request("r1");
  EXPECT_EQ(after["state"], "WAITING");
  EXPECT_EQ(after["reason"], waiting["reason"]);
  EXPECT_EQ(after["notes"].back(), "planned from an earlier listing of flows: the archive is not mounted");
}

TEST_F(JudgedRange, ARouterThatAFilterNamesAndTheArchiveDoesNotHaveIsTold) {
  for (const char* router : {"zh1", "be2", "zh2", "ge9"}) world.add_files(router, 0, 5);
  const auto notes_with = [&](const std::string& filter) {
    auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
    submission.overrides = {"modules.traffic.filter=" + filter};
    const auto done = world.run(submission);
    const auto plan = world.client().plan(submission);
    EXPECT_TRUE(plan);
    json notes = json::array();
    for (const auto& note : plan->value("notes", json::array()))
      if (note.get<std::string>().find("router") != std::string::npos) notes.push_back(note);
    json told = json::array();
    for (const auto& note : done.value("notes", json::array()))
      if (note.get<std::string>().find("router") != std::string::npos) told.push_back(note);
    EXPECT_EQ(told, notes);
    return notes;
  };
  const auto note = [](const std::string& router, const std::string& known) {
    return "the archive \"flows\" has no file of router " + router +
           ", which \"filter\" of the module \"traffic\" names; it has files of " + known;
  };
  EXPECT_EQ(notes_with("router zh9 or router zh1"), json::array({note("zh9", "zh1, zh2, ge9, be2")}));
  EXPECT_EQ(notes_with("router in [be2, be1] and proto tcp"), json::array({note("be1", "be2, ge9, zh1, zh2")}));
  EXPECT_EQ(notes_with("not (router ge8 or router ZH1)").size(), 2u);
  EXPECT_EQ(notes_with("router zh1 or not router be2"), json::array());
}

TEST_F(JudgedRange, FilesOfRoutersThatAFilterExcludesAreNotRead) {
  for (const char* router : {"7", "8"}) world.add_files(router, 0, 5);
  world.add_files("9", 2, 5);
  world.run(world.submission(border, "2007-09-22", "2007-09-22T04"));  // lists the archive
  const auto files_with = [&](const std::string& filter) {
    auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
    submission.overrides = {"modules.traffic.filter=" + filter};
    const auto plan = world.client().plan(submission);
    EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
    return plan ? (*plan)["files"]["count"].get<int>() : 0;
  };
  const int all = files_with("proto tcp"), of_7 = files_with("router 7"), of_9 = files_with("router 9 and proto tcp");
  EXPECT_EQ(files_with("not router 9"), 2 * of_7);
  EXPECT_EQ(all, 2 * of_7 + of_9);
  EXPECT_LT(of_9, of_7);
  EXPECT_EQ(files_with("router 7 and not proto tcp and proto tcp"), of_7) << "that no flow passes is not known before";
  for (const std::string filter : {"router 6", "router in [5, 6] and proto tcp", "not (router 7 or not router 6)"}) {
    auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
    submission.overrides = {"modules.traffic.filter=" + filter};
    const auto plan = world.client().plan(submission);
    ASSERT_FALSE(plan) << filter;
    EXPECT_EQ(plan.error().code, Code::missing) << plan.error().message;
    EXPECT_NE(plan.error().message.find("selects no router of the archive \"flows\""), std::string::npos) << plan.error().message;
  }
}

TEST_F(JudgedRange, ARouterThatTheArchiveDoesNotHaveIsTold) {
  world.add_files("7", 0, 5);
  world.add_files("8", 0, 5);
  const auto with = [](const std::string& routers) {
    std::string manifest = border;
    const std::string was = "{archive: flows}";
    return manifest.replace(manifest.find(was), was.size(), "{archive: flows, where: {router: " + routers + "}}");
  };
  const auto done = run("2007-09-22", "2007-09-22T04", with("[7, 9]"));
  const auto plan = world.client().plan(world.submission(with("[7, 9]"), "2007-09-22", "2007-09-22T04"));
  ASSERT_TRUE(plan);
  const json told = {
      "the archive \"flows\" has no file of router 9, which \"where\" of the module \"traffic\" selects; it has files of 7, 8"};
  EXPECT_EQ((*plan)["notes"][0], told[0]);
  EXPECT_EQ(done["notes"], told);
  const auto without = world.client().plan(world.submission(with("[7, 8]"), "2007-09-22", "2007-09-22T04"));
  EXPECT_EQ((*without)["notes"].size(), 1u) << "the default export delays: " << *without;
  const auto none = world.client().plan(world.submission(with("[9]"), "2007-09-22", "2007-09-22T04"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::missing);
}

}  // namespace
}  // namespace mole::test
