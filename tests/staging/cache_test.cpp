#include "runtime/staging/cache.hpp"

#include "runtime/staging/cache_folder.hpp"
#include "runtime/staging/cached_piece.hpp"
#include "sdk/model/durable_file.hpp"
#include "sdk/model/kept_columns.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <map>
#include <thread>

namespace mole::runtime {
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

// An in-memory archive that counts fetches.
struct Archive {
  std::map<std::string, std::string> content;
  std::atomic<int> fetches{0};

  task::File file(const std::string& id, const std::string& bytes) {
    content[id] = bytes;
    task::File f;
    f.id = id;
    f.size = bytes.size();
    f.revision = 1;
    return f;
  }
  Fetch fetch() {
    return [this](const task::File& f, const ByteSink& to) -> Result<> {
      ++fetches;
      const auto found = content.find(f.id);
      if (found == content.end()) return missing(f.id + " is not in the archive");
      return to(std::as_bytes(std::span(found->second)));
    };
  }
};

class CacheTest : public ::testing::Test {
 protected:
  Cache open(std::uint64_t limit, std::chrono::milliseconds timeout = 0ms) {
    auto cache = Cache::open(folder_, {limit, timeout});
    EXPECT_TRUE(cache) << cache.error().message;
    return std::move(*cache);
  }
  static std::string bytes_of(const Staged& staged) { return *read_file(staged.path); }
  std::size_t count(const std::string& extension) const {
    std::size_t n = 0;
    for (const auto& e : fs::directory_iterator(folder_)) n += e.path().extension() == extension;
    return n;
  }

  // The bytes in use by files and by reservations for files being fetched.
  std::uint64_t used() const {
    std::uint64_t sum = 0;
    const auto entries = cache_folder::entries(folder_);
    for (const auto& entry : *entries) sum += entry.size;
    return sum;
  }

  mole::testing::TempFolder temporary_;
  const fs::path folder_ = temporary_.path();
  Archive archive_;
};

TEST_F(CacheTest, FetchesOnce) {
  auto cache = open(1000);
  const task::File files[] = {archive_.file("a", "aaaa"), archive_.file("b", "")};
  for (int i = 0; i < 2; ++i) {
    auto staged = cache.acquire(files, "archive", archive_.fetch());
    ASSERT_TRUE(staged) << staged.error().message;
    ASSERT_EQ(staged->size(), 2u);
    EXPECT_EQ(bytes_of((*staged)[0]), "aaaa");
    EXPECT_EQ((*staged)[0].size, 4u);
    EXPECT_EQ((*staged)[0].digest, digest_of(std::string_view("aaaa")));
    EXPECT_EQ((*staged)[0].fetched, i == 0);
    EXPECT_EQ(bytes_of((*staged)[1]), "");
  }
  EXPECT_EQ(archive_.fetches, 2);
  EXPECT_EQ(used(), 4u);
}

TEST_F(CacheTest, DistinguishesRevisionsSizesAndArchives) {
  auto cache = open(1000);
  task::File file = archive_.file("a", "aaaa");
  const task::File old[] = {file};
  ASSERT_TRUE(cache.acquire(old, "archive", archive_.fetch()));
  file.revision = 2;
  archive_.content["a"] = "bbbb";
  const task::File changed[] = {file};
  auto staged = cache.acquire(changed, "archive", archive_.fetch());
  EXPECT_EQ(bytes_of((*staged)[0]), "bbbb");
  auto other = cache.acquire(changed, "other archive", archive_.fetch());
  EXPECT_EQ(archive_.fetches, 3);
}

TEST_F(CacheTest, DistinguishesVersionsOfEqualRevisions) {
  auto cache = open(1000);
  task::File file = archive_.file("a", "aaaa");
  file.version = "1190419200";
  const task::File old[] = {file};
  ASSERT_TRUE(cache.acquire(old, "archive", archive_.fetch()));
  file.version = "1190422800";  // revision 1 again, in a new store
  archive_.content["a"] = "bbbb";
  const task::File changed[] = {file};
  auto staged = cache.acquire(changed, "archive", archive_.fetch());
  ASSERT_TRUE(staged) << staged.error().message;
  EXPECT_EQ(bytes_of((*staged)[0]), "bbbb");
  EXPECT_EQ(archive_.fetches, 2);
}

// Damages the only copy in the folder.
void flip_a_bit(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".file") {
      auto bytes = *read_file(entry.path());
      bytes[bytes.size() / 2] ^= 0x40;
      std::ofstream(entry.path(), std::ios::binary) << bytes;
    }
}

