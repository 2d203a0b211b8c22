// The store after damage on disk: a log without its end, blocks and blobs with flipped bits.
#include "coordinator/state_check.hpp"
#include "coordinator/store/blobs.hpp"
#include "coordinator/store/keys.hpp"
#include "coordinator/store/records.hpp"
#include "coordinator/store/unreadable.hpp"
#include "sdk/model/durable_file.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <fstream>
#include <map>
#include <random>
#include <set>

namespace mole::test {
namespace {

namespace fs = std::filesystem;
using namespace coordinator::store;
using coordinator::check_state;
using mole::testing::TempFolder;

std::unique_ptr<Store> open_store(const fs::path& dir) {
  auto opened = Store::open(dir, {.create = true, .failed = {}});
  EXPECT_TRUE(opened) << opened.error().message;
  return opened ? std::move(*opened) : nullptr;
}

// Returns the file of the database with this extension that is largest.
fs::path largest(const fs::path& dir, const std::string& extension) {
  fs::path found;
  for (const auto& entry : fs::directory_iterator(dir))
    if (entry.path().extension() == extension && (found.empty() || entry.file_size() > fs::file_size(found)))
      found = entry.path();
  return found;
}

void flip_a_bit(const fs::path& file, double at) {
  auto bytes = *read_file(file);
  auto& byte = bytes[static_cast<std::size_t>(static_cast<double>(bytes.size()) * at)];
  byte = static_cast<char>(byte ^ 0x40);
  std::ofstream(file, std::ios::binary) << bytes;
}

std::size_t count_rows(const Store& store, Table table) {
  std::size_t count = 0;
  store.scan(table, "", "", [&](std::string_view, std::string_view) { return ++count > 0; });
  return count;
}

// A closed store with 60 requests, whose rows are in the write-ahead log.
class LostLog : public ::testing::Test {
 protected:
  LostLog() {
    const auto store = open_store(dir_);
    for (std::uint64_t number = 1; number <= 60; ++number) {
      Batch batch;
      batch.put(Table::requests, keys::number(number), std::string(3000, 'r'));
      store->commit(batch);
    }
  }
  void expect_refused(const std::string& text) const {
    const auto before = contents();
    const auto opened = Store::open(dir_, {.create = true, .failed = {}});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::corrupt);
    EXPECT_NE(opened.error().message.find(text), std::string::npos) << opened.error().message;
    EXPECT_NE(opened.error().message.find("mole state check --repair"), std::string::npos);
    EXPECT_EQ(contents(), before) << "the log is still there";
  }
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> out;
    if (!fs::exists(dir_)) return out;
    for (const auto& entry : fs::directory_iterator(dir_))
      if (entry.path().extension() == ".log" || entry.path().extension() == ".sst")
        out[entry.path().filename()] = *read_file(entry.path());
    return out;
  }
  // Opens it anyway. Returns the number of requests that are left.
  std::size_t left_after_repair() const {
    const auto opened = Store::open(dir_, {.create = true, .accept_loss = true, .failed = {}});
    EXPECT_TRUE(opened) << opened.error().message;
    EXPECT_GT((*opened)->lost_changes(), 0u);
    EXPECT_EQ((*opened)->last_request(), 60u) << "numbers are not used again";
    EXPECT_GT((*opened)->epoch(), std::uint64_t{1} << 32) << "nor are tokens of leases";
    return count_rows(**opened, Table::requests);
  }

  TempFolder folder_;
  const fs::path dir_ = folder_.path() / "db";
};

TEST_F(LostLog, IsToldIfABitFlipped) {
  flip_a_bit(largest(dir_, ".log"), 0.5);
  expect_refused("up to r60 are missing");
  const auto left = left_after_repair();
  EXPECT_GT(left, 45u) << "what follows in the same 32 KiB of the log is lost, too, but not the rest";
  EXPECT_LT(left, 60u);
  EXPECT_EQ(open_store(dir_)->lost_changes(), 0u) << "the loss was accepted";
}

TEST_F(LostLog, IsToldIfTheLogWasRemoved) {
  fs::remove(largest(dir_, ".log"));
  expect_refused("the requests after r0 up to r60 are missing");
  EXPECT_EQ(left_after_repair(), 0u);
}

TEST_F(LostLog, IsToldIfTheLogWasCut) {
  const auto log = largest(dir_, ".log");
  fs::resize_file(log, fs::file_size(log) - 1);
  expect_refused("the requests after r59 up to r60 are missing");
  EXPECT_EQ(left_after_repair(), 59u);
}

