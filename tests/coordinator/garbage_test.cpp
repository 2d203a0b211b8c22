// What nothing needs is removed, and nothing else (control/garbage.hpp).
#include "tests/coordinator/garbage_fixture.hpp"

namespace mole::test {
namespace {

TEST_F(Garbage, NothingIsRemovedThatAResultNeeds) {
  run("a");
  run("b", "0.5");
  age_blobs();
  const auto results = world.catalogue();
  const auto count = blobs();
  EXPECT_EQ(collect(), (std::map<std::string, std::uint64_t>{}));
  EXPECT_EQ(world.catalogue(), results);
  EXPECT_EQ(blobs(), count);
  world.reopen();
  EXPECT_EQ(world.catalogue(), results);
  auto again = world.submission(chain, "2007-09-22", "2007-09-22T08");
  ASSERT_TRUE(world.client().submit(again));
  world.join("a", "1");
  for (const auto& spec : world.lease("a", 4)) EXPECT_NE(spec.kind, task::Kind::compute) << "a result was computed again";
}

TEST_F(Garbage, EndedRequestsAreRemovedAfterTheirTime) {
  const auto first = run("a");
  run("b");
  world.wall += 91 * day_us;
  run("c");
  const auto results = world.catalogue();
  auto dry = collect(dry_run());
  EXPECT_TRUE(world.client().request(first)) << "a dry run removes nothing";
  EXPECT_EQ(dry, (std::map<std::string, std::uint64_t>{{"requests", 2}, {"request folders", 2}, {"client ids", 2}}));
  EXPECT_EQ(collect(), dry);
  EXPECT_FALSE(world.client().request(first));
  EXPECT_FALSE(fs::exists(state() / "requests" / first));
  EXPECT_EQ(rows("requests"), 1u);
  EXPECT_EQ(rows("clients"), 1u);
  EXPECT_EQ(world.catalogue(), results);
  EXPECT_EQ(collect(), (std::map<std::string, std::uint64_t>{}));
  world.reopen();
  EXPECT_EQ(run("a"), "r4") << "a number is never given twice, and a client id can be used again";
}

TEST_F(Garbage, RequestsAreKeptForEverIfAsked) {
  run("a");
  run("b");
  world.wall += 4000 * day_us;
  EXPECT_EQ(collect({.dry_run = false, .keep_requests = 0, .max_requests = {}}), (std::map<std::string, std::uint64_t>{}));
}

TEST_F(Garbage, ResultsOfForgottenWhatIfsAreRemoved) {
  run("plain");
  for (int i = 1; i <= 20; ++i) run("w" + std::to_string(i), "0." + std::to_string(100 + i));
  const auto results = world.catalogue();
  const auto before = blobs();
  age_blobs();
  const auto dry = collect(latest(1, true));
  EXPECT_EQ(dry.at("requests"), 4u) << "a module keeps its latest 16 what-ifs";
  EXPECT_EQ(dry.at("revisions"), 4u);
  EXPECT_EQ(dry.at("fingerprints"), 8u) << "the mean, and the variance that reads it";
  EXPECT_EQ(dry.at("catalogue rows"), dry.at("lineage rows"));
  EXPECT_GT(dry.at("blobs"), 0u);
  EXPECT_EQ(collect(latest(1)), dry);
  EXPECT_EQ(blobs(), before - dry.at("blobs"));
  EXPECT_EQ(world.catalogue(), results);
  for (const auto& [job, blob] : results) EXPECT_TRUE(world.service().get_blob(*Digest::from_hex(blob), 0, 10)) << job;
  EXPECT_TRUE(world.client().results("border/mean", {}, "last"));
  EXPECT_EQ(collect(latest(1)), (std::map<std::string, std::uint64_t>{}));
  run("again", "0.101");
}

TEST_F(Garbage, BlobsThatNothingNamesAreRemovedAfterADay) {
  run("a");
  const auto orphan = digest_of(std::string_view("orphan"));
  const auto unfinished = digest_of(std::string_view("unfinished"));
  ASSERT_TRUE(world.service().put_blob(orphan, 0, "orphan", 6));
  ASSERT_TRUE(world.service().put_blob(unfinished, 0, "unf", 10));
  const auto count = blobs();
  EXPECT_EQ(collect(), (std::map<std::string, std::uint64_t>{})) << "they may be of a task that has not been reported yet";
  age_blobs();
  EXPECT_EQ(collect(dry_run()), (std::map<std::string, std::uint64_t>{{"blobs", 1}, {"uploads", 1}}));
  EXPECT_EQ(collect(), (std::map<std::string, std::uint64_t>{{"blobs", 1}, {"uploads", 1}}));
  EXPECT_EQ(blobs(), count - 2);
}

// A node was away for days after it had uploaded its rows.
TEST_F(Garbage, AReportClaimsItsBlobs) {
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T02")));
  ASSERT_TRUE(world.work_once());  // the listing
  const auto specs = world.lease("a", 1);
  ASSERT_EQ(specs.size(), 1u);
  const auto done = world.compute("a", specs[0]);
  age_blobs();
  world.complete(done);
  EXPECT_FALSE(collect().contains("blobs"));
  EXPECT_EQ(world.catalogue().size(), 1u);
}

TEST_F(Garbage, ALostUploadIsAskedForAgain) {
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T02")));
  ASSERT_TRUE(world.work_once());
  const auto specs = world.lease("a", 1);
  ASSERT_EQ(specs.size(), 1u);
  const auto done = world.compute("a", specs[0]);
  age_blobs();
  EXPECT_EQ(collect()["blobs"], 1u);
  EXPECT_FALSE(world.service().complete({done}));
  EXPECT_EQ(world.complete(world.compute("a", specs[0])), "accepted");
}

TEST_F(Garbage, NodesThatNeverWorkedAreForgotten) {
  run("a");
  for (int i = 0; i < 300; ++i) world.join("visitor" + std::to_string(i), "1");
  EXPECT_FALSE(collect().contains("nodes"));
  world.clock += 2 * day_us;
  world.wall += 2 * day_us;
  world.join("new", "1");
  EXPECT_EQ(collect(dry_run())["nodes"], 300u);
  EXPECT_EQ(collect()["nodes"], 300u);
  EXPECT_EQ(rows("nodes"), 2u) << "the one with states, and the new one";
  world.reopen();
  EXPECT_EQ(rows("nodes"), 2u);
  world.join("visitor1", "2");
  EXPECT_EQ(rows("nodes"), 3u);
}

TEST_F(Garbage, SilentNodesAreForgottenAfterARestartToo) {
  world.join("visitor", "1");
  world.reopen();
  EXPECT_FALSE(collect().contains("nodes")) << "when it was last heard is not known";
  world.wall += 2 * day_us;
  EXPECT_EQ(collect()["nodes"], 1u);
}

TEST_F(Garbage, NamesOfNodesAreBounded) {
  for (int i = 0; i < 4096; ++i) world.join("n" + std::to_string(i), "1");
  coordinator::NodeInfo one_more;
  one_more.name = "n4096";
  one_more.incarnation = "1";
  const auto refused = world.service().register_node(one_more);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  world.join("n7", "2");  // a known name
}

// Their states are computed again.
TEST_F(Garbage, StatesOnNodesThatNeverCameBackAreForgotten) {
  run("a");
  const auto results = world.catalogue();
  world.clock += 31 * day_us;
  world.wall += 31 * day_us;
  world.join("b", "1");
  const auto dry = collect(dry_run());
  EXPECT_EQ(dry.at("nodes"), 1u);
  EXPECT_GT(dry.at("states"), 0u);
  EXPECT_EQ(collect(), dry);
  EXPECT_EQ(rows("nodes"), 1u);
  EXPECT_EQ(world.catalogue(), results);
  world.add_files("1", 9, 2);
  const auto accepted = world.client().submit(world.submission(chain, "2007-09-22", "2007-09-22T10"));
  ASSERT_TRUE(accepted);
  world.work("b");
  EXPECT_EQ(world.request(accepted->at("id"))["state"], "COMPLETE");
  for (const auto& [job, blob] : results) EXPECT_EQ(world.catalogue().at(job), blob) << job;
}

TEST_F(Garbage, RemovalIsTold) {
  run("a");
  run("b");
  collect(latest(1));
  const auto events = world.client().dump("events", "", 100)->at("rows");
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back()["event"], "garbage removed");
  EXPECT_EQ(events.back()["kinds"][1]["kind"], "request folders");
  EXPECT_EQ(events.back()["kinds"][1]["count"], 1);
}

TEST_F(Garbage, FormerManifestsAreForgottenWithTheirRequests) {
  run("a");
  const auto traffic = rows("catalogue");
  for (int hours = 8; hours <= 16; hours += 2) {
    auto s =
        world.submission(replaced(chain, "window: 6h", "window: " + std::to_string(hours) + "h"), "2007-09-22", "2007-09-22T08");
    ASSERT_EQ(world.run(s)["state"], "COMPLETE");
  }
  const auto results = world.catalogue();
  EXPECT_GT(rows("catalogue"), traffic);
  world.wall += 91 * day_us;
  collect();
  // The present results, and those of the first request, which is the one that the module traffic comes from.
  EXPECT_EQ(rows("catalogue"), traffic + traffic * 2 / 3);
  EXPECT_EQ(world.catalogue(), results);
}

}  // namespace
}  // namespace mole::test
