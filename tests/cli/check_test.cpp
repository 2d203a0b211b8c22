#include "cli/check/page.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace mole::cli {
namespace {

using coordinator::ArchiveFile;
using coordinator::ArchiveGaps;
using coordinator::DamagedFile;
using coordinator::FileState;
using coordinator::RequestStatus;

constexpr Micros start = 1190484000 * second_us;  // 2007-09-22T18:00:00Z

coordinator::manifest::Archive declared(const std::string& files = "{router}_{start:unix}", const std::string& zone = "UTC") {
  coordinator::manifest::Archive archive;
  archive.name = "a";
  archive.zone = zone;
  archive.files = *coordinator::manifest::FileNames::make({.files = files, .zone = zone});
  return archive;
}

ArchiveFile file(const std::string& router, int hour, std::uint64_t size = 1000) {
  const auto from = start + hour * hour_us;
  return {.id = router + "_" + std::to_string(from / second_us),
          .size = size,
          .router = router,
          .from = from,
          .to = from + hour_us,
          .state = FileState::sound};
}

std::vector<ArchiveFile> hours(int count) {
  std::vector<ArchiveFile> files;
  for (int hour = 0; hour < count; ++hour) files.push_back(file("7", hour));
  return files;
}

DamagedFile misplaced(int hour, Micros shift) {
  const auto from = start + hour * hour_us;
  return {.id = "7_" + std::to_string(from / second_us),
          .state = FileState::misplaced,
          .lost_compressed = {},
          .lost_content = {},
          .from = from,
          .to = from + hour_us,
          .exported_from = from + shift + second_us,
          .exported_to = from + shift + hour_us - second_us};
}

std::vector<Finding> findings_of(const std::vector<ArchiveFile>& files, const ArchiveGaps& gaps = {},
                                 const RequestStatus& contents = {}, const coordinator::manifest::Archive& archive = declared()) {
  return check_archive("p/a", archive, files, gaps, contents).findings;
}

TEST(ArchiveCheck, SummarisesRouters) {
  auto files = hours(3);
  files.push_back(file("8", 1, 500));
  const auto check = check_archive("p/a", declared(), files, {.missing = {{"7", std::nullopt, start, start + hour_us}}}, {});
  EXPECT_EQ(check.files, 4u);
  EXPECT_EQ(check.bytes, 3500u);
  EXPECT_EQ(check.from, start);
  EXPECT_EQ(check.to, start + 3 * hour_us);
  ASSERT_EQ(check.routers.size(), 2u);
  EXPECT_EQ(check.routers[0].missing, 1u);
  EXPECT_EQ(check.routers[1].from, start + hour_us);
}

TEST(ArchiveCheck, FindsNothingInACleanArchive) {
  EXPECT_TRUE(findings_of(hours(24)).empty());
  EXPECT_TRUE(findings_of({}).empty());
}

TEST(ArchiveCheck, FindsUnusualSizes) {
  auto files = hours(24);
  files[1].size = 0;
  files[2].size = 23;
  files[3].size = 199;
  files[4].size = 201;  // a fifth is not unusual
  const auto findings = findings_of(files);
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(findings[0].message, "1 file is empty");
  EXPECT_EQ(findings[1].examples, std::vector<std::string>{files[2].id + " (23 B)"});
  EXPECT_EQ(findings[2].examples, std::vector<std::string>{files[3].id + " (199 B)"});
}

TEST(ArchiveCheck, ProposesTheDistanceOfFilesAsTheirLength) {
  std::vector<ArchiveFile> files;
  for (int n = 0; n < 12; ++n) {
    files.push_back(file("7", 0));
    files.back().from += n * 5 * minute_us;
  }
  const auto findings = findings_of(files);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind, FindingKind::distance);
  EXPECT_EQ(findings[0].manifest, std::vector<std::string>{"covers: 5m"});
}

TEST(ArchiveCheck, ProposesEndsIfContentsAreOneFileEarlier) {
  const auto findings = findings_of(hours(4), {.damaged = {misplaced(0, -hour_us), misplaced(1, -hour_us)}});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].manifest, std::vector<std::string>{"files: \"{router}_{end:unix}\""});
}

