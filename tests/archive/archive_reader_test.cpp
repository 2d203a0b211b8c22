// Staging and transfers through a scripted downloader.
#include "runtime/archive/archive_reader.hpp"

#include <mole/downloader.hpp>

#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>

namespace mole::runtime {
namespace {
using namespace std::chrono_literals;

// What the downloaders below do; one test at a time.
struct Script {
  std::map<std::string, std::string> content;
  std::map<std::string, int> polls;      // until a file is ready
  std::map<std::string, Error> staging;  // why a file cannot be staged
  std::vector<Error> staging_errors;     // of the next calls of stage, first one last
  std::size_t piece = 4;                 // a transfer breaks after this many bytes; 0: never
  Code broken = Code::transient;
  std::vector<std::uint64_t> offsets;  // of the transfers
  std::vector<std::vector<std::string>> requested;
  std::vector<std::string> released;
};
Script script;

struct Slow {
  static constexpr auto about = mole::downloader("slow", "1.0.0", "Stages and resumes");

  Result<> index(ObjectSink& found, const IndexRange&) const {
    for (const auto& [id, bytes] : script.content)
      if (auto taken = found.found({.id = id,
                                    .size = bytes.size(),
                                    .version = "v",
                                    .medium = "T1",
                                    .position = 7,
                                    .digest = "md5:00",
                                    .offline = true});
          !taken)
        return taken;
    return {};
  }
  Result<> stage(std::span<const std::string_view> ids, StageSink& states) const {
    script.requested.emplace_back(ids.begin(), ids.end());
    if (!script.staging_errors.empty()) {
      const auto error = script.staging_errors.back();
      script.staging_errors.pop_back();
      return error;
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::string id(ids[i]);
      if (const auto failed = script.staging.find(id); failed != script.staging.end())
        states.failed(i, failed->second);
      else if (script.polls[id]-- > 0)
        states.pending(i);
      else
        states.ready(i);
    }
    return {};
  }
  Result<> fetch(const Object& expected, std::uint64_t offset, mole::ByteSink& out) const {
    script.offsets.push_back(offset);
    const auto& bytes = script.content.at(std::string(expected.id));
    const auto rest = std::string_view(bytes).substr(offset);
    const bool breaks = script.piece > 0 && rest.size() > script.piece;
    if (auto put = out.write(std::as_bytes(std::span(breaks ? rest.substr(0, script.piece) : rest))); !put) return put;
    return breaks ? Result<>(Error{script.broken, "the connection broke"}) : Result<>();
  }
  Result<> release(std::span<const std::string_view> ids) const {
    script.released.assign(ids.begin(), ids.end());
    return {};
  }
};

// The functions of ABI 1.0 only.
struct Plain {
  static constexpr auto about = mole::downloader("plain", "1.0.0", "As in ABI 1.0");

  Result<> index(ObjectSink&) const { return {}; }
  Result<mole::Staged> stage(std::span<const std::string_view> ids) const {
    script.requested.emplace_back(ids.begin(), ids.end());
    return script.polls[std::string(ids[0])]-- > 0 ? mole::Staged::pending : mole::Staged::ready;
  }
  Result<> fetch(std::string_view id, mole::ByteSink& out) const {
    script.offsets.push_back(0);
    const auto& bytes = script.content.at(std::string(id));
    const auto size = script.piece > 0 ? std::min(script.piece, bytes.size()) : bytes.size();
    if (auto put = out.write(std::as_bytes(std::span(bytes.data(), size))); !put) return put;
    return size < bytes.size() ? Result<>(transient("the connection broke")) : Result<>();
  }
};

template <class D>
std::unique_ptr<DownloaderModule> open_downloader(CallRecord& record) {
  using Glue = mole::detail::Glue<mole::Kind::downloader>;
  auto descriptor = Descriptor::parse(Glue::describe<D>());
  EXPECT_TRUE(descriptor) << descriptor.error().message;
  auto opened = DownloaderModule::open(&Glue::vtable<D>, *descriptor, nlohmann::json::object(), record);
  EXPECT_TRUE(opened) << opened.error().message;
  return std::move(*opened);
}

class ArchiveReaderTest : public ::testing::Test {
 protected:
  ArchiveReaderTest() { script = {}; }

