#include "coordinator/store/store.hpp"
#include "coordinator/store/blobs.hpp"
#include "coordinator/store/keys.hpp"
#include "coordinator/store/records.hpp"
#include "coordinator/views/views.hpp"
#include "sdk/model/durable_file.hpp"
#include "tests/coordinator/world.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <set>
#include <thread>

namespace mole::test {
namespace {

namespace fs = std::filesystem;
using namespace coordinator::store;
using coordinator::views::TableLinks;

std::unique_ptr<Store> open_store(const fs::path& dir) {
  auto opened = Store::open(dir, {.create = true, .failed = {}});
  EXPECT_TRUE(opened) << opened.error().message;
  return opened ? std::move(*opened) : nullptr;
}

TEST(Store, KeepsCommittedRowsAndCountsOpens) {
  TempFolder folder;
  {
    const auto store = open_store(folder.path() / "db");
    EXPECT_EQ(store->epoch(), 1u);
    Batch batch;
    batch.put(Table::requests, keys::number(1), "one");
    batch.put(Table::nodes, keys::number(1), "node");
    store->commit(batch);
  }
  const auto store = open_store(folder.path() / "db");
  EXPECT_EQ(store->epoch(), 2u);
  EXPECT_EQ(store->get(Table::requests, keys::number(1)), "one");
  EXPECT_EQ(store->get(Table::events, keys::number(1)), std::nullopt);
}

TEST(Store, IsNotCreatedUnlessRequested) {
  TempFolder folder;
  const auto opened = Store::open(folder.path() / "db", {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::missing);
  EXPECT_FALSE(fs::exists(folder.path() / "db"));
}

TEST(Store, RejectsAnEarlierAndALaterSchema) {
  TempFolder folder;
  for (const char* schema : {"2", "4"}) {
    const auto dir = folder.path() / schema;
    {
      const auto store = open_store(dir);
      Batch batch;
      batch.put(Table::meta, "schema", schema);
      store->commit(batch);
    }
    const auto opened = Store::open(dir, {.create = true, .failed = {}});
    ASSERT_FALSE(opened) << schema;
    EXPECT_EQ(opened.error().code, Code::unsupported);
    EXPECT_NE(opened.error().message.find("has schema " + std::string(schema)), std::string::npos) << opened.error().message;
  }
}

TEST(Store, ScansInBlockOrder) {
  TempFolder folder;
  const auto store = open_store(folder.path() / "db");
  Records records(*store);
  const auto a = digest_of(std::string_view("a")), b = digest_of(std::string_view("b"));
  Batch batch;
  for (const Micros from : {5 * hour_us, -3 * hour_us, 0 * hour_us, 9 * hour_us}) {
    CatalogueRow row;
    row.rows = static_cast<std::uint64_t>(from / hour_us + 10);
    row.holders = {3, 70000};
    records.put(batch, a, from, row);
    records.put(batch, b, from, row);
  }
  store->commit(batch);
  std::vector<Micros> seen;
  records.scan_catalogue(a, {-3 * hour_us, 9 * hour_us}, [&](Micros from, const CatalogueRow& row) {
    seen.push_back(from / hour_us);
    EXPECT_EQ(row.rows, static_cast<std::uint64_t>(from / hour_us + 10));
    EXPECT_EQ(row.holders, (std::vector<std::uint32_t>{3, 70000}));
  });
  EXPECT_EQ(seen, (std::vector<Micros>{-3, 0, 5}));
}

TEST(Rows, RoundTripAndRejectTruncatedBytes) {
  CatalogueRow row;
  row.state_key = digest_of(std::string_view("1"));
  row.rows_blob = digest_of(std::string_view("2"));
  row.coverage = 0.25;
  row.holders = {7};
  const auto bytes = encode(row);
  EXPECT_EQ(describe(*decode_catalogue(bytes)), describe(row));
  EXPECT_EQ(holder_at(decode_keys(bytes)->holders, 0), 7u);
  FileRow file;
  file.size = 5;
  file.version = "v";
  file.state = task::FileState::damaged;
  file.gone = true;
  EXPECT_EQ(describe(*decode_file(encode(file))), describe(file));
  for (std::size_t n = 0; n < bytes.size() - 4; ++n) EXPECT_FALSE(decode_catalogue(bytes.substr(0, n))) << n;
  const auto file_bytes = encode(file);
  const auto earlier = file_bytes.size() - 6;  // a row of the earlier layout
  EXPECT_EQ(describe(*decode_file(file_bytes.substr(0, earlier))), describe(file));
  for (std::size_t n = 0; n < file_bytes.size(); ++n)
    if (n != earlier) EXPECT_FALSE(decode_file(file_bytes.substr(0, n))) << n;
  LeaseRow lease{"node", "incarnation", 3, 4, task::Kind::merge, 5, 6, -7, {8, 9}, {}};
  for (std::uint32_t i = 0; i < 2; ++i)
    lease.steps.push_back({i, i == 0, i != 0, digest_of("f"), digest_of("s"), digest_of("r")});
  EXPECT_EQ(describe(*decode_lease(encode(lease))), describe(lease));
  EXPECT_EQ(describe(lease)["kind"], "merge");
  EXPECT_EQ(describe(lease)["steps"][1]["make_result"], true);
  for (std::size_t n = 0; n < encode(lease).size(); ++n) {
    const auto cut = decode_lease(encode(lease).substr(0, n));
    EXPECT_TRUE(!cut || cut->steps.size() < 2) << n;
  }
}

TEST(Envelope, DetectsEveryFlippedBitAndADifferentKey) {
  const std::string key = "key", payload = "payload";
  const auto sealed = seal_value(key, payload);
  EXPECT_EQ(unseal_value(key, sealed), payload);
  EXPECT_FALSE(unseal_value("kez", sealed));
  EXPECT_FALSE(unseal_value(key, sealed.substr(0, 4)));
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    auto broken = sealed;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(unseal_value(key, broken)) << bit;
  }
}

// Starts four threads that each commit rows 0, 1, 2, ... and acknowledge each number after the row is durable.
[[noreturn]] void commit_until_killed(const fs::path& dir, int acks) {
  auto opened = Store::open(dir, {.create = true, .failed = {}});
  if (!opened) ::_exit(2);
  auto& store = **opened;
  std::vector<std::thread> writers;
  for (std::uint64_t w = 0; w < 4; ++w)
    writers.emplace_back([&store, w, acks] {
      std::uint64_t next = 0;
      store.scan_prefix(Table::catalogue, keys::number(w), [&](std::string_view key, std::string_view) {
        next = keys::read_u64(key.substr(8)) + 1;
        return true;
      });
      for (;; ++next) {
        const auto key = keys::number(w) + keys::number(next);
        Batch batch;
        batch.put(Table::catalogue, key, "row");
        batch.put(Table::lineage, key, "of the same batch");
        store.commit(batch);
        const std::uint64_t ack[2] = {w, next};
        if (::write(acks, ack, sizeof ack) != sizeof ack) ::_exit(3);
      }
    });
  for (auto& w : writers) w.join();
  ::_exit(0);
}

// Kills the process once RocksDB has created CURRENT, a little later each time.
TEST(Store, OpensAfterACrashDuringCreation) {
  TempFolder folder;
  for (int run = 0; run < 20; ++run) {
    const auto dir = folder.path() / std::to_string(run) / "db";
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(Store::open(dir, {.create = true, .failed = {}}) ? 0 : 1);
    while (!fs::exists(dir / "CURRENT") && ::waitpid(child, nullptr, WNOHANG) == 0) ::usleep(100);
    ::usleep(static_cast<useconds_t>(run) * 500);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto store = open_store(dir);
    ASSERT_TRUE(store);
    for (std::size_t table = 0; table < table_names().size(); ++table) {
      Batch batch;
      batch.put(static_cast<Table>(table), "key", "value");
      store->commit(batch);
      EXPECT_EQ(store->get(static_cast<Table>(table), "key"), "value");
    }
  }
}

TEST(Store, KeepsEverythingAcknowledgedWhenKilled) {
  TempFolder folder;
  const auto dir = folder.path() / "db";
  std::mt19937_64 random(4);
  std::map<std::uint64_t, std::uint64_t> acknowledged;
  for (int run = 0; run < 10; ++run) {
    int acks[2];
    ASSERT_EQ(::pipe(acks), 0);
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(acks[0]);
      commit_until_killed(dir, acks[1]);
    }
    ::close(acks[1]);
    std::uint64_t ack[2];
    auto left = 20 + random() % 400;
    while (left-- > 0 && ::read(acks[0], ack, sizeof ack) == sizeof ack)
      acknowledged[ack[0]] = std::max(acknowledged[ack[0]], ack[1]);
    ::kill(child, SIGKILL);
    while (::read(acks[0], ack, sizeof ack) == sizeof ack) acknowledged[ack[0]] = std::max(acknowledged[ack[0]], ack[1]);
    ::close(acks[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "run " << run << " was not killed; status " << status;
  }
  const auto store = open_store(dir);
  for (const auto& [writer, last] : acknowledged) {
    std::uint64_t rows = 0, lineages = 0;
    store->scan_prefix(Table::catalogue, keys::number(writer), [&](std::string_view key, std::string_view) {
      EXPECT_EQ(keys::read_u64(key.substr(8)), rows);  // no gap
      ++rows;
      lineages += store->get(Table::lineage, key).has_value();
      return true;
    });
    EXPECT_GT(rows, last);
    EXPECT_EQ(lineages, rows);  // no partial batch
  }
}

TEST(Blobs, AppearOnlyWhenComplete) {
  TempFolder folder;
  auto blobs = Blobs::open(folder.path());
  ASSERT_TRUE(blobs);
  const std::string bytes = "0123456789";
  const auto digest = digest_of(std::string_view(bytes));
  EXPECT_EQ(*blobs->put(digest, 0, "0123", 10), 4u);
  EXPECT_FALSE(blobs->has(digest));
  EXPECT_EQ(*blobs->put(digest, 8, "89", 10), 4u);    // a piece is missing: continue at 4
  EXPECT_EQ(*blobs->put(digest, 0, "0123", 10), 4u);  // a repeated piece
  EXPECT_EQ(*blobs->put(digest, 2, "2345", 10), 6u);  // overlaps bytes already stored
  EXPECT_EQ(*blobs->put(digest, 6, "6789", 10), 10u);
  EXPECT_TRUE(blobs->has(digest));
  EXPECT_EQ(*blobs->put(digest, 0, "0123", 10), 10u);
  EXPECT_EQ(*blobs->get(digest, 3, 4), "3456");
  EXPECT_EQ(*blobs->get(digest, 10, 4), "");
  EXPECT_EQ(blobs->get(digest_of(std::string_view("x")), 0, 4).error().code, Code::missing);
}

TEST(Blobs, RejectBytesWithADifferentDigest) {
  TempFolder folder;
  auto blobs = Blobs::open(folder.path());
  const auto digest = digest_of(std::string_view("right"));
  EXPECT_EQ(blobs->put(digest, 0, "wrong", 5).error().code, Code::corrupt);
  EXPECT_FALSE(blobs->has(digest));
  EXPECT_EQ(*blobs->put(digest, 0, "right", 5), 5u);
  EXPECT_FALSE(blobs->put(digest_of(std::string_view("y")), 0, "too long", 3));
  EXPECT_EQ(*blobs->put(digest_of(std::string_view("")), 0, "", 0), 0u);
  EXPECT_TRUE(blobs->has(digest_of(std::string_view(""))));
}

// A sync that needs the folder fails while the folder is away.
TEST(Blobs, OfAnEarlierProcessAreSyncedOnce) {
  TempFolder folder;
  const auto digest = digest_of(std::string_view("bytes"));
  const auto file = folder.path() / "file";
  ASSERT_TRUE(write_file(file, "bytes"));
  ASSERT_TRUE(Blobs::open(folder.path() / "blobs")->put(digest, 0, "bytes", 5));
  for (const bool imported : {false, true}) {
    auto blobs = Blobs::open(folder.path() / "blobs");
    const auto place = blobs->path_of(digest).parent_path(), away = folder.path() / "away";
    const auto syncs_without_the_folder = [&] {
      EXPECT_TRUE(imported ? static_cast<bool>(blobs->import(digest, file))
                           : static_cast<bool>(blobs->put(digest, 0, "bytes", 5)));
      fs::rename(place, away);
      const bool done = static_cast<bool>(blobs->sync());
      fs::rename(away, place);
      return done;
    };
    EXPECT_FALSE(syncs_without_the_folder());
    EXPECT_TRUE(blobs->sync());
    EXPECT_TRUE(syncs_without_the_folder());
  }
}

TEST(TableLinks, ReplacesLinksAndRemovesOtherBlocks) {
  TempFolder folder;
  auto blobs = Blobs::open(folder.path() / "blobs");
  TableLinks tables(folder.path() / "tables", *blobs);
  const auto one = digest_of(std::string_view("one")), two = digest_of(std::string_view("two"));
  ASSERT_TRUE(blobs->put(one, 0, "one", 3));
  ASSERT_TRUE(blobs->put(two, 0, "two", 3));
  ASSERT_TRUE(tables.link("p/m", 0, one));
  ASSERT_TRUE(tables.link("p/m", 0, one));
  ASSERT_TRUE(tables.link("p/m", 0, two));
  EXPECT_EQ(*read_file(tables.path_of("p/m", 0)), "two");
  EXPECT_EQ(TableLinks::file_of(1190484000 * second_us), "block_date=2007-09-22/20070922T180000Z.parquet");
  ASSERT_TRUE(tables.link_exactly("p/m", {{day_us, one}}));
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path() / "tables")) files += entry.is_regular_file();
  EXPECT_EQ(files, 1u);
  EXPECT_FALSE(fs::exists(tables.path_of("p/m", 0).parent_path()));
}

}  // namespace
}  // namespace mole::test
