#include "runtime/rows/handover.hpp"

#include "runtime/rows/frame_bytes.hpp"
#include "tests/rows/fixtures.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>

namespace mole::runtime {
namespace {

using testing::same;
using testing::slurp;
using testing::small_table;
using testing::write_bytes;

class Handover : public ::testing::Test {
 protected:
  void write(bool with_end = true) {
    const int fd = ::open((folder / "handover").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    HandoverWriter out(fd, folder.path());
    task::StepReport done;
    done.outcome = task::Outcome::done;
    done.message = "\xff";  // from a plugin
    const auto table = small_table();
    ASSERT_TRUE(out.step(0, &table, folder / "scratch/step0.state", done));
    task::FileReport file;
    file.id = "a.bz2";
    file.flows = 7;
    ASSERT_TRUE(out.file(file));
    done.outcome = task::Outcome::failed;
    done.code = task::FailureCode::invalid;
    ASSERT_TRUE(out.step(1, nullptr, std::nullopt, done));
    const task::IndexEntry entry{"a.bz2", 12, "v1", "", 0};
    ASSERT_TRUE(out.index({&entry, 1}));
    task::Report totals;
    totals.flows = 7;
    if (with_end) {
      ASSERT_TRUE(out.end(totals));
    }
    ::close(fd);
  }

  // Returns the number of frames read, and the reader's `complete` and `problem`.
  std::size_t read(std::string_view bytes) {
    write_bytes(folder / "read", bytes);
    auto in = HandoverReader::open(folder / "read", limits);
    std::size_t frames = 0;
    while (in->next()) ++frames;
    complete = in->complete();
    problem = in->problem();
    EXPECT_EQ(complete, problem.empty());
    EXPECT_FALSE(in->next());
    return frames;
  }

  testing::TempFolder folder;
  HandoverLimits limits;
  bool complete = false;
  std::string problem;
};

TEST_F(Handover, RoundTrips) {
  write();
  auto in = HandoverReader::open(folder / "handover");
  ASSERT_TRUE(in);
  const auto step = std::get<HandoverStep>(*in->next());
  EXPECT_EQ(step.outcome.outcome, task::Outcome::done);
  EXPECT_EQ(step.outcome.message, "\xef\xbf\xbd");
  EXPECT_EQ(step.state_file, "scratch/step0.state");
  EXPECT_TRUE(same(*decode_rows(*step.rows), small_table()));
  EXPECT_EQ(std::get<task::FileReport>(*in->next()).flows, 7u);
  const auto second = std::get<HandoverStep>(*in->next());
  EXPECT_EQ(second.outcome.step, 1u);
  EXPECT_FALSE(second.rows);
  EXPECT_FALSE(second.state_file);
  EXPECT_EQ(std::get<std::vector<task::IndexEntry>>(*in->next()).at(0).id, "a.bz2");
  EXPECT_EQ(std::get<task::Report>(*in->next()).flows, 7u);
  EXPECT_FALSE(in->next());
  EXPECT_TRUE(in->complete());
}

TEST_F(Handover, TruncatedKeepsCompleteFrames) {
  write();
  const auto bytes = slurp(folder / "handover");
  std::size_t before = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto frames = read(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(complete) << size;
    EXPECT_GE(frames, before);
    before = frames;
  }
  EXPECT_EQ(before, 4u);
  EXPECT_EQ(read(bytes), 5u);
  EXPECT_TRUE(complete);
}

TEST_F(Handover, WithAFlippedByteIsIncomplete) {
  write();
  const auto bytes = slurp(folder / "handover");
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const int bit : {1, 0x80}) {
      auto broken = bytes;
      broken[i] = static_cast<char>(broken[i] ^ bit);
      EXPECT_LT(read(broken), 5u) << i;
      EXPECT_FALSE(complete) << i;
    }
}

TEST_F(Handover, OfAHostileWorkerIsHarmless) {
  write();
  const auto bytes = slurp(folder / "handover");
  const std::size_t head = 16, payload = head + 24;  // of the first frame
  std::uint64_t size = 0;
  std::memcpy(&size, &bytes[head + 8], 8);
  for (std::size_t i = 0; i < size; ++i)
    for (const int value : {1, 0x40, 0xff}) {
      auto broken = bytes;
      broken[payload + i] = static_cast<char>(broken[payload + i] ^ value);
      std::string summed = broken.substr(head, 4) + broken.substr(head + 8, 8);
      const auto sum = checksum({&broken[payload], size}, checksum(summed));
      std::memcpy(&broken[head + 16], &sum, 8);
      EXPECT_LE(read(broken), 5u);
    }
}

TEST_F(Handover, OfACrashedWorkerIsIncomplete) {
  write(false);
  EXPECT_EQ(read(slurp(folder / "handover")), 4u);
  EXPECT_NE(problem.find("the end frame is missing"), std::string::npos);
  EXPECT_EQ(read(""), 0u);
  EXPECT_EQ(problem, "the handover of the worker ends early: the file is empty at byte 0");
}

TEST_F(Handover, WithBytesAfterTheEndIsIncomplete) {
  write();
  EXPECT_EQ(read(slurp(folder / "handover") + "x"), 4u);
  EXPECT_FALSE(complete);
}

TEST_F(Handover, IsReadUpToTheLimit) {
  write();
  const auto bytes = slurp(folder / "handover");
  limits.bytes = bytes.size() - 1;
  EXPECT_EQ(read(bytes), 4u);
  EXPECT_NE(problem.find("limit"), std::string::npos);
}

TEST_F(Handover, RejectsStatesOutsideTheAttempt) {
  HandoverWriter out(-1, folder.path());
  for (const auto* path : {"/etc/passwd", "../x.state", "x/../../y"})
    EXPECT_EQ(out.step(0, nullptr, folder.path() / path, {}).error().code, Code::internal);
}

TEST_F(Handover, KeepsTheStreamValidIfATableCannotBeEncoded) {
  auto table = small_table();
  std::get<0>(table.columns[1].values).pop_back();
  const int fd = ::open((folder / "handover").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  HandoverWriter out(fd, folder.path());
  EXPECT_EQ(out.step(0, &table, std::nullopt, {}).error().code, Code::invalid);
  EXPECT_TRUE(out.end({}));
  ::close(fd);
  EXPECT_EQ(read(slurp(folder / "handover")), 1u);
  EXPECT_TRUE(complete);
}

TEST(HandoverReader, RejectsAnythingButAFile) {
  const testing::TempFolder folder;
  EXPECT_EQ(HandoverReader::open(folder / "absent").error().code, Code::missing);
  EXPECT_EQ(HandoverReader::open(folder.path()).error().code, Code::missing);
  std::filesystem::create_symlink("/dev/zero", folder / "link");
  EXPECT_EQ(HandoverReader::open(folder / "link").error().code, Code::missing);
}

}  // namespace
}  // namespace mole::runtime
