// Results with `--set` options and of changed manifests: beside the manifest's own, which stay until new ones are complete.
#include "tests/coordinator/world.hpp"

#include <filesystem>
#include <set>

namespace mole::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string override_text = "modules.mean.params.minimum_coverage=0.5";

// The blobs of a module's results, by block.
std::map<std::string, std::string> blobs_of(World& world, const std::string& module, const std::string& what_if = "") {
  std::map<std::string, std::string> out;
  const auto results = world.client().results(module, {}, what_if);
  EXPECT_TRUE(results) << results.error().message;
  if (results)
    for (const auto& block : results->at("blocks")) out[block["from"]] = block["rows_blob"];
  return out;
}

// The files below a folder of the state, by path, with the inode each links to.
std::map<std::string, ino_t> files_in(World& world, const std::string& folder) {
  std::map<std::string, ino_t> out;
  const auto root = world.folder.path() / "state" / folder;
  std::error_code error;
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error))
    if (at->is_regular_file()) {
      struct stat status {};
      ::stat(at->path().c_str(), &status);
      out[fs::relative(at->path(), root)] = status.st_ino;
    }
  return out;
}

struct WhatIf : ::testing::Test {
  World world;
  coordinator::Submission plain = world.submission(chain, "2007-09-22", "2007-09-22T08");

  WhatIf() { world.add_files("1", 0, 9); }

  coordinator::Submission with(const std::string& text) const {
    auto submission = plain;
    submission.overrides = {text};
    return submission;
  }
  // A manifest in which the mean has another window.
  coordinator::Submission changed_manifest() const {
    auto submission = plain;
    const std::string was = "window: 6h}\n  variance";
    submission.manifest.replace(submission.manifest.find(was), was.size(), "window: 2h}\n  variance");
    return submission;
  }
  // Leases everything and reports that the mean failed.
  void fail_means() {
    for (int i = 0; i < 60; ++i) {
      world.clock += 60 * second_us;
      for (const auto& spec : world.lease("a", 8)) {
        auto done = world.compute("a", spec);
        for (auto& step : done.report.steps) {
          if (spec.steps[step.step].module == "traffic") continue;
          const auto number = step.step;
          step = {};
          step.step = number;
          step.outcome = task::Outcome::failed;
          step.code = task::FailureCode::crashed;
          step.message = "signal 11 in add";
        }
        world.complete(done);
      }
    }
  }
};

TEST_F(WhatIf, IsStoredBesideTheResultsOfTheManifest) {
  EXPECT_EQ(world.run(plain)["state"], "COMPLETE");
  const auto mean = blobs_of(world, "border/mean"), traffic = blobs_of(world, "border/traffic");
  const auto tables = files_in(world, "tables");
  EXPECT_EQ(tables.size(), 12u);
  const auto changed = world.run(with(override_text));
  EXPECT_EQ(changed["state"], "COMPLETE");
  for (const bool reopened : {false, true}) {
    if (reopened) world.reopen();
    EXPECT_EQ(blobs_of(world, "border/mean"), mean);
    EXPECT_EQ(files_in(world, "tables"), tables);
    EXPECT_EQ((*world.client().results("border/mean", {}))["overrides"], json::array());
    for (const auto* which : {"r2", "last"}) {
      const auto results = world.client().results("border/mean", {}, which);
      ASSERT_TRUE(results) << results.error().message;
      EXPECT_EQ((*results)["what_if"], "r2");
      EXPECT_EQ((*results)["overrides"], json{override_text});
      EXPECT_NE(blobs_of(world, "border/mean", which), mean);
      EXPECT_EQ(blobs_of(world, "border/mean", which).size(), 4u);
      EXPECT_EQ(blobs_of(world, "border/traffic", which), traffic) << "not affected";
      EXPECT_EQ((*world.client().results("border/traffic", {}, which))["overrides"], json::array());
    }
    EXPECT_EQ(files_in(world, "what_if/r2/border/mean").size(), 4u);
    EXPECT_EQ(files_in(world, "what_if/r2/border/variance").size(), 4u);
    EXPECT_EQ(files_in(world, "what_if").size(), 8u);
    EXPECT_EQ(blobs_of(world, "border/mean", "r1"), mean) << "a request of the manifest can be named as well";
  }
  const auto status = world.client().status();
  ASSERT_TRUE(status);
  EXPECT_EQ((*status)["modules"].size(), 3u);
  ASSERT_EQ((*status)["variants"].size(), 2u);
  EXPECT_EQ((*status)["variants"][0]["what_if"], "r2");
}

TEST_F(WhatIf, TakesNothingAwayWhenItIsCancelledOrFails) {
  world.run(plain);
  const auto before = world.catalogue();
  const auto tables = files_in(world, "tables");
  ASSERT_TRUE(world.client().submit(with(override_text)));
  ASSERT_TRUE(world.client().cancel("r2"));
  EXPECT_EQ(world.catalogue(), before);
  EXPECT_EQ(files_in(world, "tables"), tables);
  ASSERT_TRUE(world.client().submit(with(override_text)));
  fail_means();
  EXPECT_EQ(world.request("r3")["state"], "FAILED");
  world.reopen();
  EXPECT_EQ(world.catalogue(), before);
  EXPECT_EQ(files_in(world, "tables"), tables);
}

