#include "nodes/daemon/outbox.hpp"

#include "tests/nodes/fake_coordinator.hpp"
#include "tests/support/eventually.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace mole::nodes {
namespace {

namespace fs = std::filesystem;
using testing::eventually;
using testing::FakeCoordinator;

class OutboxTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder()); }
  fs::path folder() const { return coordinator.folder / "finished"; }
  std::unique_ptr<Outbox> open(const std::string& incarnation = "run-1") {
    return std::make_unique<Outbox>(folder(), *coordinator.client, "node", incarnation);
  }
  FinishedTask finished(const std::string& id, const std::string& rows) {
    FinishedTask out;
    out.spec.id = out.report.task = id;
    out.report.steps.emplace_back();
    out.report.steps[0].outcome = task::Outcome::done;
    out.report.steps[0].rows_blob = digest_of(rows);
    const auto file = coordinator.folder / ("rows-" + id);
    std::ofstream(file, std::ios::binary) << rows;
    out.blobs[digest_of(rows)] = file;
    return out;
  }
  FakeCoordinator coordinator;
};

TEST_F(OutboxTest, UploadsCompletesAndRemoves) {
  const std::string rows(2'500'000, 'r');
  auto outbox = open();
  ASSERT_TRUE(outbox->add(finished("1-1", rows)));
  EXPECT_EQ(outbox->held(), std::vector<std::string>{"1-1"});
  EXPECT_EQ(coordinator.completed(), 0u) << "nothing is sent before the node is registered";
  outbox->start();
  EXPECT_TRUE(outbox->flush());
  EXPECT_EQ(coordinator.blobs[digest_of(rows)], rows);
  ASSERT_EQ(coordinator.completed(), 1u);
  EXPECT_EQ(coordinator.completion().node, "node");
  EXPECT_EQ(coordinator.completion().incarnation, "run-1");
  EXPECT_EQ(coordinator.completion().report.steps[0].rows_blob, digest_of(rows));
  EXPECT_TRUE(outbox->held().empty());
  EXPECT_TRUE(fs::is_empty(folder()));
}

TEST_F(OutboxTest, SendsInBatches) {
  auto outbox = open();
  for (int i = 0; i < 250; ++i) ASSERT_TRUE(outbox->add(finished("1-" + std::to_string(i), std::to_string(i))));
  outbox->start();
  EXPECT_TRUE(outbox->flush());
  EXPECT_EQ(coordinator.completed(), 250u);
}

TEST_F(OutboxTest, SendsTasksOfAnEarlierRun) {
  {
    auto outbox = open();
    ASSERT_TRUE(outbox->add(finished("1-1", "rows")));
  }
  fs::create_directories(folder() / ".tmp.1-2");  // the daemon crashed while writing
  auto outbox = open("run-2");
  EXPECT_TRUE(outbox->held().empty()) << "not a task of this run";
  outbox->start();
  EXPECT_TRUE(outbox->flush());
  ASSERT_EQ(coordinator.completed(), 1u);
  EXPECT_EQ(coordinator.completion().spec.id, "1-1");
  EXPECT_EQ(coordinator.completion().incarnation, "run-2");
  EXPECT_EQ(coordinator.blobs[digest_of("rows")], "rows");
  EXPECT_TRUE(fs::is_empty(folder()));
}

TEST_F(OutboxTest, StoresTasksWhileTheCoordinatorIsUnreachable) {
  auto outbox = open();
  coordinator.stop();
  outbox->start();
  ASSERT_TRUE(outbox->add(finished("1-1", "rows")));
  EXPECT_FALSE(outbox->flush());
  EXPECT_EQ(outbox->held().size(), 1u);
  coordinator.start();
  EXPECT_TRUE(eventually([&] { return coordinator.completed() == 1; }));
}

