// ArchiveFiles::update: the index after few changes equals the index made of all rows.
#include "coordinator/jobs/archive_files.hpp"

#include <gtest/gtest.h>

#include <random>

namespace mole::test {
namespace {

using namespace coordinator;
using jobs::ArchiveFiles;
using jobs::RowChange;

const std::string named = "{router}_{sequence}_{start:unix}.dat";
const Micros now = *parse_time("1970-02-01");

struct Rows {
  dag::Archive archive;
  jobs::FileRows rows = {};

  Rows() {
    archive.files = named;
    archive.zone = "UTC";
    archive.covers = hour_us;
  }
  jobs::ArchiveIndex index() const {
    ArchiveFiles files(archive, now);
    for (const auto& [id, row] : rows)
      if (!row.gone) files.add(id, row);
    return std::move(files).index();
  }
  RowChange set(const std::string& id, std::uint64_t size, bool gone = false) {
    RowChange change{id, std::nullopt, {}};
    if (const auto before = rows.find(id); before != rows.end()) {
      change.before = before->second;
      change.after = before->second;
    }
    change.after.size = size;
    change.after.gone = gone;
    ++change.after.revision;
    rows[id] = change.after;
    return change;
  }
  std::optional<jobs::ArchiveIndex> update(const jobs::ArchiveIndex& before, const std::vector<RowChange>& changes) const {
    return ArchiveFiles(archive, now).update(before, changes, [&](const std::string& id) -> std::optional<store::FileRow> {
      const auto row = rows.find(id);
      return row == rows.end() ? std::nullopt : std::optional(row->second);
    });
  }
};

// Everything that a plan or a query sees of an index.
std::string description(const jobs::ArchiveIndex& index) {
  std::string text = std::to_string(index.bytes()) + "\n";
  for (const auto& [file, key] : index.files())
    text += file.id + " " + std::to_string(file.size) + " " + std::to_string(file.revision) + " " +
            format_time(file.covers.from) + " " + key.hex() + "\n";
  for (const auto& router : index.routers()) {
    const auto span = index.span({router});
    text += "router " + router + " " + format_time(span->from) + " " + format_time(span->to) + "\n";
    index.slots(router, {span->from - hour_us, span->to + 2 * hour_us}, [&](std::uint32_t file, TimeRange covers) {
      text += std::to_string(file) + "@" + format_time(covers.from) + " ";
    });
  }
  for (const auto& gap : index.gaps(1000))
    text += "gap " + gap.router + " " + format_time(gap.covers.from) + " " + std::string(name_of(gap.cause)) + " " + gap.file +
            " " + std::to_string(gap.sequence.value_or(0)) + "\n";
  const auto& findings = index.findings();
  for (const auto& passed : findings.passed_over) {
    text += "passed over " + passed.reason + " " + std::to_string(passed.count);
    for (const auto& example : passed.examples) text += " " + example;
    text += "\n";
  }
  for (const auto& conflict : findings.conflicts) text += "conflict " + conflict.message + "\n";
  for (const auto& note : findings.notes) text += "note " + note + "\n";
  return text + std::to_string(findings.valid_until);
}

std::string file_name(int router, int hour) {
  return std::to_string(router) + "_" + std::to_string(hour + 1) + "_" + std::to_string(hour * 3600) + ".dat";
}

TEST(ArchiveUpdate, AddsOneFile) {
  Rows rows;
  for (int hour = 0; hour < 48; ++hour) rows.set(file_name(1, hour), 1000);
  const auto before = rows.index();
  const auto after = rows.update(before, {rows.set(file_name(1, 50), 1000)});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->files().size(), 49u);
  EXPECT_EQ(description(*after), description(rows.index()));
  EXPECT_EQ(before.files().size(), 48u) << "the earlier index has not changed";
}

TEST(ArchiveUpdate, SharesUnchangedFiles) {
  Rows rows;
  for (int hour = 0; hour < 48; ++hour) rows.set(file_name(1, hour), 1000);
  const auto before = rows.index();
  const auto after = rows.update(before, {rows.set(file_name(1, 3), 1001)});
  ASSERT_TRUE(after);
  EXPECT_EQ(&after->files()[2], &before.files()[2]);
  EXPECT_NE(&after->files()[3], &before.files()[3]);
}

TEST(ArchiveUpdate, IsLeftToAFullPassIfTheNextExampleIsNotKnown) {
  Rows rows;
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) rows.set(id, 1);
  const auto before = rows.index();
  EXPECT_FALSE(rows.update(before, {rows.set("a", 1, true)}));
}

