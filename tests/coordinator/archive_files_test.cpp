#include "coordinator/jobs/archive_files.hpp"

#include <gtest/gtest.h>

namespace mole::test {
namespace {

using namespace coordinator;
using jobs::ArchiveFiles;

dag::Archive archive_of(const std::string& files, const std::string& zone = "UTC") {
  dag::Archive archive;
  archive.files = files;
  archive.zone = zone;
  archive.covers = hour_us;
  return archive;
}

struct Listed {
  std::string id;
  std::uint64_t size = 1000;
  std::string version = "1";
  std::string content = "";  // empty: not read yet
};

jobs::ArchiveIndex index_of(const dag::Archive& archive, const std::vector<Listed>& listed,
                            Micros now = *parse_time("2020-01-01")) {
  ArchiveFiles files(archive, now);
  for (const auto& file : listed) {
    store::FileRow row;
    row.size = file.size;
    row.version = file.version;
    if (!file.content.empty()) row.digest = digest_of(std::string_view(file.content));
    files.add(file.id, row);
  }
  return std::move(files).index();
}

// The files in order: "id@start".
std::string files_of(const jobs::ArchiveIndex& index) {
  std::string text;
  for (const auto& [file, key] : index.files())
    text += (text.empty() ? "" : " ") + file.id + "@" + format_time(file.covers.from).substr(5, 8);
  return text;
}

const std::string named = "{router}_{sequence}_{start:unix}.dat";

TEST(ArchiveFiles, SmallFilesAreGapsWithThatCause) {
  auto archive = archive_of(named);
  archive.minimum_size = 1000;
  const auto index = index_of(archive, {{"1_1_3600.dat"},
                                        {"1_2_7200.dat", 999},     // in a slot of its own
                                        {"1_4_14400.dat"},         // 10800 has no file
                                        {"1_5_18000.dat", 0},      // after the last file
                                        {"2_1_3600.dat", 10},      // a router without other files
                                        {"1_40_14400.dat", 10}});  // beside one that is large enough
  EXPECT_EQ(files_of(index), "1_1_3600.dat@01-01T01 1_4_14400.dat@01-01T04");
  const auto gaps = index.gaps(10);
  ASSERT_EQ(gaps.size(), 4u);
  EXPECT_EQ(gaps[0].file, "1_2_7200.dat");
  EXPECT_EQ(gaps[0].cause, GapCause::too_small);
  EXPECT_EQ(gaps[0].size, 999u);
  EXPECT_EQ(gaps[0].sequence, 2u);
  EXPECT_EQ(gaps[1].cause, GapCause::no_file);
  EXPECT_EQ(gaps[1].sequence, 3u);
  EXPECT_EQ(gaps[2].file, "1_5_18000.dat");
  EXPECT_EQ(gaps[3].file, "2_1_3600.dat");
  ASSERT_EQ(index.findings().passed_over.size(), 1u);
  EXPECT_EQ(index.findings().passed_over[0].count, 4u);
  archive.minimum_size = 0;
  EXPECT_EQ(index_of(archive, {{"1_2_7200.dat", 0}}).files().size(), 1u) << "the file comes back with the limit";
}

TEST(ArchiveFiles, CountsWhatIsNotAnArchiveFile) {
  const auto index = index_of(
      archive_of(named),
      {{"1_1_3600.dat"}, {"._1_1_3600.dat"}, {"x/.y/1_1_7200.dat"}, {"1_1_7200.dat.part"}, {"README"}, {"1_1_7200.dat.gz"}});
  EXPECT_EQ(index.files().size(), 1u);
  ASSERT_EQ(index.findings().passed_over.size(), 2u);
  EXPECT_EQ(
      index.findings().passed_over[0],
      (task::PassedOver{"hidden, temporary or partial name", 3, {"._1_1_3600.dat", "x/.y/1_1_7200.dat", "1_1_7200.dat.part"}}));
  EXPECT_EQ(index.findings().passed_over[1],
            (task::PassedOver{"does not match \"" + named + "\"", 2, {"README", "1_1_7200.dat.gz"}}));
  EXPECT_TRUE(index.findings().notes.empty());
}

TEST(ArchiveFiles, IgnoresFilesOfTheFuture) {
  const auto start = *parse_time("2007-09-22T12");
  const auto name = [&](int i, Micros at) { return "1_" + std::to_string(i) + "_" + std::to_string(at / second_us) + ".dat"; };
  const std::vector<Listed> listed = {
      {name(1, start)}, {name(2, start + hour_us)}, {name(3, start + 2 * day_us)}, {name(4, 253402300799 * second_us)}};
  const auto index = index_of(archive_of(named), listed, start);
  EXPECT_EQ(index.files().size(), 2u);
  EXPECT_EQ(index.span({})->to, start + 2 * hour_us);
  ASSERT_EQ(index.gaps(10).size(), 2u);
  EXPECT_EQ(index.gaps(10)[0].cause, GapCause::future);
  EXPECT_EQ(index.gaps(10)[0].file, name(3, start + 2 * day_us));
  EXPECT_EQ(index.findings().future.size(), 2u);
  EXPECT_EQ(index.findings().valid_until, start + day_us);
  ASSERT_EQ(index.findings().notes.size(), 1u);
  EXPECT_EQ(index.findings().notes[0],
            "2 files are ignored: " + name(3, start + 2 * day_us) + ": the time in its name has not come yet");
  EXPECT_EQ(index_of(archive_of(named), listed, start + day_us).files().size(), 3u);
}

// ---- several files of one router and time

const std::vector<Listed> twice = {{"a/1_1_3600.dat", 1000, "10"}, {"b/1_1_3600.dat", 1200, "7"}, {"1_2_7200.dat"}};

TEST(ArchiveFiles, RefuseDifferentFilesOfOneRouterAndTime) {
  const auto index = index_of(archive_of(named), twice);
  ASSERT_EQ(index.findings().conflicts.size(), 1u);
  const auto& conflict = index.findings().conflicts[0];
  EXPECT_TRUE(conflict.refused);
  EXPECT_EQ(conflict.from, hour_us);
  EXPECT_EQ(conflict.files, (std::vector<std::string>{"a/1_1_3600.dat", "b/1_1_3600.dat"}));
  EXPECT_EQ(conflict.message,
            "router 1 has 2 files for 1970-01-01T01:00:00Z: a/1_1_3600.dat (1000 B) and b/1_1_3600.dat (1200 B), with different "
            "content; remove all but one, or set \"duplicates\" of the archive to newest, largest or all");
}

TEST(ArchiveFiles, ChooseByPolicy) {
  auto archive = archive_of(named);
  archive.duplicates = Duplicates::newest;
  const auto newest = index_of(archive, twice);
  EXPECT_EQ(files_of(newest), "a/1_1_3600.dat@01-01T01 1_2_7200.dat@01-01T02");
  EXPECT_FALSE(newest.findings().conflicts.at(0).refused);
  archive.duplicates = Duplicates::largest;
  const auto largest = index_of(archive, twice);
  EXPECT_EQ(files_of(largest), "b/1_1_3600.dat@01-01T01 1_2_7200.dat@01-01T02");
  EXPECT_TRUE(largest.findings().conflicts.at(0).message.ends_with("; largest: b/1_1_3600.dat is used"));
  archive.duplicates = Duplicates::all;
  EXPECT_EQ(index_of(archive, twice).files().size(), 3u);
  EXPECT_TRUE(index_of(archive, twice).findings().conflicts.empty());
}

TEST(ArchiveFiles, RefuseTheNewestOfVersionsThatAreNotTimes) {
  auto archive = archive_of(named);
  archive.duplicates = Duplicates::newest;
  const auto index = index_of(archive, {{"a/1_1_0.dat", 1000, "\"etag-1\""}, {"b/1_1_0.dat", 1000, "\"etag-2\""}});
  EXPECT_TRUE(index.findings().conflicts.at(0).refused);
  EXPECT_NE(index.findings().conflicts[0].message.find("their versions are not times"), std::string::npos);
}

TEST(ArchiveFiles, ReadFilesOfTheSameSizeToCompareThem) {
  const auto unread = index_of(archive_of(named), {{"a/1_1_0.dat"}, {"b/1_1_0.dat"}});
  EXPECT_EQ(unread.files().size(), 2u);
  EXPECT_FALSE(unread.findings().conflicts.at(0).refused);
  EXPECT_NE(unread.findings().conflicts[0].message.find("of the same size"), std::string::npos);
  const auto same = index_of(archive_of(named), {{"a/1_1_0.dat", 1000, "1", "x"}, {"b/1_1_0.dat", 1000, "1", "x"}});
  EXPECT_EQ(same.files().size(), 2u);  // so that the keys do not depend on what has been read
  EXPECT_TRUE(same.findings().conflicts.at(0).message.ends_with("with the same content; it is counted once"));
  const auto other = index_of(archive_of(named), {{"a/1_1_0.dat", 1000, "1", "x"}, {"b/1_1_0.dat", 1000, "1", "y"}});
  EXPECT_TRUE(other.findings().conflicts.at(0).refused);
}

TEST(ArchiveFiles, SuspectSeveralRoutersIfThePatternHasNone) {
  const auto index =
      index_of(archive_of("nfcapd.{start:%Y%m%d%H%M}"), {{"zh/nfcapd.200709222000", 1}, {"be/nfcapd.200709222000", 2}});
  ASSERT_EQ(index.findings().conflicts.size(), 1u);
  EXPECT_NE(
      index.findings().conflicts[0].message.find("put {router} into \"files\", such as \"{router}/nfcapd.{start:%Y%m%d%H%M}\""),
      std::string::npos)
      << index.findings().conflicts[0].message;
}

// ---- the repeated hour of autumn: 02:00 to 03:00 local time on 2007-10-28 is 00:00Z to 02:00Z

TEST(ArchiveFiles, DecideARepeatedTimeByRunningNumbers) {
  const auto archive = archive_of("{sequence}.{start:%m%d%H%Y}", "Europe/Zurich");
  EXPECT_EQ(files_of(index_of(archive, {{"7.1028012007"}, {"8.1028022007"}, {"9.1028022007"}, {"10.1028032007"}})),
            "7.1028012007@10-27T23 8.1028022007@10-28T00 9.1028022007@10-28T01 10.1028032007@10-28T02");
  // One of them is missing.
  EXPECT_EQ(files_of(index_of(archive, {{"7.1028012007"}, {"9.1028022007"}, {"10.1028032007"}})),
            "7.1028012007@10-27T23 9.1028022007@10-28T01 10.1028032007@10-28T02");
  EXPECT_EQ(files_of(index_of(archive, {{"7.1028012007"}, {"8.1028022007"}, {"10.1028032007"}})),
            "7.1028012007@10-27T23 8.1028022007@10-28T00 10.1028032007@10-28T02");
  // The numbers rise, but not by one a file: their order decides.
  EXPECT_EQ(files_of(index_of(archive, {{"70.1028012007"}, {"90.1028022007"}, {"80.1028022007"}, {"99.1028032007"}})),
            "70.1028012007@10-27T23 80.1028022007@10-28T00 90.1028022007@10-28T01 99.1028032007@10-28T02");
}

TEST(ArchiveFiles, RefuseARepeatedTimeThatNothingDecides) {
  const auto numbered = archive_of("{sequence}.{start:%m%d%H%Y}", "Europe/Zurich");
  const auto plain = archive_of("nfcapd.{start:%Y%m%d%H%M}", "Europe/Zurich");
  for (const auto& index : {index_of(numbered, {{"70.1028012007"}, {"85.1028022007"}, {"99.1028032007"}}),
                            index_of(plain, {{"nfcapd.200710280100"}, {"nfcapd.200710280200"}, {"nfcapd.200710280300"}})}) {
    EXPECT_EQ(index.files().size(), 2u);
    ASSERT_EQ(index.findings().conflicts.size(), 1u);
    const auto& conflict = index.findings().conflicts[0];
    EXPECT_TRUE(conflict.refused);
    EXPECT_EQ(format_time(conflict.from) + " " + format_time(conflict.to), "2007-10-28T00:00:00Z 2007-10-28T02:00:00Z");
    EXPECT_NE(conflict.message.find("it can mean 2007-10-28T00:00:00Z or 2007-10-28T01:00:00Z"), std::string::npos)
        << conflict.message;
  }
}

TEST(ArchiveFiles, DecideRepeatedTimesOfFiveMinutes) {
  auto archive = archive_of("{router}/{sequence}.{start:%Y%m%d%H%M}", "Europe/Zurich");
  archive.covers = 5 * minute_us;
  std::vector<Listed> listed;
  const auto begin = *parse_time("2007-10-27T22:00");
  for (int i = 0; i < 72; ++i) {  // six hours, one of which has the local times of the one before
    const auto local = begin + i * archive.covers + (i < 36 ? 2 : 1) * hour_us;
    auto digits = format_time(local).substr(0, 16);
    std::erase_if(digits, [](char c) { return c < '0' || c > '9'; });
    for (const auto* router : {"a", "b"})
      if (i % 7 != 3) listed.push_back({std::string(router) + "/" + std::to_string(500 + i) + "." + digits});
  }
  std::reverse(listed.begin(), listed.end());
  const auto index = index_of(archive, listed);
  EXPECT_EQ(index.files().size(), listed.size());
  for (const auto& [file, key] : index.files())
    EXPECT_EQ(file.covers.from, begin + (static_cast<Micros>(file.sequence) - 500) * archive.covers) << file.id;
}

TEST(ArchiveFiles, KeepTheKeysOfFilesWithADefiniteTime) {
  const auto key = [](const char* from) {
    return jobs::ArchiveIndex({{"id", 1, 1, "r", 0, {*parse_time(from), *parse_time(from) + hour_us}, true, ""}}, hour_us)
        .files()[0]
        .key;
  };
  EXPECT_EQ(key("2007-10-28T00"), key("2007-10-28T00"));
  EXPECT_NE(key("2007-10-28T00"), key("2007-10-28T01"));  // the same file with the other meaning of its local time
}

}  // namespace
}  // namespace mole::test
