#include "coordinator/wire/client.hpp"

#include "coordinator/wire/frame_server.hpp"
#include "coordinator/wire/peer.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/wire/fake_api.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace mole::coordinator {
namespace {

using testing::FakeApi;
using testing::TempFolder;

// A FakeApi behind a real socket, and a client.
class Client : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    start(*parse_address(GetParam() == "unix" ? "unix:" + (folder / "s").string() : "tcp:127.0.0.1:0"));
    client = std::make_unique<RemoteCoordinator>(server->addresses()[0], Timeouts{}, secret);
  }
  void start(const Address& address) {
    server = std::make_unique<FrameServer>(serve_coordinator(api), std::vector{address}, ServerLimits{}, secret);
    const auto started = server->start();
    ASSERT_TRUE(started) << started.error().message;
  }

  const Secret secret = Secret::random();
  TempFolder folder;
  FakeApi api;
  std::unique_ptr<FrameServer> server;
  std::unique_ptr<RemoteCoordinator> client;
};

INSTANTIATE_TEST_SUITE_P(Over, Client, ::testing::Values("unix", "tcp"), [](const auto& chosen) { return chosen.param; });

TEST_P(Client, SendsEveryCallOfAClient) {
  Submission s;
  s.manifest = "pipeline: p";
  s.module = "mean";
  s.range = {10, 20};
  s.client_id = "c";
  EXPECT_EQ(client->submit(s)->id, "r-1");
  EXPECT_TRUE(client->plan(s));
  EXPECT_TRUE(client->validate(s));
  EXPECT_TRUE(client->request("r-1"));
  EXPECT_TRUE(client->requests());
  EXPECT_TRUE(client->cancel("r-1"));
  EXPECT_TRUE(client->status());
  EXPECT_TRUE(client->explain("p/m@2007-09-22T18:00:00Z", "last"));
  EXPECT_TRUE(client->why("p/m", "bytes", -7, "r1"));
  EXPECT_TRUE(client->results("p/m", {1, 2}, "r2"));
  EXPECT_TRUE(client->archive_files("p/a", {3, 4}));
  EXPECT_TRUE(client->archive_gaps("p/a"));
  EXPECT_TRUE(client->load_history({5, 6}));
  EXPECT_TRUE(client->collect_garbage({true, 8, {}}));
  EXPECT_TRUE(client->archive_task(s, "a", RequestKind::index));
  EXPECT_TRUE(client->dump("files", "k", 5));
  EXPECT_EQ(api.calls,
            (std::vector<std::string>{"submit", "plan", "validate", "request r-1", "requests", "cancel r-1", "status",
                                      "explain p/m@2007-09-22T18:00:00Z last", "why p/m bytes -7 r1", "results p/m 1 2 r2",
                                      "archive_files p/a 3 4", "archive_gaps p/a", "load_history 5 6", "collect_garbage 1 8 0",
                                      "archive_task a index", "dump files k 5"}));
  ASSERT_EQ(api.submissions.size(), 4u);
  EXPECT_EQ(api.submissions[3].range, (TimeRange{10, 20}));
}

TEST_P(Client, SendsEveryCallOfANode) {
  task::Spec spec;
  spec.id = "7-1";
  spec.kind = task::Kind::compute;
  api.grants = {spec};
  api.heartbeat_reply = {.cancel = {"7-0"}, .drain = true, .reregister = false};
  EXPECT_EQ(client->register_node({.name = "n", .incarnation = "i", .address = "", .slots = 2})->epoch, 7u);
  const auto leased = client->lease({.node = "n", .incarnation = "i", .free_slots = 2, .held = {"7-0"}});
  ASSERT_TRUE(leased);
  ASSERT_EQ(leased->size(), 1u);
  EXPECT_EQ(leased->front().id, "7-1");
  EXPECT_EQ(client->heartbeat({.node = "n", .incarnation = "i", .tasks = {}})->cancel, std::vector<std::string>{"7-0"});
  EXPECT_TRUE(client->release("n", "i", {"7-1"}));
  const auto verdicts = client->complete({Completion{.node = "n", .incarnation = "i", .spec = spec, .report = {}}});
  ASSERT_TRUE(verdicts) << verdicts.error().message;
  EXPECT_EQ(*verdicts, std::vector{Verdict::accepted});
  EXPECT_EQ(api.calls, (std::vector<std::string>{"release n i 7-1", "complete 1"}));
}

