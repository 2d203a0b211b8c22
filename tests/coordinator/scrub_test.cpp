// The scrub finds damage that nobody reads, and repairs it as a reader's find is repaired.
#include "coordinator/state_check.hpp"
#include "sdk/model/durable_file.hpp"
#include "tests/coordinator/world.hpp"

#include <fstream>

namespace mole::test {
namespace {

namespace fs = std::filesystem;

void flip_a_bit(const fs::path& file) {
  auto bytes = *read_file(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x40);
  std::ofstream(file, std::ios::binary) << bytes;  // the same file: a link shows it, too
}

// A finished request for four blocks of one module.
class Scrub : public ::testing::Test {
 protected:
  Scrub() {
    world_.add_files("1", 0, 9);
    run();
    before_ = world_.catalogue();
  }
  void run() { EXPECT_EQ(world_.run(world_.submission(border, "2007-09-22", "2007-09-22T08"))["state"], "COMPLETE"); }
  coordinator::ScrubReport scrub() {
    const auto report = world_.service().scrub(week_us, [&](Micros pause) {
      paused_ += pause;
      return true;
    });
    EXPECT_TRUE(report);
    return report.value_or(coordinator::ScrubReport{});
  }
  fs::path state() const { return world_.folder.path() / "state"; }
  fs::path blob(const std::string& block) {
    const auto& digest = before_.at("border/traffic@2007-09-22T" + block + ":00:00Z");
    return state() / "blobs" / digest.substr(0, 2) / digest;
  }
  fs::path table(const std::string& block) const {
    return state() / "tables/border/traffic/block_date=2007-09-22" / ("20070922T" + block + "0000Z.parquet");
  }
  fs::path linked(const std::string& block) const {
    return state() / "requests/r1/traffic/block_date=2007-09-22" / ("20070922T" + block + "0000Z.parquet");
  }
  std::set<std::string> events() {
    std::set<std::string> out;
    const auto dumped = world_.client().dump("events", "", 1000);
    for (const auto& row : (*dumped)["rows"]) out.insert(row["event"]);
    return out;
  }

  static constexpr Micros week_us = 7 * day_us;
  World world_;
  std::map<std::string, std::string> before_;
  Micros paused_ = 0;  // the clock of this world stands still, so that each pause counts from the start
};

TEST_F(Scrub, OfASoundStateFindsNothing) {
  const auto report = scrub();
  EXPECT_FALSE(report.found_damage());
  EXPECT_GE(report.blobs, 4u);
  EXPECT_GT(report.rows, 10u);
  EXPECT_GT(paused_, week_us) << "it does not read as fast as it can";
  EXPECT_TRUE(events().empty());
  world_.close();
  const auto checked = coordinator::check_state(state(), false);
  ASSERT_TRUE(checked);
  EXPECT_FALSE(checked->has_damage());
  EXPECT_TRUE(checked->wrong_links.empty());
  EXPECT_EQ(checked->scrub, report) << "it shows the last complete round";
}

TEST_F(Scrub, FindsDamagedAndMissingResultsWhichAreComputedAgain) {
  flip_a_bit(blob("02"));
  fs::remove(blob("04"));
  const auto report = scrub();
  EXPECT_EQ(report.damaged_blobs, 1u);
  EXPECT_EQ(report.lost_results, 2u);
  EXPECT_TRUE(fs::exists(state() / "blobs/.quarantine" / blob("02").filename()));
  EXPECT_TRUE(events().contains("blob damaged"));
  EXPECT_TRUE(events().contains("rows lost"));
  EXPECT_FALSE(fs::exists(table("02"))) << "no reader of the tables sees damaged rows";
  EXPECT_TRUE(fs::exists(table("06")));
  run();
  EXPECT_EQ(world_.catalogue(), before_);
  EXPECT_EQ(digest_of_file(table("02"))->hex(), blob("02").filename());
  EXPECT_EQ(scrub().damaged_blobs, 0u);
}

TEST_F(Scrub, LinksTablesAndFoldersOfRequestsAgain) {
  fs::remove(table("02"));
  fs::remove(linked("04"));
  ASSERT_TRUE(write_file(state() / "tables/border/traffic/block_date=2007-09-22/20070922T030000Z.parquet", "rows of no block"));
  fs::remove(table("06"));
  ASSERT_TRUE(write_file(table("06"), "other rows"));
  flip_a_bit(state() / "requests/r1/request.json");
  EXPECT_EQ(scrub().wrong_links, 4u);
  EXPECT_EQ(scrub().wrong_links, 0u) << "the folder of the request was written again";
  for (const auto* block : {"00", "02", "04", "06"}) {
    EXPECT_EQ(digest_of_file(table(block))->hex(), blob(block).filename());
    EXPECT_EQ(digest_of_file(linked(block))->hex(), blob(block).filename());
  }
  EXPECT_FALSE(fs::exists(state() / "tables/border/traffic/block_date=2007-09-22/20070922T030000Z.parquet"));
  EXPECT_TRUE(events().contains("links damaged"));
  EXPECT_TRUE(events().contains("request folder damaged"));
}

TEST_F(Scrub, StopsWhenItIsTold) {
  flip_a_bit(blob("02"));
  EXPECT_FALSE(world_.service().scrub(week_us, [](Micros) { return false; }));
  EXPECT_TRUE(fs::exists(blob("02")));
}

TEST_F(Scrub, IsRepeatedByTheCheckOfAStoppedState) {
  world_.close();
  fs::remove(table("02"));
  fs::remove(linked("04"));
  const auto found = coordinator::check_state(state(), false);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->has_damage());
  EXPECT_EQ(found->wrong_links.size(), 1u);
  EXPECT_EQ(found->stale_links, 1u);
  ASSERT_TRUE(coordinator::check_state(state(), true));
  EXPECT_TRUE(coordinator::check_state(state(), false)->wrong_links.empty());
  EXPECT_EQ(digest_of_file(table("02"))->hex(), blob("02").filename());
  EXPECT_EQ(digest_of_file(linked("04"))->hex(), blob("04").filename());
}

// At its end, a request looks for its results in several steps.
TEST(ManyResults, ThatAreLostAreComputedAgain) {
  World world;
  world.add_files("1", 0, 2201);
  const auto wanted = world.submission(border, "2007-09-22", "2007-12-22T16");
  EXPECT_EQ(world.run(wanted)["state"], "COMPLETE");
  const auto before = world.catalogue();
  ASSERT_EQ(before.size(), 1100u);
  for (const auto* block : {"2007-09-22T02", "2007-12-20T04"}) {
    const auto& digest = before.at(std::string("border/traffic@") + block + ":00:00Z");
    fs::remove(world.folder.path() / "state/blobs" / digest.substr(0, 2) / digest);
  }
  const auto again = world.run(wanted);
  EXPECT_EQ(again["state"], "COMPLETE");
  EXPECT_EQ(world.catalogue(), before);
  for (const auto& [job, digest] : before)
    EXPECT_TRUE(fs::exists(world.folder.path() / "state/blobs" / digest.substr(0, 2) / digest)) << job;
}

}  // namespace
}  // namespace mole::test