TEST_F(CacheTest, ADamagedCopyIsRemovedTransferredAgainAndTold) {
  std::vector<std::string> damaged;
  auto cache = Cache::open(folder_, {.limit = 8, .damaged = [&](const task::File& f) { damaged.push_back(f.id); }});
  ASSERT_TRUE(cache);
  const task::File files[] = {archive_.file("a", "aaaaaaaa")};  // fills the cache
  ASSERT_TRUE(cache->acquire(files, "archive", archive_.fetch()));
  flip_a_bit(folder_);
  auto staged = cache->acquire(files, "archive", archive_.fetch());
  ASSERT_TRUE(staged) << staged.error().message;
  EXPECT_EQ(bytes_of((*staged)[0]), "aaaaaaaa");
  EXPECT_TRUE((*staged)[0].fetched);
  EXPECT_EQ(archive_.fetches, 2);
  EXPECT_EQ(damaged, std::vector<std::string>{"a"});
  EXPECT_EQ(used(), 8u);
}

TEST_F(CacheTest, ADamagedCopyIsNotUsedIfTheArchiveCannotDeliverTheFile) {
  auto cache = open(1000);
  const task::File files[] = {archive_.file("a", "aaaa"), archive_.file("b", "bbbb")};
  ASSERT_TRUE(cache.acquire(files, "archive", archive_.fetch()));
  flip_a_bit(folder_);
  archive_.content.erase("a");
  auto staged = cache.acquire(files, "archive", archive_.fetch());
  ASSERT_TRUE(staged) << staged.error().message;
  ASSERT_TRUE((*staged)[0].error);
  EXPECT_EQ((*staged)[0].error->code, Code::missing);
  EXPECT_EQ(bytes_of((*staged)[1]), "bbbb");
}

TEST_F(CacheTest, ADamagedCopyIsNotServedToOtherNodes) {
  auto cache = open(1000);
  const task::File files[] = {archive_.file("a", "aaaa")};
  ASSERT_TRUE(cache.acquire(files, "archive", archive_.fetch()));
  const auto name = kept_file_name(files[0], "archive");
  ASSERT_TRUE(read_cached_piece(folder_, name, 0, 100));
  flip_a_bit(folder_);
  const auto piece = read_cached_piece(folder_, name, 0, 100);
  ASSERT_FALSE(piece);
  EXPECT_EQ(piece.error().code, Code::missing);
  EXPECT_EQ(count(".file"), 0u);
}

TEST_F(CacheTest, IgnoresAbsentFiles) {
  auto cache = open(1000);
  task::File gap;
  gap.present = false;
  const task::File files[] = {gap, archive_.file("a", "aaaa")};
  auto staged = cache.acquire(files, "archive", archive_.fetch());
  ASSERT_TRUE(staged);
  EXPECT_TRUE((*staged)[0].path.empty());
  EXPECT_FALSE((*staged)[0].error);
  EXPECT_EQ(bytes_of((*staged)[1]), "aaaa");
}

TEST_F(CacheTest, TheSameFileTwiceIsFetchedOnce) {
  auto cache = open(4);
  const auto file = archive_.file("a", "aaaa");
  const task::File files[] = {file, file};
  auto staged = cache.acquire(files, "archive", archive_.fetch());
  ASSERT_TRUE(staged) << staged.error().message;
  EXPECT_EQ((*staged)[0].path, (*staged)[1].path);
  EXPECT_EQ(archive_.fetches, 1);
}