  static task::File file(const std::string& id, const std::string& medium = {}, std::uint64_t position = 0) {
    task::File f;
    f.id = id;
    f.size = script.content[id].size();
    f.revision = 1;
    f.medium = medium;
    f.position = position;
    return f;
  }
  // Fetches a file without a cache.
  template <class D>
  Result<std::string> fetch(const task::File& f) {
    const auto downloader = open_downloader<D>(*record_);
    ArchiveReader archive(*downloader, {1ms, 2ms, 1s}, {3, 1ms, 2ms});
    std::string bytes;
    auto done = archive.fetch(f, [&](std::span<const std::byte> more) -> Result<> {
      bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
      return {};
    });
    if (!done) return done.error();
    return bytes;
  }

  std::unique_ptr<CallRecord> record_ = CallRecord::in_memory();
};

TEST_F(ArchiveReaderTest, AListingHasMediumPositionDigestAndState) {
  script.content["a"] = "aaaa";
  const auto downloader = open_downloader<Slow>(*record_);
  std::vector<task::IndexEntry> entries;
  ASSERT_TRUE(ArchiveReader(*downloader).index([&](const task::IndexEntry& e) -> Result<> {
    entries.push_back(e);
    return {};
  }));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].medium, "T1");
  EXPECT_EQ(entries[0].position, 7u);
  EXPECT_EQ(entries[0].stated_digest, "md5:00");
  EXPECT_TRUE(entries[0].offline);
}

TEST_F(ArchiveReaderTest, ABrokenTransferContinuesWhereItStopped) {
  script.content["a"] = "0123456789";
  const auto bytes = fetch<Slow>(file("a"));
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*bytes, "0123456789");
  EXPECT_EQ(script.offsets, (std::vector<std::uint64_t>{0, 4, 8}));
}

TEST_F(ArchiveReaderTest, ATransferThatMakesNoProgressIsGivenUp) {
  script.content["a"] = "0123456789";
  script.piece = 0;
  struct Stuck : Slow {
    Result<> fetch(const Object&, std::uint64_t offset, mole::ByteSink&) const {
      script.offsets.push_back(offset);
      return busy("503 Slow Down");
    }
  };
  const auto bytes = fetch<Stuck>(file("a"));
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Code::busy);
  EXPECT_EQ(script.offsets.size(), 3u);
}

TEST_F(ArchiveReaderTest, WrongCredentialsAreNotTriedAgain) {
  script.content["a"] = "0123456789";
  script.broken = Code::denied;
  const auto bytes = fetch<Slow>(file("a"));
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Code::denied);
  EXPECT_EQ(script.offsets.size(), 1u);
}

TEST_F(ArchiveReaderTest, APluginOfAbi10IsNotResumed) {
  script.content["a"] = "0123456789";
  const auto bytes = fetch<Plain>(file("a"));
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Code::transient);
  EXPECT_EQ(script.offsets.size(), 1u);
  script.piece = 0;
  script.polls["a"] = 3;
  EXPECT_EQ(*fetch<Plain>(file("a")), "0123456789");
}

TEST_F(ArchiveReaderTest, TheStatedDigestIsCompared) {
  script.content["a"] = "0123456789";
  auto f = file("a");
  f.stated_digest = "sha256:84d89877F0D4041EFB6BF91A16F0248F2FD573E6AF05C19F96BEDB9F882F7882";
  EXPECT_TRUE(fetch<Slow>(f));
  f.stated_digest = "md5:781e5e245d69b566979b86e28d23f2c7";
  EXPECT_TRUE(fetch<Slow>(f));
  f.stated_digest = "md5:781e5e245d69b566979b86e28d23f2c8";
  const auto bytes = fetch<Slow>(f);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Code::corrupt);
  EXPECT_NE(bytes.error().message.find("781e5e245d69b566979b86e28d23f2c7"), std::string::npos);
  for (const std::string unknown : {"", "crc32:12", "md5", "sha256"}) {
    f.stated_digest = unknown;
    EXPECT_TRUE(fetch<Slow>(f)) << unknown;
  }
}

TEST_F(ArchiveReaderTest, FilesOfACallAreRequestedTogetherInTapeOrderAndFetchedAsTheyBecomeReady) {
  const mole::testing::TempFolder folder;
  auto cache = Cache::open(folder.path(), {1000, 1s});
  ASSERT_TRUE(cache);
  for (const auto* id : {"a", "b", "c", "d"}) script.content[id] = std::string(3, *id);
  const task::File files[] = {file("a", "T2", 5), file("b", "T1", 9), file("c", "T1", 2), file("d", "T1", 4)};
  script.polls = {{"a", 0}, {"b", 4}, {"c", 2}, {"d", 0}};
  script.staging.emplace("d", corrupt("the tape cannot be read"));
  const auto downloader = open_downloader<Slow>(*record_);
  ArchiveReader archive(*downloader, {1ms, 2ms, 1s}, {3, 1ms, 2ms});
  const auto staged = cache->acquire(files, "x", archive.fetching());
  ASSERT_TRUE(staged) << staged.error().message;
  EXPECT_EQ(script.requested.front(), (std::vector<std::string>{"c", "d", "b", "a"}));
  EXPECT_EQ(script.requested.back(), (std::vector<std::string>{"b"}));
  for (const std::size_t i : {0u, 1u, 2u}) EXPECT_FALSE((*staged)[i].error) << i;
  ASSERT_TRUE((*staged)[3].error);
  EXPECT_EQ((*staged)[3].error->code, Code::corrupt);
  EXPECT_NE((*staged)[3].error->message.find("the tape cannot be read"), std::string::npos);
}