TEST_P(Client, NamesFilesInCachesAsTheNodeDoes) {
  Completion completion;
  auto& archive = completion.spec.archive.emplace();
  archive.name = "flows";
  archive.downloader = {.name = "samfs", .version = "1", .library = digest_of("l"), .sidecar = "s", .params = {{"root", "/sam"}}};
  archive.decoder = {.name = "netflow5", .version = "1", .library = digest_of("d"), .sidecar = "s", .params = {{"a", 1}}};
  ASSERT_TRUE(client->complete({completion}));
  ASSERT_EQ(api.completions.size(), 1u);
  const auto& got = *api.completions[0].spec.archive;
  EXPECT_EQ(task::cache_name_of(got), task::cache_name_of(archive));
  EXPECT_EQ(got.downloader.sidecar, "");
  EXPECT_EQ(got.decoder.library, digest_of("d"));
  EXPECT_EQ(got.decoder.params, nlohmann::json::object());
}

TEST_P(Client, ReceivesASidecarOncePerReply) {
  const std::string shared(1'000'000, 's');
  task::Spec spec;
  spec.steps.resize(1);
  spec.steps[0].plugin = {.name = "m", .version = "1", .library = digest_of("library"), .sidecar = shared};
  api.grants.assign(100, spec);  // 100 MB with a sidecar in every spec: more than a reply may hold
  api.grants.back().steps[0].plugin.sidecar = "a different sidecar of the same library";
  const auto leased = client->lease({.node = "n", .incarnation = "i", .free_slots = 100, .held = {}});
  ASSERT_TRUE(leased) << leased.error().message;
  ASSERT_EQ(leased->size(), 100u);
  EXPECT_EQ(leased->front().steps[0].plugin.sidecar, shared);
  EXPECT_EQ(leased->at(98).steps[0].plugin.sidecar, shared);
  EXPECT_EQ(leased->back().steps[0].plugin.sidecar, "a different sidecar of the same library");
}

TEST_P(Client, ReturnsTheReasonIfARequestCannotBeRead) {
  Completion bad;
  bad.report.steps.emplace_back().outcome = static_cast<task::Outcome>(9);
  const auto rejected = client->complete({bad});
  ASSERT_FALSE(rejected);
  EXPECT_EQ(rejected.error().code, Code::invalid);
  EXPECT_NE(rejected.error().message.find("StepReport.outcome has an unknown value"), std::string::npos)
      << rejected.error().message;
  EXPECT_TRUE(client->status()) << "the connection still works";
}

TEST_P(Client, TransfersBlobsInPieces) {
  const std::string blob(3'000'000, 'b');
  const auto digest = digest_of(blob);
  for (std::size_t at = 0; at < blob.size();) {
    const auto held = client->put_blob(digest, at, std::string_view(blob).substr(at, 1 << 20), blob.size());
    ASSERT_TRUE(held) << held.error().message;
    at = *held;
  }
  EXPECT_EQ(api.blobs[digest], blob);
  EXPECT_EQ(client->get_blob(digest, 0, 1 << 30)->size(), std::size_t{1} << 20);
  EXPECT_EQ(*client->get_blob(digest, blob.size() - 1, 100), "b");
  EXPECT_EQ(*client->get_blob(digest, blob.size(), 100), "");
  EXPECT_EQ(client->get_blob(digest_of("other"), 0, 100).error().code, Code::missing);
  EXPECT_EQ(client->put_blob(digest, 0, std::string(1'048'577, 'x'), 2'000'000).error().code, Code::invalid);
}

TEST_P(Client, ReturnsErrorsUnchanged) {
  api.error = Error{Code::missing, "request r-9 does not exist; see mole request list"};
  const auto got = client->request("r-9");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::missing);
  EXPECT_EQ(got.error().message, "request r-9 does not exist; see mole request list");
}

TEST_P(Client, ReceivesManyLargeDocuments) {
  api.answer.reason = std::string(30u << 20, 'x');
  for (int i = 0; i < 4; ++i) {  // 120 MB over one connection: limits are per message
    const auto got = client->request("r-1");
    ASSERT_TRUE(got) << i << ": " << got.error().message;
    ASSERT_EQ(got->reason.size(), 30u << 20);
  }
}

TEST_P(Client, ReportsThatAReplyIsTooLarge) {
  api.answer.reason = std::string(65u << 20, 'x');
  const auto got = client->request("r-1");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::exhausted);
}