TEST_F(CacheTest, ASetLargerThanTheCacheIsRefusedWithBothSizes) {
  auto cache = open(7);
  const task::File files[] = {archive_.file("a", "aaaa"), archive_.file("b", "bbbb")};
  auto staged = cache.acquire(files, "archive", archive_.fetch());
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().code, Code::exhausted);
  EXPECT_NE(staged.error().message.find("8 bytes"), std::string::npos);
  EXPECT_NE(staged.error().message.find("7 bytes"), std::string::npos);
  EXPECT_EQ(archive_.fetches, 0);
}

TEST_F(CacheTest, EvictsTheLeastRecentlyUsedFile) {
  auto cache = open(8);
  const task::File a[] = {archive_.file("a", "aaaa")}, b[] = {archive_.file("b", "bbbb")}, c[] = {archive_.file("c", "cccc")};
  ASSERT_TRUE(cache.acquire(a, "x", archive_.fetch()));
  ASSERT_TRUE(cache.acquire(b, "x", archive_.fetch()));
  ASSERT_TRUE(cache.acquire(a, "x", archive_.fetch()));  // a is now the most recently used
  ASSERT_TRUE(cache.acquire(c, "x", archive_.fetch()));
  EXPECT_EQ(used(), 8u);
  EXPECT_FALSE((*cache.acquire(a, "x", archive_.fetch()))[0].fetched);
  EXPECT_TRUE((*cache.acquire(b, "x", archive_.fetch()))[0].fetched);
}

TEST_F(CacheTest, NeverEvictsPinnedFiles) {
  auto cache = open(8);
  const task::File a[] = {archive_.file("a", "aaaa")}, b[] = {archive_.file("b", "bbbbbbbb")};
  auto pinned = cache.acquire(a, "x", archive_.fetch());
  ASSERT_TRUE(pinned);
  auto refused = cache.acquire(b, "x", archive_.fetch());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::transient);
  EXPECT_EQ(bytes_of((*pinned)[0]), "aaaa");
  pinned = std::vector<Staged>();
  auto granted = cache.acquire(b, "x", archive_.fetch());
  ASSERT_TRUE(granted) << granted.error().message;
  EXPECT_EQ(used(), 8u);
}

TEST_F(CacheTest, EvictsNothingForASetThatDoesNotFit) {
  auto cache = open(12);
  const task::File a[] = {archive_.file("a", "aaaa")}, b[] = {archive_.file("b", "bbbb")},
                   c[] = {archive_.file("c", "cccccccccccc")};
  ASSERT_TRUE(cache.acquire(a, "x", archive_.fetch()));
  auto pinned = cache.acquire(b, "x", archive_.fetch());
  ASSERT_FALSE(cache.acquire(c, "x", archive_.fetch()));
  EXPECT_FALSE((*cache.acquire(a, "x", archive_.fetch()))[0].fetched);
}

TEST_F(CacheTest, WaitsForSpaceHeldByAnotherTask) {
  auto cache = open(8, 1h);
  const task::File a[] = {archive_.file("a", "aaaa")}, b[] = {archive_.file("b", "bbbbbbbb")};
  auto pinned = cache.acquire(a, "x", archive_.fetch());
  std::jthread waiting([&] {
    auto granted = cache.acquire(b, "x", archive_.fetch());
    ASSERT_TRUE(granted);
    EXPECT_EQ(bytes_of((*granted)[0]), "bbbbbbbb");
  });
  pinned = std::vector<Staged>();
}

TEST_F(CacheTest, TwoTasksFetchASharedFileOnce) {
  auto cache = open(1000, 1h);
  const task::File files[] = {archive_.file("a", "aaaa")};
  std::latch fetching(1);
  std::jthread second;
  auto staged = cache.acquire(files, "x", [&](const task::File& f, const ByteSink& to) -> Result<> {
    second = std::jthread([&] {
      fetching.count_down();
      auto joined = cache.acquire(files, "x", archive_.fetch());
      ASSERT_TRUE(joined) << joined.error().message;
      EXPECT_EQ(bytes_of((*joined)[0]), "aaaa");
      EXPECT_FALSE((*joined)[0].fetched);
    });
    fetching.wait();
    return archive_.fetch()(f, to);
  });
  ASSERT_TRUE(staged);
  second.join();
  EXPECT_EQ(archive_.fetches, 1);
}

