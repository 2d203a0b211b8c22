// Several files of one router and start time in a task.
#include "tests/task/task_fixture.hpp"

#include <algorithm>

namespace mole::runtime::testing {
namespace {

constexpr Micros hour = Micros{1190487600} * second_us;
constexpr auto name = "19991_00040895_1190487600.dat.bz2";

class Duplicates : public ::testing::Test {
 protected:
  Duplicates() {
    if (!have_captures()) return;
    fs::create_directories(folder.path() / "copy");
    fs::copy_file(data_folder() / "archive" / name, folder.path() / name);
    fs::copy_file(data_folder() / "archive" / name, folder.path() / "copy" / name);
  }

  void change_copy() {
    std::fstream file(folder.path() / "copy" / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1000);
    file.write("other", 5);
  }

  // The task over the hour, with the copy beside the file.
  task::Spec with_copy(const ArchiveTask& archive, std::vector<task::Step> steps) const {
    auto spec = archive.spec({hour, hour + hour_us}, std::move(steps));
    EXPECT_EQ(spec.files.size(), 1u);
    auto copy = spec.files[0];
    copy.id = std::string("copy/") + name;
    spec.files.push_back(copy);
    return spec;
  }

  TempFolder folder;
};

TEST_F(Duplicates, FilesOfEqualContentCountOnce) {
  if (!have_captures()) return;
  ArchiveTask archive(folder.path());
  const auto step = archive.flows_step("traffic", 15 * minute_us);
  const auto alone = archive.run(archive.spec({hour, hour + hour_us}, {step}));
  const auto both = archive.run(with_copy(archive, {step}));
  EXPECT_EQ(difference(*alone.steps.at(0).rows, *both.steps.at(0).rows), "");
  ASSERT_EQ(both.files.size(), 2u);
  EXPECT_EQ(both.files[0].state, task::FileState::sound);
  EXPECT_EQ(both.files[1].state, task::FileState::duplicate);
  EXPECT_EQ(both.files[1].digest, both.files[0].digest);
  EXPECT_EQ(both.steps.at(0).report.lineage["files"][1]["state"], "duplicate");
}

// A copy whose name states a different time within the time of the file.
TEST_F(Duplicates, OverlappingFilesOfEqualContentCountOnce) {
  if (!have_captures()) return;
  ArchiveTask archive(folder.path());
  const auto step = archive.flows_step("traffic", 15 * minute_us);
  const auto alone = archive.run(archive.spec({hour, hour + hour_us}, {step}));
  for (const Micros shift : {5 * minute_us, 30 * minute_us, 59 * minute_us}) {
    auto spec = with_copy(archive, {step});
    spec.files[1].covers = {hour + shift, hour + shift + hour_us};
    const auto both = archive.run(spec);
    EXPECT_EQ(difference(*alone.steps.at(0).rows, *both.steps.at(0).rows), "") << shift;
    ASSERT_EQ(both.files.size(), 2u);
    EXPECT_EQ(both.files[1].state, task::FileState::duplicate);
  }
  change_copy();
  ArchiveTask changed(folder.path());
  auto spec = with_copy(changed, {step});
  spec.files[1].covers = {hour + 30 * minute_us, hour + 30 * minute_us + hour_us};
  const auto both = changed.run(spec);
  ASSERT_EQ(both.files.size(), 2u);
  EXPECT_NE(both.files[1].state, task::FileState::duplicate);
  EXPECT_EQ(both.steps.at(0).report.outcome, task::Outcome::done) << "files that overlap may have different content";
}

TEST_F(Duplicates, DifferentContentFailsTheReaders) {
  if (!have_captures()) return;
  change_copy();
  ArchiveTask archive(folder.path());
  const auto sink = archive.run(with_copy(archive, {archive.flows_step("traffic", 15 * minute_us)}));
  const auto& report = sink.steps.at(0).report;
  EXPECT_EQ(report.outcome, task::Outcome::failed);
  EXPECT_EQ(report.code, task::FailureCode::invalid);
  EXPECT_NE(report.message.find(std::string("router 19991 has two files for 2007-09-22T19:00:00Z with different content: ") +
                                name + " and copy/" + name),
            std::string::npos)
      << report.message;
  ASSERT_EQ(sink.files.size(), 2u);
  EXPECT_NE(sink.files[0].digest, sink.files[1].digest);  // so that the next plan knows
}

TEST_F(Duplicates, AllAreReadIfThePolicySaysSo) {
  if (!have_captures()) return;
  ArchiveTask archive(folder.path());
  auto spec = with_copy(archive, {archive.flows_step("traffic", 15 * minute_us)});
  spec.archive->duplicates = mole::Duplicates::all;
  const auto sink = archive.run(spec);
  ASSERT_EQ(sink.files.size(), 2u);
  EXPECT_EQ(sink.files[1].state, task::FileState::sound);
  EXPECT_EQ(sink.files[1].flows, sink.files[0].flows);
}

TEST_F(Duplicates, VerifyingReadsDifferentFiles) {
  if (!have_captures()) return;
  change_copy();
  ArchiveTask archive(folder.path());
  auto spec = with_copy(archive, {});
  spec.kind = task::Kind::verify;
  const auto sink = archive.run(spec);
  ASSERT_EQ(sink.files.size(), 2u);
  EXPECT_EQ(sink.files[0].state, task::FileState::sound);
  EXPECT_TRUE(is_faulty(sink.files[1].state));  // the change damages a bzip2 block
}

}  // namespace
}  // namespace mole::runtime::testing