TEST_P(Client, SendsManyCompletionsInSeveralFrames) {
  task::Report report;
  report.log_tail.assign(60'000, 'l');
  std::vector<Completion> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back({.node = "n", .incarnation = "i", .spec = {}, .report = report});
    all.back().spec.id = "1-" + std::to_string(i);
    all.back().spec.steps.emplace_back();
    all.back().spec.steps[0].plugin.library = digest_of("library");
    all.back().spec.steps[0].plugin.sidecar = "{\"schema\":1}";
  }
  const auto verdicts = client->complete(all);
  ASSERT_TRUE(verdicts) << verdicts.error().message;
  EXPECT_EQ(verdicts->size(), 200u);
  EXPECT_EQ(api.completions.size(), 200u);
  EXPECT_EQ(api.completions.back().spec.id, "1-199");
  EXPECT_EQ(api.completions.back().spec.steps[0].plugin.library, digest_of("library"));
  EXPECT_EQ(api.completions.back().spec.steps[0].plugin.sidecar, "") << "the coordinator identifies the plugin by its digest";
  EXPECT_GE(api.calls.size(), 3u);
}

TEST_P(Client, RejectsASingleCompletionLargerThanAFrame) {
  Completion huge;
  huge.report.log_tail.assign(5u << 20, 'l');
  EXPECT_EQ(client->complete({huge}).error().code, Code::exhausted);
  EXPECT_TRUE(api.completions.empty());
  EXPECT_EQ(client->complete({Completion{}, huge}).error().code, Code::exhausted);
  EXPECT_EQ(api.completions.size(), 1u) << "the completions before it are sent";
  EXPECT_TRUE(client->status()) << "the connection still works";
}

TEST_P(Client, IsUsedByManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> succeeded{0};
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) succeeded += client->status() ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(succeeded, 800);
}

TEST_P(Client, ReconnectsToARestartedCoordinator) {
  ASSERT_TRUE(client->status());
  const auto address = server->addresses()[0];
  server->stop();
  const auto unreachable = client->status();
  ASSERT_FALSE(unreachable);
  EXPECT_EQ(unreachable.error().code, Code::transient);
  EXPECT_NE(unreachable.error().message.find("check that it is running"), std::string::npos);
  start(address);
  EXPECT_TRUE(client->status());
}

TEST(RemoteCoordinator, RejectsAWrongAddress) { EXPECT_EQ(RemoteCoordinator::at("tcp:8.8.8.8:1").error().code, Code::invalid); }

TEST(RemoteCoordinator, TimesOutOnASilentServer) {
  TempFolder folder;
  const auto silent = [](std::string_view) -> std::optional<std::string> {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return std::nullopt;
  };
  FrameServer server(silent, {*parse_address("unix:" + (folder / "s").string())});
  ASSERT_TRUE(server.start());
  RemoteCoordinator client(server.addresses()[0], {.receive = std::chrono::milliseconds(50)});
  const auto got = client.status();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::transient);
  EXPECT_NE(got.error().message.find("did not answer in time"), std::string::npos);
}

class OneBlob final : public PeerBlobs {
 public:
  Result<std::string> get(const Digest& blob, std::uint64_t offset, std::uint32_t limit) override {
    if (blob != digest_of("state")) return missing("not here");
    return std::string("state").substr(std::min<std::size_t>(offset, 5), limit);
  }
};

class OneFile final : public PeerFiles {
 public:
  Result<FilePiece> get(const Digest& name, std::uint64_t offset, std::uint32_t limit) override {
    if (name != digest_of("name")) return missing("not here");
    return FilePiece{digest_of("file"), 4, std::string("file").substr(std::min<std::size_t>(offset, 4), limit)};
  }
};

TEST(Peer, ServesStatesAndFilesInPieces) {
  TempFolder folder;
  OneBlob blobs;
  OneFile files;
  FrameServer server(serve_peer(blobs, files), {*parse_address("unix:" + (folder / "s").string())});
  ASSERT_TRUE(server.start());
  PeerClient peer(server.addresses()[0]);
  EXPECT_EQ(*peer.get_blob(digest_of("state"), 0, 2), "st");
  EXPECT_EQ(*peer.get_blob(digest_of("state"), 2, 100), "ate");
  EXPECT_EQ(*peer.get_blob(digest_of("state"), 5, 100), "");
  EXPECT_EQ(peer.get_blob(digest_of("x"), 0, 2).error().code, Code::missing);
  const auto piece = peer.get_file(digest_of("name"), 2, 1);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->digest, digest_of("file"));
  EXPECT_EQ(piece->size, 4U);
  EXPECT_EQ(piece->bytes, "l");
  EXPECT_EQ(peer.get_file(digest_of("state"), 0, 2).error().code, Code::missing) << "a state is not a file";
  EXPECT_EQ(peer.get_blob(digest_of("name"), 0, 2).error().code, Code::missing);
  server.stop();
  EXPECT_EQ(peer.get_blob(digest_of("state"), 0, 2).error().code, Code::transient);
}

}  // namespace
}  // namespace mole::coordinator