TEST_F(LostLog, IsToldIfALogInTheMiddleWasRemoved) {
  {
    const auto store = open_store(dir_);
    for (int log = 0; log < 2; ++log) {  // the events fill a log each, and are written to files, but the requests are not
      Batch batch;
      batch.put(Table::requests, keys::number(60), "latest");
      for (std::uint64_t event = 0; event < 20; ++event) batch.put(Table::events, keys::number(event), std::string(1 << 20, 'e'));
      store->commit(batch);
      batch = {};
      batch.put(Table::events, keys::number(0), "switches to the next log");
      store->commit(batch);
    }
  }
  std::set<fs::path> logs;
  for (const auto& entry : fs::directory_iterator(dir_))
    if (entry.path().extension() == ".log") logs.insert(entry.path());
  ASSERT_GE(logs.size(), 3u);
  fs::remove(*std::next(logs.begin()));
  const auto opened = Store::open(dir_, {.create = true, .failed = {}});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
  left_after_repair();
}

TEST_F(LostLog, IsToldIfTheDatabaseWasRemoved) {
  fs::remove_all(dir_);
  expect_refused("is gone, with requests up to r60");
  EXPECT_EQ(left_after_repair(), 0u);
}

TEST_F(LostLog, IsNotSuspectedAfterAnUnsyncedChange) {
  {
    const auto store = open_store(dir_);
    Batch batch;
    batch.put(Table::requests, keys::number(61), "never acknowledged");
    store->write(batch);
  }
  const auto log = largest(dir_, ".log");
  fs::resize_file(log, fs::file_size(log) - 1);
  EXPECT_EQ(count_rows(*open_store(dir_), Table::requests), 60u);
}

TEST_F(LostLog, IsNotSuspectedIfTheEvidenceIsDamagedOrOlder) {
  const auto evidence = folder_.path() / "db.acknowledged";
  for (const double at : {0.05, 0.95}) {  // either slot
    flip_a_bit(evidence, at);
    EXPECT_EQ(count_rows(*open_store(dir_), Table::requests), 60u);
  }
  fs::remove(evidence);  // a state of an earlier version
  EXPECT_EQ(count_rows(*open_store(dir_), Table::requests), 60u);
}

// A closed store with 2000 rows of lineage in a file of the database, of which one block is damaged.
class DamagedTable : public ::testing::Test {
 protected:
  void fill(Table table) {
    const auto store = open_store(dir_);
    Batch batch;
    for (std::uint64_t number = 0; number < 2000; ++number) batch.put(table, keys::number(number), test_text(number));
    for (std::uint64_t number = 0; number < 300; ++number) batch.put(Table::requests, keys::number(number + 1), "r");
    store->commit(batch);
    ASSERT_TRUE(store->flush());
  }
  static std::string test_text(std::uint64_t number) {
    std::mt19937_64 random(number);
    std::string text(500, '\0');
    for (auto& c : text) c = static_cast<char>(random());
    return text;
  }

  TempFolder folder_;
  const fs::path dir_ = folder_.path() / "db";
};

TEST_F(DamagedTable, RowsThatCannotBeReadCountAsAbsent) {
  fill(Table::lineage);
  flip_a_bit(largest(dir_, ".sst"), 0.4);
  {
    const auto store = open_store(dir_);
    const auto found = count_rows(*store, Table::lineage);
    EXPECT_LT(found, 2000u);
    EXPECT_GT(found, 1900u) << "rows after the damaged block are found";
    std::size_t read = 0;
    for (std::uint64_t number = 0; number < 2000; ++number) read += store->get(Table::lineage, keys::number(number)).has_value();
    EXPECT_LE(read - found, 1u) << "a scan does not return the first row after the damaged block";
    EXPECT_GT(store->unreadable_rows(), 0u);
    EXPECT_NE(store->check_files(), "");
    const auto checked = store->check_table(Table::lineage, true);
    ASSERT_TRUE(checked) << checked.error().message;
    EXPECT_FALSE(checked->complete);
    EXPECT_TRUE(checked->repaired);
    EXPECT_EQ(checked->rows, found);
    EXPECT_EQ(count_rows(*store, Table::lineage), found);
  }
  const auto store = open_store(dir_);
  EXPECT_EQ(store->check_files(), "") << "the damaged file is gone";
  EXPECT_EQ(count_rows(*store, Table::requests), 300u);
}

TEST_F(DamagedTable, AnswersQueriesWithAnErrorIfNoOtherTableHasTheRow) {
  fill(Table::files);
  flip_a_bit(largest(dir_, ".sst"), 0.4);
  const auto store = open_store(dir_);
  const AnsweringReads reads;
  try {
    count_rows(*store, Table::files);
    FAIL() << "unreadable rows count as absent";
  } catch (const UnreadableRow& row) {
    EXPECT_NE(std::string(row.what()).find("table files"), std::string::npos) << row.what();
    EXPECT_NE(std::string(row.what()).find("mole state check --repair"), std::string::npos) << row.what();
  }
  EXPECT_TRUE(store->get(Table::requests, keys::number(1)).has_value());
}