TEST_F(OutboxTest, RemovesOnlyCancelledTasks) {
  auto outbox = open();
  ASSERT_TRUE(outbox->add(finished("1-1", "a")));
  ASSERT_TRUE(outbox->add(finished("1-2", "b")));
  outbox->remove("1-1");
  outbox->remove("../..");
  outbox->start();
  EXPECT_TRUE(outbox->flush());
  ASSERT_EQ(coordinator.completed(), 1u);
  EXPECT_EQ(coordinator.completion().spec.id, "1-2");
  EXPECT_TRUE(fs::exists(coordinator.folder.path()));
}

TEST_F(OutboxTest, ReportsAFailureWhenABlobIsRejected) {
  coordinator.put_error = corrupt("the digest does not match");
  auto outbox = open();
  ASSERT_TRUE(outbox->add(finished("1-1", "rows")));
  outbox->start();
  EXPECT_TRUE(outbox->flush());
  ASSERT_EQ(coordinator.completed(), 1u);
  EXPECT_EQ(coordinator.completion().report.code, task::FailureCode::internal);
  EXPECT_TRUE(coordinator.completion().report.steps.empty());
}

TEST_F(OutboxTest, ReportsAFailureWhenAReportIsTooLarge) {
  auto large = finished("1-1", "a");
  large.report.log_tail.assign(5u << 20, 'l');
  auto outbox = open();
  ASSERT_TRUE(outbox->add(large));
  ASSERT_TRUE(outbox->add(finished("1-2", "b")));
  outbox->start();
  EXPECT_TRUE(outbox->flush());
  ASSERT_EQ(coordinator.completed(), 2u);
  EXPECT_EQ(coordinator.completion(0).report.code, task::FailureCode::exhausted);
  EXPECT_NE(coordinator.completion(0).report.message.find("use shorter blocks"), std::string::npos);
  EXPECT_EQ(coordinator.completion(1).report.code, task::FailureCode::none);
}

TEST_F(OutboxTest, DeliversTheOthersWhenOneReportIsRejected) {
  const auto bad = [](const auto& all) {
    return std::any_of(all.begin(), all.end(), [](const auto& c) { return c.spec.id == "1-1"; });
  };
  coordinator.complete_error.emplace(bad, invalid("no such task"));
  auto outbox = open();
  ASSERT_TRUE(outbox->add(finished("1-1", "a")));
  ASSERT_TRUE(outbox->add(finished("1-2", "b")));
  outbox->start();
  EXPECT_TRUE(outbox->flush());
  ASSERT_EQ(coordinator.completed(), 1u);
  EXPECT_EQ(coordinator.completion().spec.id, "1-2");
}

TEST_F(OutboxTest, ReportsAFailureWhenTheResultCannotBeStored) {
  auto outbox = open();
  auto lost = finished("1-1", "rows");
  fs::remove(lost.blobs.begin()->second);
  const auto stored = outbox->add(lost);
  ASSERT_FALSE(stored);
  outbox->add_failure(lost, stored.error());
  outbox->start();
  EXPECT_TRUE(outbox->flush());
  ASSERT_EQ(coordinator.completed(), 1u);
  EXPECT_EQ(coordinator.completion().report.code, task::FailureCode::exhausted);
}

TEST_F(OutboxTest, SendsALongIndexAsABlob) {
  FinishedTask listing;
  listing.spec.id = listing.report.task = "1-1";
  listing.spec.kind = task::Kind::index;
  for (int i = 0; i < 100'000; ++i)
    listing.report.index.push_back({"years/2007/router-19991/file-" + std::to_string(i), 7, "1190419200000000000", "", 0});
  {
    auto outbox = open();
    ASSERT_TRUE(outbox->add(listing));
  }
  auto outbox = open("run-2");  // stored like any other result
  outbox->start();
  EXPECT_TRUE(outbox->flush());
  ASSERT_EQ(coordinator.completed(), 1u);
  const auto report = coordinator.completion().report;
  EXPECT_EQ(report.code, task::FailureCode::none);
  EXPECT_TRUE(report.index.empty());
  const auto entries = task::parse_index(coordinator.blobs[report.index_blob]);
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 100'000u);
  EXPECT_EQ(entries->back().id, listing.report.index.back().id);
}

}  // namespace
}  // namespace mole::nodes
