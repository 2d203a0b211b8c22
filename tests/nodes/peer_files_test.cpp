// Files that a node copies from the caches of others.
#include "nodes/daemon/peer_files.hpp"

#include "coordinator/wire/frame_server.hpp"
#include "sdk/model/durable_file.hpp"
#include "sdk/model/kept_columns.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <thread>

namespace mole::nodes {
namespace {

namespace fs = std::filesystem;
using coordinator::FilePiece;

constexpr std::uint64_t limit = 8 << 20;

// Calls a function instead of, or around, the files of a cache.
class Serving final : public coordinator::PeerFiles {
 public:
  explicit Serving(fs::path cache) : files(std::move(cache)) {}
  Result<FilePiece> get(const Digest& name, std::uint64_t offset, std::uint32_t size) override {
    ++calls;
    auto piece = files.get(name, offset, size);
    return piece && change ? change(std::move(*piece), offset) : piece;
  }

  CachedFiles files;
  std::function<Result<FilePiece>(FilePiece, std::uint64_t offset)> change;
  std::atomic<int> calls{0};
};

class NoStates final : public coordinator::PeerBlobs {
 public:
  Result<std::string> get(const Digest&, std::uint64_t, std::uint32_t) override { return missing("no state"); }
};

class PeerFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b"}) fs::create_directories(folder / name);
    start();
    spec.archive.emplace().name = "flows";
    for (const int number : {0, 1}) {
      auto& file = spec.files.emplace_back();
      file.id = "file" + std::to_string(number);
      file.size = content(number).size();
      spec.peers.push_back({static_cast<std::uint32_t>(number), address()});
    }
    ASSERT_TRUE(store(folder / "a"));
  }
  void start() {
    server.emplace(coordinator::serve_peer(states, served), std::vector{*coordinator::parse_address(address())});
    ASSERT_TRUE(server->start());
  }
  std::string address() { return "unix:" + (folder / "socket").string(); }
  static std::string content(int number) { return std::string(2'500'000, static_cast<char>('a' + number)); }
  std::string archive() const { return task::cache_name_of(*spec.archive); }
  fs::path entry(const char* node, int number) {
    return folder / node / (kept_file_name(spec.files[static_cast<std::size_t>(number)], archive()).hex() + ".file");
  }
  // Puts the files into a cache, as a fetch task does.
  Result<> store(const fs::path& cache) {
    const auto fetch = [](const task::File& file, const runtime::ByteSink& to) {
      const auto bytes = content(file.id.back() - '0');
      return to(std::as_bytes(std::span(bytes)));
    };
    MOLE_TRY(auto opened, runtime::Cache::open(cache, {.limit = limit}));
    MOLE_TRY(const auto done, opened.fetch_and_keep(spec.files, archive(), runtime::Fetching(fetch)));
    return {};
  }
  // Returns the ids of files that were not there, after a copy that fails with this code.
  std::vector<std::string> unstaged_after(Code code, std::uint64_t cache_limit = limit) {
    FileCopies copies(folder / "b", cache_limit, cancel);
    const auto done = copies.copy(spec);
    EXPECT_FALSE(done);
    if (!done) {
      EXPECT_EQ(done.error().code, code) << done.error().message;
    }
    return copies.unstaged();
  }
  std::size_t files_of(const char* node) {
    std::size_t count = 0;
    for (const auto& at : fs::directory_iterator(folder / node))
      count += at.path().extension() != "" && at.path().extension() != ".digest";
    return count;
  }

  testing::TempFolder folder;
  Serving served{folder / "a"};
  NoStates states;
  std::optional<coordinator::FrameServer> server;
  task::Spec spec;
  Cancellation cancel;
};

TEST_F(PeerFiles, AreCopiedWithTheirDigestsAndPinned) {
  FileCopies copies(folder / "b", limit, cancel);
  const auto done = copies.copy(spec);
  ASSERT_TRUE(done) << done.error().message;
  for (const int number : {0, 1}) {
    EXPECT_EQ(*read_file(entry("b", number)), content(number));
    EXPECT_TRUE(read_file(entry("b", number).replace_extension(".digest"))->starts_with(digest_of(content(number)).hex()));
  }
  auto cache = *runtime::Cache::open(folder / "b", {.limit = limit, .timeout = std::chrono::milliseconds(1)});
  task::File other;
  other.id = "other";
  other.size = limit - content(0).size();
  EXPECT_EQ(cache.acquire(std::span(&other, 1), "x", runtime::Fetching([](auto&, auto&) -> Result<> { return {}; })).error().code,
            Code::transient)
      << "pinned files are not evicted";
}

TEST_F(PeerFiles, ThatAreInTheCacheAreNotCopiedAgain) {
  ASSERT_TRUE(store(folder / "b"));
  ASSERT_TRUE(FileCopies(folder / "b", limit, cancel).copy(spec));
  EXPECT_EQ(served.calls, 0);
}

TEST_F(PeerFiles, StayKeptOnTheNodeThatServesThem) {
  ASSERT_TRUE(FileCopies(folder / "b", limit, cancel).copy(spec));
  struct stat status {};
  ASSERT_EQ(::stat(entry("a", 0).c_str(), &status), 0);
  EXPECT_GT(status.st_mtim.tv_sec, ::time(nullptr) + 86400);
}