TEST_F(ArchiveReaderTest, ErrorsOfAllFilesEndTheCall) {
  const mole::testing::TempFolder folder;
  auto cache = Cache::open(folder.path(), {1000, 1s});
  script.content["a"] = "aaa";
  const task::File files[] = {file("a")};
  const auto downloader = open_downloader<Slow>(*record_);
  const auto run = [&] {
    ArchiveReader archive(*downloader, {1ms, 2ms, 1s}, {3, 1ms, 2ms});
    return cache->acquire(files, "x", archive.fetching());
  };
  script.staging_errors = {busy("all drives are in use"), transient("the connection broke")};
  EXPECT_TRUE(run()) << "errors that pass are tried again";
  script.content["a"] = "other";  // another size, so another file in the cache
  const task::File changed[] = {file("a")};
  script.staging_errors = {denied("the key is not accepted")};
  ArchiveReader archive(*downloader, {1ms, 2ms, 1s}, {3, 1ms, 2ms});
  const auto refused = cache->acquire(changed, "x", archive.fetching());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::denied);
}

TEST_F(ArchiveReaderTest, StagingThatTakesTooLongFails) {
  script.content["a"] = "aaa";
  script.polls["a"] = 1'000'000;
  const auto downloader = open_downloader<Slow>(*record_);
  ArchiveReader archive(*downloader, {1ms, 2ms, 20ms}, {3, 1ms, 2ms});
  const auto f = file("a");
  const task::File* files[] = {&f};
  const auto ready = archive.next_ready(files);
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code, Code::transient);
}

// A tier with files of its own.
template <int number>
struct Store {
  static constexpr auto about = mole::downloader("store", "1.0.0", "A tier");
  inline static std::map<std::string, std::string> content;
  inline static std::optional<Error> listing, fetching;

  Result<> index(ObjectSink& found) const {
    if (listing) return *listing;
    for (const auto& [id, bytes] : content)
      if (auto taken = found.found({.id = id, .size = bytes.size(), .version = std::to_string(number)}); !taken) return taken;
    return {};
  }
  Result<mole::Staged> stage(std::span<const std::string_view>) const { return mole::Staged::ready; }
  Result<> fetch(const Object& expected, std::uint64_t offset, mole::ByteSink& out) const {
    if (fetching) return *fetching;
    const auto at = content.find(std::string(expected.id));
    if (at == content.end() || (!expected.version.empty() && expected.version != std::to_string(number)))
      return missing("it is not in tier " + std::to_string(number));
    return out.write(std::as_bytes(std::span(at->second)).subspan(offset));
  }
};

class TiersTest : public ArchiveReaderTest {
 protected:
  TiersTest() {
    Store<1>::content = {{"new", "1111"}, {"both", "22"}, {"resized", "3"}};
    Store<2>::content = {{"old", "44444"}, {"both", "22"}, {"resized", "333"}};
    Store<1>::listing = Store<2>::listing = Store<1>::fetching = Store<2>::fetching = std::nullopt;
  }
  Result<std::string> list(std::vector<task::PassedOver>* passed_over = nullptr) {
    std::string out;
    auto done = archive_.index(
        [&](const task::IndexEntry& e) -> Result<> {
          out += (out.empty() ? "" : " ") + e.id + ":" + std::to_string(e.size) + "@" + std::to_string(e.tier);
          return {};
        },
        passed_over);
    if (!done) return done.error();
    return out;
  }
  Result<std::string> read(const std::string& id, std::uint64_t tier) {
    task::File f;
    f.id = id;
    f.tier = 1 - tier;  // counted from the last one
    f.version = std::to_string(tier + 1);
    std::string bytes;
    auto done = archive_.fetch(f, [&](std::span<const std::byte> more) -> Result<> {
      bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
      return {};
    });
    if (!done) return done.error();
    return bytes;
  }

