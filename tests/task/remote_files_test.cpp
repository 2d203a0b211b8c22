// The files of a task through a socket: wrong and hostile requests, and processes that end.
#include "tests/decode/support.hpp"
#include "tests/task/task_fixture.hpp"

#include <csignal>
#include <cstring>
#include <map>

namespace mole::runtime::testing {
namespace {

using nlohmann::json;

constexpr std::int64_t first_second = 1'190'487'600;
constexpr TimeRange hour{first_second * second_us, (first_second + 3600) * second_us};

class RemoteFilesTest : public ::testing::Test {
 protected:
  RemoteFilesTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as a worker
    test::Datagram datagram;
    datagram.seconds = static_cast<std::uint32_t>(first_second + 60);
    std::ofstream(archive_.path() / "19991_1_1190487600.dat", std::ios::binary) << (bytes_ = datagram.bytes());
    std::ofstream(archive_.path() / "19992_1_1190487600.dat", std::ios::binary) << bytes_;
    task_.emplace(archive_.path());
    spec_ = task_->spec(hour, {task_->flows_step("traffic", 15 * minute_us)});
    auto opened = Cache::open(task_->cache(), {.limit = std::uint64_t{1} << 20});
    EXPECT_TRUE(opened);
    cache_.emplace(std::move(*opened));
    server_.emplace(spec_, plugins_, *cache_);
  }

  // Sends a request as it is, and returns the answer.
  Result<std::optional<FilesChannel::Message>> ask(const json& request) {
    const FilesChannel channel(server_->client(), 1 << 20);
    if (auto sent = channel.send(request); !sent) return sent.error();
    return channel.receive(true);
  }
  std::string error_of(const json& request) {
    const auto reply = ask(request);
    if (!reply || !*reply) return "ended";
    return (*reply)->body.contains("error") ? (*reply)->body["error"]["message"].get<std::string>() : "none";
  }

  TempFolder archive_;
  std::string bytes_;
  std::optional<ArchiveTask> task_;
  task::Spec spec_;
  std::unique_ptr<CallRecord> record_ = CallRecord::in_memory();
  const PluginSet plugins_{{MOLE_TEST_PLUGINS, MOLE_SHIPPED_PLUGINS}, *record_};
  std::optional<Cache> cache_;
  std::optional<FilesServer> server_;
};

TEST_F(RemoteFilesTest, AFileIsReadThroughADescriptorThatCannotBeWritten) {
  RemoteFiles files(server_->client());
  const auto acquired = files.acquire(std::nullopt, {});
  ASSERT_TRUE(acquired) << acquired.error().message;
  ASSERT_EQ(acquired->size(), spec_.files.size());
  auto file = files.open(0);
  ASSERT_TRUE(file) << file.error().message;
  std::vector<std::uint8_t> read(bytes_.size() + 1);
  const auto got = file->read(0, read);
  ASSERT_TRUE(got);
  EXPECT_EQ(std::string(read.begin(), read.begin() + static_cast<std::ptrdiff_t>(*got)), bytes_);
  EXPECT_EQ(::pwrite(file->descriptor(), "x", 1, 0), -1);
  const auto intact = files.is_intact(0);
  EXPECT_TRUE(intact && *intact);
}

TEST_F(RemoteFilesTest, ColumnsThatAreNotPublishedLeaveNothing) {
  RemoteFiles files(server_->client());
  ASSERT_TRUE(files.acquire(std::vector<int>{}, {}));
  {
    auto output = files.begin_columns(1);
    ASSERT_TRUE(output && *output);
    EXPECT_TRUE((*output)->append("half of them"));
  }
  for (const auto& entry : fs::directory_iterator(task_->cache())) EXPECT_NE(entry.path().extension(), ".part") << entry.path();
}

TEST_F(RemoteFilesTest, PublishedColumnsHaveTheSizeThatWasWritten) {
  RemoteFiles files(server_->client());
  ASSERT_TRUE(files.acquire(std::vector<int>{}, {}));
  auto output = files.begin_columns(1);
  ASSERT_TRUE(output && *output);
  EXPECT_TRUE((*output)->append("eleven "));
  EXPECT_TRUE((*output)->append("byte"));
  const auto published = (*output)->publish();
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_TRUE(published->columns);
  auto file = files.open(1);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 11u);
}