TEST_F(PeerFiles, CanBeReadOnlyByTheNamesOfTheirEntries) {
  std::ofstream(folder / "a" / "secret.file") << "secret";
  std::ofstream(folder / "a" / (digest_of("part").hex() + ".part")) << "part";
  EXPECT_EQ(served.files.get(digest_of("unknown"), 0, 100).error().code, Code::missing);
  EXPECT_EQ(served.files.get(digest_of("part"), 0, 100).error().code, Code::missing);
  std::ofstream(folder / "outside") << "outside";
  fs::create_symlink(folder / "outside", folder / "a" / (digest_of("link").hex() + ".file"));
  EXPECT_FALSE(served.files.get(digest_of("link"), 0, 100));
  const auto name = kept_file_name(spec.files[0], archive());
  EXPECT_EQ(served.files.get(name, 0, 10)->bytes, content(0).substr(0, 10));
  EXPECT_EQ(served.files.get(name, content(0).size(), 10)->bytes, "");
  EXPECT_EQ(served.files.get(name, UINT64_MAX, 10)->bytes, "");
}

TEST_F(PeerFiles, AMissingFileIsUnstaged) {
  fs::remove(entry("a", 1));
  EXPECT_EQ(unstaged_after(Code::transient), std::vector<std::string>{"file1"});
  fs::remove(entry("a", 0));
  EXPECT_EQ(unstaged_after(Code::transient).size(), 1U);
}

TEST_F(PeerFiles, WrongBytesAreNotPublished) {
  const std::vector<std::function<Result<FilePiece>(FilePiece, std::uint64_t)>> faults{
      [](FilePiece piece, std::uint64_t) {
        if (!piece.bytes.empty()) piece.bytes.back() = '?';
        return piece;
      },
      [](FilePiece piece, std::uint64_t) {  // a wrong size, and one that would take all memory
        piece.size = std::uint64_t{1} << 50;
        return piece;
      },
      [](FilePiece piece, std::uint64_t offset) {  // it ends early
        if (offset > 0) piece.bytes.clear();
        return piece;
      },
      [](FilePiece piece, std::uint64_t) {  // it does not end
        piece.bytes.assign(1000, 'a');
        return piece;
      },
      [](FilePiece piece, std::uint64_t offset) {  // it is replaced meanwhile
        if (offset > 0) piece.digest = digest_of("other");
        return piece;
      },
  };
  for (const auto& fault : faults) {
    served.change = fault;
    EXPECT_EQ(unstaged_after(Code::transient), std::vector<std::string>{"file0"});
    EXPECT_EQ(files_of("b"), 0U) << "neither files nor parts";
  }
  served.change = nullptr;
  EXPECT_TRUE(FileCopies(folder / "b", limit, cancel).copy(spec));
}

TEST_F(PeerFiles, BytesThatWereChangedOnTheWayAreSentAgain) {
  served.change = [this](FilePiece piece, std::uint64_t) {
    if (served.calls == 2) piece.bytes.back() = '?';
    return piece;
  };
  EXPECT_TRUE(FileCopies(folder / "b", limit, cancel).copy(spec));
  EXPECT_EQ(*read_file(entry("b", 0)), content(0));
}

TEST_F(PeerFiles, ATransferContinuesAfterABrokenConnection) {
  std::map<std::uint64_t, int> offsets;
  std::atomic<bool> stopped{false};
  served.change = [&](FilePiece piece, std::uint64_t offset) -> Result<FilePiece> {
    ++offsets[offset];
    if (offset > 0 && !stopped.exchange(true)) return transient("the disk is busy");
    return piece;
  };
  ASSERT_TRUE(FileCopies(folder / "b", limit, cancel).copy(spec));
  EXPECT_EQ(offsets[0], 2) << "each file began once";
}

TEST_F(PeerFiles, ANodeThatRestartsIsAskedAgain) {
  server->stop();
  std::thread restart([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    start();
  });
  const auto done = FileCopies(folder / "b", limit, cancel).copy(spec);
  restart.join();
  EXPECT_TRUE(done) << done.error().message;
}

TEST_F(PeerFiles, ANodeThatCannotBeReachedIsNoLoss) {
  server->stop();
  EXPECT_TRUE(unstaged_after(Code::transient).empty());
  EXPECT_EQ(files_of("b"), 0U);
  spec.peers[0].address = "nonsense";
  EXPECT_TRUE(unstaged_after(Code::transient).empty());
  spec.peers[0].file = 7;
  EXPECT_FALSE(FileCopies(folder / "b", limit, cancel).copy(spec));
}

TEST_F(PeerFiles, EndsWhenTheTaskIsCancelled) {
  served.change = [this](FilePiece piece, std::uint64_t offset) -> Result<FilePiece> {
    if (offset > 0) cancel.request();
    return piece;
  };
  EXPECT_TRUE(unstaged_after(Code::cancelled).empty());
  EXPECT_LE(served.calls, 3);
  EXPECT_EQ(files_of("b"), 0U);
}

TEST_F(PeerFiles, WaitsForSpaceUntilTheTaskIsCancelled) {
  FileCopies first(folder / "b", limit, cancel);
  ASSERT_TRUE(first.copy(spec));
  for (auto& file : spec.files) file.revision = 2;
  ASSERT_TRUE(store(folder / "a"));
  Cancellation second_cancel;
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    second_cancel.request();
  });
  FileCopies second(folder / "b", limit, second_cancel);
  EXPECT_EQ(second.copy(spec).error().code, Code::cancelled);
  canceller.join();
}

TEST_F(PeerFiles, MustFitIntoTheCache) {
  EXPECT_TRUE(unstaged_after(Code::exhausted, content(0).size()).empty());
  EXPECT_EQ(served.calls, 0);
}

}  // namespace
}  // namespace mole::nodes