TEST(ArchiveUpdate, IsLeftToAFullPassNearALocalTimeThatOccursTwice) {
  Rows rows;
  rows.archive.zone = "Europe/Zurich";
  rows.archive.files = "{router}_{sequence}_{start:%Y%m%d%H}.dat";
  for (const char* id : {"1_10_1969102500.dat", "1_11_1969102501.dat", "1_12_1969102502.dat"}) rows.set(id, 1);
  EXPECT_TRUE(rows.update(rows.index(), {rows.set("1_13_1969102503.dat", 1)})) << "this zone had no summer time then";
  // From 1981 on, 02:00 of the last Sunday of September occurs twice.
  Rows later;
  later.archive.zone = "Europe/Zurich";
  later.archive.files = "{router}_{sequence}_{start:%Y%m%d%H}.dat";
  const auto present = *parse_time("2000-01-01");
  const auto row_of = [&](const std::string& id) { return std::optional(later.rows.at(id)); };
  for (const char* id :
       {"1_10_1994092500.dat", "1_11_1994092501.dat", "1_12_1994092502.dat", "1_14_1994092503.dat", "1_15_1994092504.dat"})
    later.set(id, 1);
  ArchiveFiles files(later.archive, present);
  for (const auto& [id, row] : later.rows) files.add(id, row);
  const auto before = std::move(files).index();
  ASSERT_FALSE(before.findings().repeated.empty());
  const auto near = later.set("1_11_1994092501.dat", 1, true), far = later.set("1_100_1994093000.dat", 1);
  EXPECT_FALSE(ArchiveFiles(later.archive, present).update(before, {near}, row_of));
  EXPECT_TRUE(ArchiveFiles(later.archive, present).update(before, {far}, row_of));
}

// Random changes of all kinds, with every policy for several files of one time.
TEST(ArchiveUpdate, EqualsAFullPassAfterRandomChanges) {
  for (const auto policy : {Duplicates::refuse, Duplicates::newest, Duplicates::largest, Duplicates::all}) {
    std::mt19937_64 random(7);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<std::uint64_t>(n)); };
    Rows rows;
    rows.archive.duplicates = policy;
    rows.archive.minimum_size = 3;
    auto index = rows.index();
    int updated = 0;
    for (int round = 0; round < 100; ++round) {
      std::map<std::string, RowChange> changes;
      for (int n = below(4) + 1; n > 0; --n) {
        const auto kind = below(10);
        auto id = file_name(below(3), below(40));
        if (kind == 0) id = "x" + std::to_string(below(8));                                   // no file of the archive
        if (kind == 1) id = ".hidden" + std::to_string(below(3));                             // temporary
        if (kind == 2) id = file_name(1, 24 * 400 + below(3));                                // of the future
        if (kind == 3) id.insert(0, "0");                                                     // another router
        if (kind == 4) id = "1_" + std::to_string(below(3) + 60) + id.substr(id.rfind('_'));  // a second file of one time
        if (changes.contains(id)) continue;
        changes.emplace(id, rows.set(id, static_cast<std::uint64_t>(below(9)), below(3) == 0));
      }
      std::vector<RowChange> list;
      for (auto& [id, change] : changes) list.push_back(change);
      auto after = rows.update(index, list);
      updated += after.has_value();
      const auto full = rows.index();
      if (after) {
        ASSERT_EQ(description(*after), description(full)) << "round " << round << ", " << name_of(policy);
      }
      index = after ? std::move(*after) : full;
    }
    EXPECT_GT(updated, 60) << name_of(policy);
  }
}

}  // namespace
}  // namespace mole::test