TEST(ArchiveCheck, ProposesStartsIfContentsAreOneFileLater) {
  auto archive = declared("{router}_{end:unix}");
  std::vector<DamagedFile> damaged;
  for (int hour = 0; hour < 3; ++hour) {
    damaged.push_back(misplaced(hour, 0));
    damaged.back().from -= hour_us;
    damaged.back().to -= hour_us;
  }
  const auto findings = findings_of(hours(4), {.damaged = damaged}, {}, archive);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].manifest, std::vector<std::string>{"files: \"{router}_{start:unix}\""});
}

TEST(ArchiveCheck, ProposesNoReadingIfAClockIsWrong) {
  const auto findings = findings_of(hours(4), {.damaged = {misplaced(1, -start)}});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind, FindingKind::misplaced);
  EXPECT_TRUE(findings[0].manifest.empty());
}

TEST(ArchiveCheck, CollectsUnreadableFilesByReason) {
  const auto damaged = [](const char* id, FileState state, const char* reason) {
    return DamagedFile{.id = id, .state = state, .lost_compressed = {{0, 10, reason}}, .lost_content = {}};
  };
  const auto findings = findings_of(hours(4), {.damaged = {damaged("a", FileState::unreadable, "compressed with gzip"),
                                                           damaged("b", FileState::damaged, "checksum"),
                                                           damaged("c", FileState::unreadable, "compressed with gzip")}});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].kind, FindingKind::damaged);
  EXPECT_EQ(findings[0].examples, std::vector<std::string>{"b: checksum"});
  EXPECT_EQ(findings[1].message, "2 files are unreadable: compressed with gzip");
}

TEST(ArchiveCheck, ReportsLateFlowsAboveTheDeclaredShare) {
  RequestStatus contents;
  contents.delays.start = std::vector<std::uint64_t>(delay_bounds().size() + 1);
  contents.delays.end = contents.delays.start;
  contents.delays.start[0] = 970;
  contents.delays.start[delay_bounds().size() - 2] = 30;  // within 3 hours
  contents.delays.late = 20;
  EXPECT_TRUE(findings_of(hours(4), {}, contents).empty());
  contents.delays.late = 30;
  const auto findings = findings_of(hours(4), {}, contents);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind, FindingKind::late);
  EXPECT_EQ(findings[0].manifest, std::vector<std::string>{"lateness: 3h"});
}

TEST(ArchiveCheck, SeveralExportersAreAProblemOnlyWithoutRouters) {
  RequestStatus contents;
  contents.shared_files = {{"f", 2}};
  const auto with_router = findings_of(hours(4), {}, contents),
             without = findings_of(hours(4), {}, contents, declared("f.{start:unix}"));
  ASSERT_EQ(with_router.size(), 1u);
  EXPECT_FALSE(with_router[0].problem);
  ASSERT_EQ(without.size(), 1u);
  EXPECT_TRUE(without[0].problem);
}

TEST(ArchiveCheck, HiddenNamesAreNotAProblem) {
  const auto findings = findings_of(hours(4), {.passed_over = {{"hidden", 1, {"._x"}}, {"does not match", 2, {"README", "x"}}}});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_FALSE(findings[0].problem);
  EXPECT_TRUE(findings[1].problem);
}

TEST(ArchiveCheck, PrintsFindingsAndLinesForTheManifest) {
  const auto archive = declared();
  auto files = hours(8);
  files[1].size = 0;
  const auto text = check_text(check_archive("p/a", archive, files, {.damaged = {misplaced(0, -hour_us)}}, {}), archive, {});
  EXPECT_NE(text.find("p/a: 8 files, 6.8 KiB, 2007-09-22T18:00:00Z to 2007-09-23T02:00:00Z, 1h each\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("found   1 file is empty\n"), std::string::npos) << text;
  EXPECT_NE(text.find("To write into the manifest, below the archive a:\n    files: \"{router}_{end:unix}\"\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("nothing found"), std::string::npos) << text;
}

}  // namespace
}  // namespace mole::cli