TEST_F(WhatIf, WithTheSameOptionsAgainIsTheSameWhatIf) {
  world.run(plain);
  world.run(with(override_text));
  auto longer = with(override_text);
  world.add_files("1", 9, 2);
  world.clock += hour_us;
  longer.range.to = *parse_time("2007-09-22T10");
  world.run(longer);
  EXPECT_EQ(blobs_of(world, "border/mean", "r2"), blobs_of(world, "border/mean", "r3"));
  EXPECT_EQ(blobs_of(world, "border/mean", "last").size(), 5u);
  EXPECT_EQ(files_in(world, "what_if/r2/border/mean").size(), 5u);
  EXPECT_TRUE(files_in(world, "what_if/r3").empty());
  world.run(with("modules.mean.window=2h"));
  EXPECT_EQ((*world.client().results("border/mean", {}, "last"))["what_if"], "r4");
  EXPECT_EQ((*world.client().results("border/mean", {}, "r2"))["what_if"], "r2");
}

TEST_F(WhatIf, KeepsTheFoldersOfTheLatestSixteen) {
  world.run(plain);
  for (int i = 1; i <= 17; ++i) world.run(with("modules.mean.params.minimum_coverage=0." + std::to_string(10 + i)));
  EXPECT_TRUE(files_in(world, "what_if/r2").empty());
  EXPECT_EQ(files_in(world, "what_if/r18/border/mean").size(), 4u);
  EXPECT_EQ(blobs_of(world, "border/mean", "r2").size(), 4u) << "its results are kept";
}

TEST_F(WhatIf, AloneIsFoundOnlyWhenAskedFor) {
  world.run(with(override_text));
  const auto results = world.client().results("border/mean", {});
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().code, Code::missing);
  EXPECT_NE(results.error().message.find("--what-if r1"), std::string::npos) << results.error().message;
  EXPECT_EQ(blobs_of(world, "border/mean", "last").size(), 4u);
  EXPECT_EQ(blobs_of(world, "border/traffic").size(), 4u) << "the option does not change what traffic measures";
  world.reopen();
  EXPECT_EQ(files_in(world, "tables/border/traffic").size(), 4u);
  EXPECT_TRUE(files_in(world, "tables/border/mean").empty());
}

TEST_F(WhatIf, IsRefusedIfThereIsNone) {
  world.run(plain);
  for (const auto* which : {"last", "r7", "x", "r99999999999999999999"}) {
    const auto results = world.client().results("border/mean", {}, which);
    ASSERT_FALSE(results) << which;
    EXPECT_EQ(results.error().code, Code::missing) << which;
  }
  world.run(with(override_text));
  EXPECT_FALSE(world.client().why("border/mean", "bytes_mean", *parse_time("2007-09-22T05"), "r9"));
  const auto why = world.client().why("border/mean", "bytes_mean", *parse_time("2007-09-22T05"), "last");
  ASSERT_TRUE(why) << why.error().message;
  EXPECT_EQ((*why)["overrides"], json{override_text});
}

TEST_F(WhatIf, AChangedManifestIsShownWhenItsResultsAreComplete) {
  world.run(plain);
  const auto mean = blobs_of(world, "border/mean");
  const auto tables = files_in(world, "tables");
  ASSERT_TRUE(world.client().submit(changed_manifest()));
  world.work_once();  // the listing
  world.work_once();  // the first block
  EXPECT_EQ(blobs_of(world, "border/mean"), mean);
  EXPECT_EQ(files_in(world, "tables"), tables);
  const auto results = world.client().results("border/mean", {});
  EXPECT_NE((*results)["note"].get<std::string>().find("request r2 (RUNNING)"), std::string::npos) << *results;
  EXPECT_LT(blobs_of(world, "border/mean", "r2").size(), 4u);
  ASSERT_TRUE(world.client().cancel("r2"));
  EXPECT_EQ(blobs_of(world, "border/mean"), mean);
  EXPECT_EQ(files_in(world, "tables"), tables);
  EXPECT_NE((*world.client().results("border/mean", {}))["note"].get<std::string>().find("(CANCELLED)"), std::string::npos);
  EXPECT_EQ(world.run(changed_manifest())["state"], "COMPLETE");
  EXPECT_NE(blobs_of(world, "border/mean"), mean);
  EXPECT_FALSE((*world.client().results("border/mean", {})).contains("note"));
  EXPECT_EQ(files_in(world, "tables/border/mean").size(), 4u);
  EXPECT_NE(files_in(world, "tables"), tables);
  EXPECT_FALSE(fs::exists(world.folder.path() / "state/switching"));
  world.run(plain);
  EXPECT_EQ(blobs_of(world, "border/mean"), mean) << "back to the old manifest";
}

TEST_F(WhatIf, AnEarlierRequestDoesNotReplaceALaterOne) {
  world.run(plain);
  const auto mean = blobs_of(world, "border/mean");
  ASSERT_TRUE(world.client().submit(changed_manifest()));
  ASSERT_TRUE(world.client().submit(plain));
  world.work();
  EXPECT_EQ(world.request("r2")["state"], "COMPLETE");
  EXPECT_EQ(blobs_of(world, "border/mean"), mean) << "the manifest of r3 was submitted last";
}

TEST_F(WhatIf, AChangedManifestThatFailsTakesNothingAway) {
  world.run(plain);
  const auto before = world.catalogue();
  const auto tables = files_in(world, "tables");
  ASSERT_TRUE(world.client().submit(changed_manifest()));
  fail_means();
  EXPECT_EQ(world.request("r2")["state"], "FAILED");
  EXPECT_EQ(world.catalogue(), before);
  EXPECT_EQ(files_in(world, "tables"), tables);
  world.reopen();
  EXPECT_EQ(files_in(world, "tables"), tables);
}

TEST_F(WhatIf, AChangedManifestIsShownWhenOnlyFilesAreAwaited) {
  world.run(plain);
  const auto mean = blobs_of(world, "border/mean");
  auto standing = changed_manifest();
  standing.range.to = *parse_time("2007-09-23");
  EXPECT_EQ(world.run(standing)["state"], "WAITING");
  EXPECT_NE(blobs_of(world, "border/mean"), mean);
}

}  // namespace
}  // namespace mole::test