TEST_F(RemoteFilesTest, WrongRequestsAreAnsweredWithErrors) {
  EXPECT_NE(error_of({{"call", "open"}, {"number", 0}}).find("is not pinned"), std::string::npos);
  EXPECT_EQ(error_of({{"call", "acquire"}, {"whole", {0, 1}}}), "none");
  EXPECT_NE(error_of({{"call", "acquire"}, {"whole", {0, 77}}}).find("has no file"), std::string::npos);
  for (const json& number : {json(-1), json(-1.5e300), json(0.0), json("0"), json(std::uint64_t{1} << 32), json()})
    EXPECT_NE(error_of({{"call", "open"}, {"number", number}}).find("has no file"), std::string::npos) << number;
  EXPECT_NE(error_of({{"call", "acquire"}, {"columns", {"no such column"}}, {"whole", json::array()}}).find("does not exist"),
            std::string::npos);
  EXPECT_EQ(error_of({{"call", "acquire"}, {"whole", json::array()}}), "none");
  EXPECT_NE(error_of({{"call", "open"}, {"number", 4'000'000'000u}}).find("has no file"), std::string::npos);
  EXPECT_NE(error_of({{"call", "publish_columns"}, {"number", 0}, {"size", 0}}).find("were not begun"), std::string::npos);
  EXPECT_NE(error_of({{"call", "remove_columns"}, {"number", 0}}).find("no cached columns"), std::string::npos);
  EXPECT_EQ(error_of({{"call", "drop_columns"}, {"number", 0}}), "none");
  EXPECT_NE(error_of({{"call", "execute"}, {"number", 0}}).find("unknown call"), std::string::npos);
  const auto none = ask({{"call", "begin_columns"}, {"number", 0}});  // this task has announced no columns
  ASSERT_TRUE(none && *none);
  EXPECT_FALSE((*none)->file);
}

// Opens the columns of the first file for writing.
OwnedFd begin_columns(const FilesChannel& channel) {
  EXPECT_TRUE(channel.send({{"call", "acquire"}, {"columns", json::array()}, {"whole", json::array()}}));
  EXPECT_TRUE(channel.receive(false));
  EXPECT_TRUE(channel.send({{"call", "begin_columns"}, {"number", 0}}));
  auto begun = channel.receive(true);
  EXPECT_TRUE(begun && *begun);
  return begun && *begun ? std::move((*begun)->file) : OwnedFd();
}

TEST_F(RemoteFilesTest, OnlyWholeColumnsArePublished) {
  const FilesChannel channel(server_->client(), 1 << 20);
  for (const json& size : {json(3), json(5), json(-4), json("4"), json(4.0), json(1e30)}) {
    SCOPED_TRACE(size.dump());
    const auto pipe = begin_columns(channel);
    ASSERT_TRUE(pipe);
    ASSERT_EQ(::write(pipe.get(), "four", 4), 4);
    EXPECT_NE(error_of({{"call", "publish_columns"}, {"number", 0}, {"size", size}}).find("not complete"), std::string::npos);
  }
}

TEST_F(RemoteFilesTest, MoreColumnsThanTheirSpaceAreNotTaken) {
  const FilesChannel channel(server_->client(), 1 << 20);
  const auto pipe = begin_columns(channel);
  ASSERT_TRUE(pipe);
  const std::string bytes(1 << 16, 'x');
  std::uint64_t written = 0;
  while (written < (std::uint64_t{64} << 20) && ::write(pipe.get(), bytes.data(), bytes.size()) > 0) written += bytes.size();
  EXPECT_LT(written, std::uint64_t{8} << 20);
  EXPECT_NE(error_of({{"call", "publish_columns"}, {"number", 0}, {"size", written}}).find("not complete"), std::string::npos);
  std::uint64_t cached = 0;
  for (const auto& entry : fs::directory_iterator(task_->cache())) cached += entry.file_size();
  EXPECT_LT(cached, std::uint64_t{1} << 20);
}

TEST_F(RemoteFilesTest, ColumnsAreRefusedIfTheNodeKeepsNone) {
  FilesServer server(spec_, plugins_, *cache_, false);
  RemoteFiles files(server.client());
  ASSERT_TRUE(files.acquire(std::vector<int>{}, {}));
  const auto begun = files.begin_columns(0);
  EXPECT_TRUE(begun && !*begun);
}

TEST_F(RemoteFilesTest, PassedDescriptorsAreNotKept) {
  const auto descriptors = [] { return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()); };
  const FilesChannel channel(server_->client(), 1 << 20);
  ASSERT_EQ(error_of({{"call", "drop_columns"}, {"number", 0}}), "none");
  const auto before = descriptors();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(channel.send({{"call", "drop_columns"}, {"number", 0}}, STDERR_FILENO));
    ASSERT_TRUE(channel.receive(false));
  }
  EXPECT_EQ(descriptors(), before);
}

TEST_F(RemoteFilesTest, WhatIsNoRequestEndsTheServer) {
  for (const std::string text :
       {"[]", "{}", "", R"({"call":7})", R"({"call":"open"})", R"({"call":"acquire","whole":7,"columns":[1]})"}) {
    SCOPED_TRACE(text);
    FilesServer server(spec_, plugins_, *cache_);
    const auto size = static_cast<std::uint32_t>(text.size());
    std::string bytes(sizeof size, '\0');
    std::memcpy(bytes.data(), &size, sizeof size);
    bytes += text;
    ASSERT_EQ(::write(server.client(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    server.end();
    ASSERT_FALSE(server.result);
    EXPECT_EQ(server.result.error().code, Code::corrupt);
  }
}

TEST_F(RemoteFilesTest, AnAnnouncedGiantIsRefusedBeforeItIsRead) {
  ASSERT_EQ(::write(server_->client(), "\xff\xff\xff\xff", 4), 4);
  server_->end();
  ASSERT_FALSE(server_->result);
  EXPECT_EQ(server_->result.error().code, Code::corrupt);
}

TEST_F(RemoteFilesTest, ARequestCutShortEndsTheServer) {
  ASSERT_EQ(::write(server_->client(), "\x09\0\0\0{", 5), 5);
  server_->end();
  ASSERT_FALSE(server_->result);
  EXPECT_EQ(server_->result.error().code, Code::transient);
}

TEST_F(RemoteFilesTest, AProcessThatHasEndedIsAnErrorToTryAgain) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const OwnedFd own(ends[0]);
  RemoteFiles files(own.get());
  std::thread peer([end = ends[1]] {
    char byte;
    EXPECT_EQ(::read(end, &byte, 1), 1);  // ends when it has begun to read the request
    ::close(end);
  });
  const auto acquired = files.acquire(std::nullopt, {});
  peer.join();
  ASSERT_FALSE(acquired);
  EXPECT_EQ(acquired.error().code, Code::transient);
  EXPECT_TRUE(files.ended());
}

TEST_F(RemoteFilesTest, AnErrorBeforeTheFirstFileIsThatOfTheTask) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  OwnedFd own(ends[0]);
  std::thread peer([end = ends[1]] {
    refuse_files(end, denied("the archive refuses these credentials; ask its operator"));
    ::close(end);
  });
  {
    RemoteFiles files(own.get());
    const auto acquired = files.acquire(std::nullopt, {});
    ASSERT_FALSE(acquired);
    EXPECT_EQ(acquired.error().code, Code::denied);
    EXPECT_FALSE(files.ended());
  }
  own = OwnedFd();
  peer.join();
}

}  // namespace
}  // namespace mole::runtime::testing