TEST_F(DamagedTable, OfRequestsIsRepairedAndTheLostOnesAreNamed) {
  {
    const auto store = open_store(dir_);
    Batch batch;
    for (std::uint64_t number = 1; number <= 400; ++number) batch.put(Table::requests, keys::number(number), test_text(number));
    store->commit(batch);
    ASSERT_TRUE(store->flush());
  }
  flip_a_bit(largest(dir_, ".sst"), 0.4);
  const auto found = check_state(folder_.path(), false);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->has_damage());
  const auto repaired = check_state(folder_.path(), true);
  ASSERT_TRUE(repaired) << repaired.error().message;
  const auto lost = repaired->lost_requests.size();
  EXPECT_GT(lost, 0u);
  EXPECT_LT(lost, 50u);
  EXPECT_FALSE(check_state(folder_.path(), false)->has_damage());
  EXPECT_EQ(count_rows(*open_store(dir_), Table::requests), 400 - lost);
}

TEST_F(DamagedTable, AFileThatCannotBeOpenedIsLeftOutByARepair) {
  fill(Table::lineage);
  flip_a_bit(largest(dir_, ".sst"), 0.9999);  // its magic number
  const auto opened = Store::open(dir_, {.create = true, .failed = {}});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
  EXPECT_NE(opened.error().message.find("mole state check --repair"), std::string::npos) << opened.error().message;
  const auto repaired = check_state(folder_.path(), true);
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_TRUE(repaired->has_damage()) << "something is lost";
  EXPECT_FALSE(check_state(folder_.path(), false)->has_damage());
  const auto store = open_store(dir_);
  EXPECT_EQ(count_rows(*store, Table::lineage), 0u);
  EXPECT_EQ(count_rows(*store, Table::requests), 300u);
}

TEST_F(DamagedTable, ARepairMakesAListOfFilesThatCannotBeRead) {
  fill(Table::lineage);
  for (const auto& entry : fs::directory_iterator(dir_))
    if (entry.path().filename().string().starts_with("MANIFEST-")) flip_a_bit(entry.path(), 0.5);
  ASSERT_FALSE(Store::open(dir_, {.create = true, .failed = {}}));
  const auto repaired = check_state(folder_.path(), true);
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_TRUE(repaired->lost_requests.empty());
  EXPECT_FALSE(check_state(folder_.path(), false)->has_damage());
  const auto store = open_store(dir_);
  EXPECT_EQ(count_rows(*store, Table::lineage), 2000u);
  EXPECT_EQ(count_rows(*store, Table::requests), 300u);
}

TEST_F(DamagedTable, OfTheSchemaIsRefusedUntilItIsRepaired) {
  std::uint64_t epoch = 0;
  {
    const auto store = open_store(dir_);
    epoch = store->epoch();
    ASSERT_TRUE(store->flush());
  }
  flip_a_bit(largest(dir_, ".sst"), 0.02);
  const auto opened = Store::open(dir_, {.create = true, .failed = {}});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
  EXPECT_NE(opened.error().message.find("mole state check --repair"), std::string::npos) << opened.error().message;
  ASSERT_TRUE(check_state(folder_.path(), true));
  EXPECT_FALSE(check_state(folder_.path(), false)->has_damage());
  EXPECT_GT(open_store(dir_)->epoch(), epoch + 2) << "tokens of earlier starts may be used again";
}

TEST(StateCheck, ARequestWithoutItsPipelineIsLost) {
  TempFolder folder;
  const auto pipeline = digest_of(std::string_view("pipeline"));
  {
    const auto store = open_store(folder.path() / "db");
    ASSERT_TRUE(Blobs::open(folder.path() / "blobs"));
    const Records records(*store);
    Batch batch;
    for (std::uint64_t number = 1; number <= 3; ++number)
      records.put_json(batch, Table::requests, keys::number(number), {{"revision", pipeline}});
    records.put_json(batch, Table::requests, keys::number(2), {{"revision", digest_of(std::string_view("lost"))}});
    records.put_json(batch, Table::revisions, keys::bytes_of(pipeline), nlohmann::json::object());
    store->commit(batch);
  }
  const auto found = check_state(folder.path(), false);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->has_damage());
  EXPECT_EQ(found->lost_requests, std::vector<std::string>{"r2"});
  EXPECT_EQ(check_state(folder.path(), true)->lost_requests, std::vector<std::string>{"r2"});
  EXPECT_FALSE(check_state(folder.path(), false)->has_damage());
  EXPECT_EQ(count_rows(*open_store(folder.path() / "db"), Table::requests), 2u);
}

