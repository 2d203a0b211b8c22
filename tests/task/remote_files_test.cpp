// The files of a task through a socket: wrong and hostile requests, and processes that end.
#include "tests/decode/support.hpp"
#include "tests/task/task_fixture.hpp"

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
    return channel.receive();
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
  EXPECT_EQ(error_of({{"call", "acquire"}, {"whole", {0, 1, 77}}}), "none");
  EXPECT_NE(error_of({{"call", "open"}, {"number", 4'000'000'000u}}).find("has no file"), std::string::npos);
  EXPECT_NE(error_of({{"call", "publish_columns"}, {"number", 0}}).find("were not begun"), std::string::npos);
  EXPECT_NE(error_of({{"call", "remove_columns"}, {"number", 0}}).find("no cached columns"), std::string::npos);
  EXPECT_EQ(error_of({{"call", "drop_columns"}, {"number", 0}}), "none");
  EXPECT_NE(error_of({{"call", "execute"}, {"number", 0}}).find("unknown call"), std::string::npos);
  const auto none = ask({{"call", "begin_columns"}, {"number", 0}});  // this task has announced no columns
  ASSERT_TRUE(none && *none);
  EXPECT_FALSE((*none)->file);
}

TEST_F(RemoteFilesTest, MoreColumnsThanAnnouncedAreNotPublished) {
  ASSERT_EQ(error_of({{"call", "acquire"}, {"columns", json::array()}, {"whole", json::array()}}), "none");
  const auto begun = ask({{"call", "begin_columns"}, {"number", 0}});
  ASSERT_TRUE(begun && *begun && (*begun)->file);
  ASSERT_GE(::lseek((*begun)->file.get(), 1 << 30, SEEK_SET), 0);
  EXPECT_NE(error_of({{"call", "publish_columns"}, {"number", 0}}).find("more columns"), std::string::npos);
}

TEST_F(RemoteFilesTest, WhatIsNoRequestEndsTheServer) {
  for (const std::string text :
       {"[]", "{}", R"({"call":7})", R"({"call":"open","number":-1.5e300})", R"({"call":"open","number":"a"})"}) {
    SCOPED_TRACE(text);
    FilesServer server(spec_, plugins_, *cache_);
    const auto size = static_cast<std::uint32_t>(text.size());
    std::string bytes(sizeof size, '\0');
    std::memcpy(bytes.data(), &size, sizeof size);
    bytes += text;
    ASSERT_EQ(::write(server.client(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    server.end();
    if (text.find("e300") == std::string::npos)
      EXPECT_EQ(server.result ? Code::internal : server.result.error().code, Code::corrupt);
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
  RemoteFiles files(server_->client());
  ASSERT_EQ(::shutdown(server_->client(), SHUT_WR), 0);  // the server ends
  const auto acquired = files.acquire(std::nullopt, {});
  ASSERT_FALSE(acquired);
  EXPECT_EQ(acquired.error().code, Code::transient);
}

}  // namespace
}  // namespace mole::runtime::testing