TEST_F(CacheTest, ManyTasksShareATightCacheWithoutDeadlock) {
  std::vector<task::File> all;
  for (int i = 0; i < 12; ++i)
    all.push_back(archive_.file("file" + std::to_string(i), std::string(100, static_cast<char>('a' + i))));
  auto cache = open(500, 1h);
  std::vector<std::jthread> tasks;
  for (unsigned t = 0; t < 6; ++t)
    tasks.emplace_back([&, t] {
      for (unsigned round = 0; round < 10; ++round) {
        std::vector<task::File> wanted;
        for (unsigned k = 0; k < 4; ++k) wanted.push_back(all[(t * 5 + round * 3 + k * 2) % all.size()]);
        auto staged = cache.acquire(wanted, "x", archive_.fetch());
        ASSERT_TRUE(staged) << staged.error().message;
        for (std::size_t k = 0; k < wanted.size(); ++k) EXPECT_EQ(bytes_of((*staged)[k]), archive_.content[wanted[k].id]);
        EXPECT_LE(used(), 500u);
      }
    });
  tasks.clear();
  EXPECT_EQ(count(".part"), 0u);
}

TEST_F(CacheTest, AFileThatCannotBeFetchedDoesNotStopTheOthers) {
  auto cache = open(1000);
  const task::File files[] = {archive_.file("gone", "gone"), archive_.file("short", "short"), archive_.file("long", "long"),
                              archive_.file("good", "good")};
  archive_.content.erase("gone");
  archive_.content["short"] = "sho";
  archive_.content["long"] = "longer";
  auto staged = cache.acquire(files, "x", archive_.fetch());
  ASSERT_TRUE(staged) << staged.error().message;
  EXPECT_EQ((*staged)[0].error->code, Code::missing);
  EXPECT_EQ((*staged)[1].error->code, Code::corrupt);
  EXPECT_NE((*staged)[1].error->message.find("3 bytes"), std::string::npos);
  EXPECT_NE((*staged)[1].error->message.find("5 bytes"), std::string::npos);
  EXPECT_EQ((*staged)[2].error->code, Code::corrupt);
  EXPECT_FALSE((*staged)[3].error);
  EXPECT_EQ(bytes_of((*staged)[3]), "good");
  EXPECT_EQ(count(".part"), 0u);
  EXPECT_EQ(used(), 4u);
}

TEST_F(CacheTest, ACancelledFetchEndsTheWholeCall) {
  auto cache = open(1000);
  const task::File files[] = {archive_.file("a", "aaaa"), archive_.file("b", "bbbb")};
  auto staged = cache.acquire(files, "x", [](const task::File&, const ByteSink&) -> Result<> {
    return Error{Code::cancelled, "stopped"};
  });
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().code, Code::cancelled);
  EXPECT_EQ(count(".part"), 0u);
  EXPECT_EQ(used(), 0u);
}

TEST_F(CacheTest, AHostileIdStaysInTheFolder) {
  auto cache = open(1000);
  const task::File files[] = {archive_.file("../../../etc/passwd", "x"), archive_.file(std::string("a\0b\n", 4), "y"),
                              archive_.file(std::string(5000, '/'), "z")};
  auto staged = cache.acquire(files, "../..", archive_.fetch());
  ASSERT_TRUE(staged);
  for (const auto& s : *staged) EXPECT_EQ(s.path.parent_path(), folder_);
  EXPECT_EQ(count(".file"), 3u);
}

TEST_F(CacheTest, OpenRemovesFilesLeftByACrash) {
  const std::string name(32, 'a');
  std::ofstream(folder_ / (name + ".part")) << "half";
  std::ofstream(folder_ / (std::string(32, 'b') + ".digest")) << "sidecar without file";
  std::ofstream(folder_ / ".tmp.1.2.digest") << "half a sidecar";
  std::ofstream(folder_ / "notes.txt") << "unrelated";
  auto cache = open(1000);
  EXPECT_EQ(used(), 0u);
  EXPECT_EQ(count(".part") + count(".digest"), 0u);
  EXPECT_TRUE(fs::exists(folder_ / "notes.txt"));
}