  std::unique_ptr<DownloaderModule> first_ = open_downloader<Store<1>>(*record_), second_ = open_downloader<Store<2>>(*record_);
  ArchiveReader archive_{{first_.get(), second_.get()}, {1ms, 2ms, 1s}, {2, 1ms, 2ms}};
};

TEST_F(TiersTest, AreListedTogether) {
  std::vector<task::PassedOver> passed_over;
  EXPECT_EQ(*list(&passed_over), "both:2@1 new:4@1 resized:1@1 old:5@0");
  ASSERT_EQ(passed_over.size(), 1u);
  EXPECT_EQ(passed_over[0].examples, (std::vector<std::string>{"resized"}));
  Store<2>::listing = transient("the tapes do not answer");
  EXPECT_FALSE(list()) << "files of a tier that cannot be listed must not count as gone";
}

TEST_F(TiersTest, AreTriedInOrder) {
  EXPECT_EQ(*read("new", 0), "1111");
  EXPECT_EQ(*read("old", 1), "44444");
  EXPECT_EQ(*read("both", 0), "22");
  Store<1>::content.erase("both");  // since the listing
  EXPECT_EQ(*read("both", 0), "22");
  Store<1>::fetching = transient("the disk does not answer");
  EXPECT_EQ(*read("both", 0), "22");
  EXPECT_EQ(read("new", 0).error().code, Code::transient) << "the error of the tier that lists it";
  Store<1>::fetching = denied("the key is not accepted");
  EXPECT_EQ(read("both", 0).error().code, Code::denied) << "the operator must know";
  Store<1>::fetching = std::nullopt;
  EXPECT_EQ(read("nowhere", 0).error().code, Code::missing);
}

TEST_F(ArchiveReaderTest, AFileThatIsNeverStagedFailsAloneAfterTheOthers) {
  const auto downloader = open_downloader<Slow>(*record_);
  script.piece = 0;
  script.content = {{"a", "0123456789"}, {"never", "0123456789"}};
  script.polls = {{"a", 1}, {"never", 1'000'000}};
  const auto a = file("a"), never = file("never");
  ArchiveReader archive(*downloader, {.first = 1ms, .max = 2ms, .total = 1h, .each = true, .after_others = 20ms}, {3, 1ms, 2ms});
  const auto ignore = [](std::span<const std::byte>) -> Result<> { return {}; };
  const std::vector<const task::File*> both{&never, &a};
  ASSERT_EQ(*archive.next_ready(both), 1u);
  ASSERT_TRUE(archive.fetch(a, ignore));
  const auto next = archive.next_ready(std::span(both).first(1));
  ASSERT_TRUE(next) << "the call is not at fault";
  const auto failed = archive.fetch(never, ignore);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::transient);
}

TEST_F(ArchiveReaderTest, StagedFilesAreReleasedTogetherBeforeMoreAreStaged) {
  const auto downloader = open_downloader<Slow>(*record_);
  script.piece = 0;
  for (const char* id : {"a", "b", "c"}) {
    script.content[id] = "0123456789";
    script.polls[id] = 1;
  }
  script.polls["c"] = 2;
  const std::vector<task::File> files{file("a"), file("b"), file("c")};
  const auto ignore = [](std::span<const std::byte>) -> Result<> { return {}; };
  {
    ArchiveReader archive(*downloader, {1ms, 2ms, 1s}, {3, 1ms, 2ms});
    std::vector<const task::File*> wanted{&files[0], &files[1], &files[2]};
    for (int ready = 0; ready < 2; ++ready) {
      const auto number = archive.next_ready(wanted);
      ASSERT_TRUE(number);
      ASSERT_TRUE(archive.fetch(*wanted[*number], ignore));
      wanted.erase(wanted.begin() + static_cast<std::ptrdiff_t>(*number));
      EXPECT_TRUE(script.released.empty());
    }
    ASSERT_TRUE(archive.next_ready(wanted));
    EXPECT_EQ(script.released, (std::vector<std::string>{"a", "b"}));
    ASSERT_TRUE(archive.fetch(*wanted[0], ignore));
  }
  EXPECT_EQ(script.released, std::vector<std::string>{"c"});
}

TEST_F(ArchiveReaderTest, FilesAreReleasedIfTheDownloaderCan) {
  const std::vector<std::string> ids = {"a", "b"};
  EXPECT_TRUE(open_downloader<Plain>(*record_)->release(ids));
  EXPECT_TRUE(open_downloader<Slow>(*record_)->release(ids));
  EXPECT_EQ(script.released, ids);
}

}  // namespace
}  // namespace mole::runtime