TEST(StateCheck, CreatesNoStateInAWrongFolder) {
  TempFolder folder;
  const auto found = check_state(folder.path() / "wrong", true);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::missing);
  EXPECT_FALSE(fs::exists(folder.path() / "wrong"));
}

Digest put(Blobs& blobs, const std::string& text) {
  const auto digest = digest_of(std::string_view(text));
  EXPECT_TRUE(blobs.put(digest, 0, text, text.size()));
  return digest;
}

TEST(DamagedBlob, IsMovedAwayAndCountsAsMissing) {
  TempFolder folder;
  auto blobs = Blobs::open(folder.path());
  ASSERT_TRUE(blobs);
  const auto good = put(*blobs, "good rows"), bad = put(*blobs, "other rows");
  flip_a_bit(blobs->path_of(bad), 0.5);
  EXPECT_EQ(*blobs->get(good, 0, 100), "good rows");
  const auto got = blobs->get(bad, 0, 100);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::missing);
  EXPECT_FALSE(blobs->has(bad));
  EXPECT_TRUE(fs::exists(folder.path() / ".quarantine" / bad.hex()));
  EXPECT_EQ(blobs->take_damaged(), std::vector<Digest>{bad});
  EXPECT_TRUE(blobs->take_damaged().empty());
  EXPECT_EQ(put(*blobs, "other rows"), bad);
  EXPECT_EQ(*blobs->get(bad, 0, 100), "other rows");
}

TEST(DamagedBlob, IsNoticedByTheNextReader) {
  TempFolder folder;
  auto blobs = Blobs::open(folder.path());
  ASSERT_TRUE(blobs);
  const auto blob = put(*blobs, "rows");
  fs::last_write_time(blobs->path_of(blob), fs::file_time_type::clock::now() - std::chrono::hours(1));
  for (int reader = 0; reader < 2; ++reader) EXPECT_EQ(*blobs->get(blob, 0, 100), "rows");
  flip_a_bit(blobs->path_of(blob), 0.5);
  EXPECT_FALSE(blobs->get(blob, 0, 100));
  EXPECT_FALSE(blobs->has(blob));
}

TEST(IntactBlob, IsKeptWhileNoFileCanBeOpened) {
  TempFolder folder;
  auto blobs = Blobs::open(folder.path());
  ASSERT_TRUE(blobs);
  const auto blob = put(*blobs, "rows");
  struct rlimit before {};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const struct rlimit none { 0, before.rlim_max };
  ::setrlimit(RLIMIT_NOFILE, &none);
  const auto got = blobs->get(blob, 0, 100);
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::transient) << got.error().message;
  EXPECT_TRUE(blobs->has(blob));
  EXPECT_EQ(*blobs->get(blob, 0, 100), "rows");
}

TEST(StateCheck, FindsDamagedAndMissingBlobsAndDropsTheirResults) {
  TempFolder folder;
  const auto fingerprint = digest_of(std::string_view("module"));
  std::vector<Digest> digests;
  {
    const auto store = open_store(folder.path() / "db");
    auto blobs = Blobs::open(folder.path() / "blobs");
    ASSERT_TRUE(blobs);
    const Records records(*store);
    Batch batch;
    for (int block = 0; block < 3; ++block) {
      CatalogueRow row;
      row.rows_blob = row.result_key = put(*blobs, "rows " + std::to_string(block));
      digests.push_back(row.rows_blob);
      records.put(batch, fingerprint, block * hour_us, row);
    }
    put(*blobs, "named by no row");
    store->commit(batch);
    flip_a_bit(blobs->path_of(digests[1]), 0.5);
    fs::remove(blobs->path_of(digests[2]));
  }
  const auto found = check_state(folder.path(), false);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->has_damage());
  EXPECT_EQ(found->blobs, 3u);
  EXPECT_EQ(found->unclaimed_blobs, 1u);
  EXPECT_EQ(found->damaged_blobs, std::vector<std::string>{digests[1].hex()});
  EXPECT_EQ(found->missing_blobs, std::vector<std::string>{digests[2].hex()});
  EXPECT_EQ(found->results_dropped, 2u);
  EXPECT_TRUE(check_state(folder.path(), false)->has_damage()) << "a check changes nothing";
  const auto repaired = check_state(folder.path(), true);
  ASSERT_TRUE(repaired);
  EXPECT_FALSE(repaired->has_damage());
  const auto again = check_state(folder.path(), false);
  EXPECT_FALSE(again->has_damage());
  EXPECT_EQ(again->results_dropped, 0u);
  const auto store = open_store(folder.path() / "db");
  const Records records(*store);
  EXPECT_EQ(records.catalogue(fingerprint, 0)->rows_blob, digests[0]);
  for (int block : {1, 2}) EXPECT_TRUE(records.catalogue(fingerprint, block * hour_us)->rows_blob.empty());
}

}  // namespace
}  // namespace mole::test