TEST_F(CacheTest, AFileWithoutItsSidecarIsFetchedAgain) {
  auto cache = open(1000);
  const task::File files[] = {archive_.file("a", "aaaa")};
  ASSERT_TRUE(cache.acquire(files, "x", archive_.fetch()));
  for (const auto& e : fs::directory_iterator(folder_))
    if (e.path().extension() == ".digest") fs::remove(e.path());
  auto staged = cache.acquire(files, "x", archive_.fetch());
  ASSERT_TRUE(staged);
  EXPECT_TRUE((*staged)[0].fetched);
}

TEST_F(CacheTest, AKilledProcessReleasesItsPinsAndPartialFiles) {
  auto cache = open(8, 1h);
  const task::File a[] = {archive_.file("a", "aaaa")}, b[] = {archive_.file("b", "bbbb")}, c[] = {archive_.file("c", "cccccccc")};
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto pinned = cache.acquire(a, "x", archive_.fetch());
    auto half = cache.acquire(b, "x", [&](const task::File&, const ByteSink&) -> Result<> {
      if (::write(ready[1], "x", 1) != 1) ::_exit(1);
      while (true) ::pause();
    });
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(used(), 8u);
  EXPECT_FALSE(open(8, 0ms).acquire(c, "x", archive_.fetch())) << "everything is in use";
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  auto staged = open(8, 0ms).acquire(c, "x", archive_.fetch());
  ASSERT_TRUE(staged) << staged.error().message;
  EXPECT_EQ(bytes_of((*staged)[0]), "cccccccc");
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(CacheTest, TakesOverAnIncompleteFileFromAKilledTask) {
  auto cache = open(1000, 1h);
  const task::File files[] = {archive_.file("a", "aaaa")};
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    (void)cache.acquire(files, "x", [&](const task::File&, const ByteSink&) -> Result<> {
      if (::write(ready[1], "x", 1) != 1) ::_exit(1);
      while (true) ::pause();
    });
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  std::jthread waiting([&] {
    auto staged = cache.acquire(files, "x", archive_.fetch());
    ASSERT_TRUE(staged) << staged.error().message;
    EXPECT_TRUE((*staged)[0].fetched);
    EXPECT_EQ(bytes_of((*staged)[0]), "aaaa");
  });
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(CacheTest, RefusesAFolderThatCannotBeCreated) {
  std::ofstream(folder_ / "file") << "x";
  auto cache = Cache::open(folder_ / "file" / "cache", {1000, 0ms});
  ASSERT_FALSE(cache);
  EXPECT_EQ(cache.error().code, Code::invalid);
}

// ---- cached columns replace the file

class ColumnsInCache : public CacheTest {
 protected:
  // Stores `bytes` as the columns of `file`.
  static Staged keep(Cache& cache, const task::File& file, const Digest& digest, std::string_view bytes) {
    auto part = cache.begin_columns(name_, 100);
    EXPECT_TRUE(part && *part);
    EXPECT_TRUE((*part)->append(bytes.substr(0, 2)));
    EXPECT_TRUE((*part)->append(bytes.substr(2)));
    auto staged = std::move(**part).publish(file, digest);
    EXPECT_TRUE(staged) << staged.error().message;
    return std::move(*staged);
  }
  Result<std::vector<Staged>> acquire(Cache& cache, const task::File& file) {
    return cache.acquire(std::span(&file, 1), "archive", archive_.fetch(), std::span(&name_, 1));
  }

  static inline const Digest name_ = digest_of("columns of a");
};

TEST_F(ColumnsInCache, ReplaceTheFile) {
  auto cache = open(1000);
  const auto file = archive_.file("a", "aaaa");
  {
    auto first = acquire(cache, file);
    ASSERT_TRUE(first);
    EXPECT_FALSE((*first)[0].columns);
    const auto kept = keep(cache, file, (*first)[0].digest, "columns");
    EXPECT_TRUE(kept.columns);
    EXPECT_EQ(bytes_of(kept), "columns");
  }
  EXPECT_EQ(used(), 4u + 7u);
  archive_.content.clear();
  auto again = open(1000);  // a different worker
  auto staged = acquire(again, file);
  ASSERT_TRUE(staged) << staged.error().message;
  EXPECT_TRUE((*staged)[0].columns);
  EXPECT_EQ(bytes_of((*staged)[0]), "columns");
  EXPECT_EQ((*staged)[0].size, 4u);
  EXPECT_EQ((*staged)[0].digest, digest_of(std::string_view("aaaa")));
  EXPECT_FALSE((*staged)[0].fetched);
  EXPECT_EQ(archive_.fetches, 1);
  const auto without = again.acquire(std::span(&file, 1), "archive", archive_.fetch());
  EXPECT_FALSE((*without)[0].columns);
}

TEST_F(ColumnsInCache, HaveOneWriterAndReadersDoNotWaitForIt) {
  auto cache = open(1000);
  auto first = cache.begin_columns(name_, 100);
  ASSERT_TRUE(first && *first);
  EXPECT_EQ(used(), 100u);
  auto second = cache.begin_columns(name_, 100);
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
  const auto file = archive_.file("a", "aaaa");
  auto staged = acquire(cache, file);  // uses the file in the meantime
  ASSERT_TRUE(staged);
  EXPECT_FALSE((*staged)[0].columns);
  (*first).reset();  // its task failed
  EXPECT_EQ(used(), 4u);
  keep(cache, file, (*staged)[0].digest, "columns");
  auto third = cache.begin_columns(name_, 100);
  ASSERT_TRUE(third);
  EXPECT_FALSE(*third) << "they exist";
}

TEST_F(ColumnsInCache, DoNotEvictFilesInUse) {
  auto cache = open(100);
  const task::File files[] = {archive_.file("b", std::string(60, 'b'))};
  auto staged = cache.acquire(files, "archive", archive_.fetch());
  ASSERT_TRUE(staged);
  const auto part = cache.begin_columns(name_, 50);
  ASSERT_TRUE(part);
  EXPECT_FALSE(*part);
  staged->clear();
  const auto now = cache.begin_columns(name_, 50);
  ASSERT_TRUE(now);
  EXPECT_TRUE(*now);
  EXPECT_EQ(used(), 50u);
}

TEST_F(CacheTest, EvictsKeptFilesLast) {
  auto cache = open(100);
  const task::File kept[] = {archive_.file("kept", std::string(40, 'k'))};
  const task::File later[] = {archive_.file("later", std::string(40, 'l'))};
  const task::File next[] = {archive_.file("next", std::string(40, 'n'))};
  ASSERT_TRUE(cache.acquire(kept, "archive", archive_.fetch()));
  cache.keep(kept, "archive");
  ASSERT_TRUE(cache.acquire(later, "archive", archive_.fetch()));
  ASSERT_TRUE(cache.acquire(next, "archive", archive_.fetch()));
  EXPECT_FALSE((*cache.acquire(kept, "archive", archive_.fetch()))[0].fetched)
      << "'later' was evicted, although it was used later";
  // It was used now, so it is in the usual order again.
  ASSERT_TRUE(cache.acquire(next, "archive", archive_.fetch()));
  ASSERT_TRUE(cache.acquire(later, "archive", archive_.fetch()));
  EXPECT_TRUE((*cache.acquire(kept, "archive", archive_.fetch()))[0].fetched);
}

TEST_F(CacheTest, FetchAndKeepPinsNothing) {
  auto cache = open(100);
  const task::File files[] = {archive_.file("a", std::string(40, 'a')), archive_.file("b", std::string(40, 'b'))};
  const auto kept = cache.fetch_and_keep(files, "archive", archive_.fetch());
  ASSERT_TRUE(kept);
  EXPECT_TRUE((*kept)[0].fetched);
  EXPECT_FALSE((*kept)[0].pin);
  EXPECT_FALSE(*cache.begin_columns(digest_of(std::string_view("columns")), 80)) << "columns do not replace kept files";
  const auto used_now = cache.acquire(std::span(files, 1), "archive", archive_.fetch());
  const auto again = cache.fetch_and_keep(files, "archive", archive_.fetch());
  EXPECT_FALSE((*again)[1].fetched);
  EXPECT_EQ((*again)[0].digest, digest_of(std::string(40, 'a')));
  // A task needs the space, so that the file that is not in use is evicted although it is kept.
  const task::File other[] = {archive_.file("c", std::string(60, 'c'))};
  EXPECT_TRUE(cache.acquire(other, "archive", archive_.fetch()));
  EXPECT_EQ(archive_.fetches, 3);
}

TEST_F(CacheTest, ReleasedFilesAreEvictedInTheUsualOrder) {
  auto cache = open(100);
  const task::File kept[] = {archive_.file("kept", std::string(40, 'k'))};
  ASSERT_TRUE(cache.acquire(kept, "archive", archive_.fetch()));
  cache.keep(kept, "archive");
  EXPECT_FALSE(*cache.begin_columns(digest_of(std::string_view("columns")), 80)) << "columns do not replace kept files";
  cache.release(kept, "archive");
  EXPECT_TRUE(*cache.begin_columns(digest_of(std::string_view("columns")), 80));
}

TEST_F(ColumnsInCache, TheFileIsEvictedBeforeItsColumns) {
  auto cache = open(120);
  const auto file = archive_.file("a", std::string(50, 'a'));
  {
    const task::File other[] = {archive_.file("old", std::string(10, 'o'))};
    ASSERT_TRUE(cache.acquire(other, "archive", archive_.fetch()));
    auto staged = acquire(cache, file);
    ASSERT_TRUE(staged);
    auto part = cache.begin_columns(name_, 60);
    ASSERT_TRUE(part && *part);
    ASSERT_TRUE((*part)->append(std::string(40, 'c')));
    ASSERT_TRUE(std::move(**part).publish(file, (*staged)[0].digest));
    Cache::evict_first((*staged)[0]);
  }
  const task::File next[] = {archive_.file("n", std::string(50, 'n'))};
  ASSERT_TRUE(cache.acquire(next, "archive", archive_.fetch()));
  EXPECT_EQ(used(), 100u) << "'old' and the columns of 'a' remain; the file 'a' was evicted";
  EXPECT_TRUE((*acquire(cache, file))[0].columns);
}

TEST_F(ColumnsInCache, TheFileIsUsedIfTheSidecarIsInvalidOrTheColumnsWereRemoved) {
  auto cache = open(1000);
  const auto file = archive_.file("a", "aaaa");
  keep(cache, file, digest_of("x"), "columns");
  for (const std::string sidecar :
       {"", "no digest", "00000000000000000000000000000000 8\n", "00000000000000000000000000000000 7x\n"}) {
    std::ofstream(folder_ / (name_.hex() + ".digest"), std::ios::binary) << sidecar;
    auto staged = acquire(cache, file);
    ASSERT_TRUE(staged);
    EXPECT_FALSE((*staged)[0].columns) << sidecar;
    EXPECT_FALSE(fs::exists(folder_ / (name_.hex() + ".file"))) << sidecar;
    keep(cache, file, digest_of("x"), "columns");
  }
  ASSERT_TRUE(cache.remove_damaged_columns(file, name_));
  EXPECT_FALSE((*acquire(cache, file))[0].columns);
  ASSERT_TRUE(cache.remove_damaged_columns(file, name_)) << "repeating is allowed";
}

TEST_F(ColumnsInCache, IncompleteColumnsOfACrashedWorkerAreRemoved) {
  auto cache = open(1000);
  const pid_t child = ::fork();
  if (child == 0) {
    auto part = cache.begin_columns(name_, 100);
    if (part && *part && (*part)->append("half")) ::_exit(0);  // without running destructors
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(used(), 100u);
  const auto part = cache.begin_columns(name_, 50);
  ASSERT_TRUE(part && *part);
  EXPECT_EQ(used(), 50u);
}

}  // namespace
}  // namespace mole::runtime
