#include "nodes/daemon/fetch.hpp"

#include "coordinator/wire/blob_place.hpp"
#include "sdk/model/durable_file.hpp"
#include "tests/nodes/fake_coordinator.hpp"
#include "tests/support/eventually.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace mole::nodes {
namespace {

namespace fs = std::filesystem;
using testing::FakeCoordinator;

class Fetch : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* part : {"rows", "states", "tables"}) fs::create_directories(attempt / part);
  }
  Digest blob(const std::string& bytes) {
    coordinator.blobs[digest_of(bytes)] = bytes;
    return digest_of(bytes);
  }
  Result<> fetch(const task::Spec& spec) {
    return Fetcher({options, folder, *coordinator.client, plugins, states}, cancel).fetch(spec, attempt);
  }
  task::Spec with_state(const std::string& bytes, std::vector<std::string> nodes) {
    task::Spec spec;
    spec.steps.emplace_back();
    spec.steps[0].plugin = {.name = "m", .version = "1", .library = blob("library"), .sidecar = "{}", .params = {}};
    spec.steps[0].states.push_back({.block = {}, .blob = digest_of(bytes), .nodes = std::move(nodes)});
    return spec;
  }

  FakeCoordinator coordinator;
  NodeFolder folder = *NodeFolder::open(coordinator.folder / "n");
  KnownPlugins plugins;
  StateStore states{folder.states(), 1 << 30};
  Options options = [] {
    Options o;
    o.secret = coordinator::Secret::random();
    o.retry_limit = second_us;
    return o;
  }();
  Cancellation cancel;
  fs::path attempt = folder.attempts() / "1-1";
};

TEST_F(Fetch, FetchesPluginsAndRowsAndStoresPlugins) {
  const std::string large(2'500'000, 'r');
  task::Spec spec;
  spec.steps.emplace_back();
  spec.steps[0].plugin = {.name = "m", .version = "1", .library = blob("library"), .sidecar = "{\"s\":1}", .params = {}};
  spec.steps[0].inputs.emplace_back();
  spec.steps[0].inputs[0].rows.push_back({.block = {}, .blob = blob(large)});
  spec.steps[0].inputs.push_back(spec.steps[0].inputs[0]);
  const auto done = fetch(spec);
  ASSERT_TRUE(done) << done.error().message;
  const auto library = digest_of("library").hex();
  EXPECT_EQ(*read_file(folder.plugins() / (library + ".so")), "library");
  EXPECT_EQ(*read_file(attempt / "rows" / (digest_of(large).hex() + ".parquet")), large);
  coordinator.blobs.erase(digest_of("library"));
  EXPECT_TRUE(fetch(spec));
}

TEST_F(Fetch, VerifiesPluginsOfAnEarlierRunBeforeUse) {
  auto spec = with_state("", {});
  spec.steps[0].states.clear();
  const auto library = folder.plugins() / (digest_of("library").hex() + ".so");
  for (const char* left : {"", "libraRy", "library"}) {  // after a power failure: no bytes, wrong bytes, all bytes
    std::ofstream(library, std::ios::binary) << left;
    KnownPlugins fresh;
    ASSERT_TRUE(Fetcher({options, folder, *coordinator.client, fresh, states}, cancel).fetch(spec, attempt)) << left;
    EXPECT_EQ(*read_file(library), "library");
  }
  coordinator.blobs.erase(digest_of("library"));
  KnownPlugins fresh;
  EXPECT_TRUE(Fetcher({options, folder, *coordinator.client, fresh, states}, cancel).fetch(spec, attempt))
      << "the library was complete";
}

TEST_F(Fetch, FetchesARemovedPluginAgain) {
  auto spec = with_state("", {});
  spec.steps[0].states.clear();
  const auto library = folder.plugins() / (digest_of("library").hex() + ".so");
  ASSERT_TRUE(fetch(spec));
  ASSERT_TRUE(fs::remove(library));
  ASSERT_TRUE(fetch(spec));
  EXPECT_EQ(*read_file(library), "library");
}

TEST_F(Fetch, LinksTheBlobsOfALocalCoordinator) {
  options.blobs = coordinator.folder / "blobs";
  const auto put = [&](const std::string& bytes, const std::string& stored) {
    const auto path = coordinator::blob_place(options.blobs, digest_of(bytes));
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << stored;
    return path;
  };
  auto spec = with_state("", {});
  spec.steps[0].states.clear();
  const auto library = folder.plugins() / (digest_of("library").hex() + ".so");
  std::ofstream(library) << "damaged";
  const auto blob_file = put("library", "library");
  coordinator.stop();
  const auto done = fetch(spec);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(fs::equivalent(library, blob_file));

  coordinator.start();  // a missing or damaged blob is downloaded
  for (const std::string bytes : {"absent", "complete"}) {
    if (bytes == "complete") put(bytes, "damaged");
    spec.steps[0].plugin.library = blob(bytes);
    ASSERT_TRUE(fetch(spec)) << bytes;
    EXPECT_EQ(*read_file(folder.plugins() / (digest_of(bytes).hex() + ".so")), bytes);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.plugins()), fs::directory_iterator()), 3);
}

TEST_F(Fetch, StoresRecentRoutingTablesAndVerifiesThem) {
  const auto with_table = [&](int day) {
    auto spec = with_state("", {});
    spec.steps[0].states.clear();
    const std::string text = "10.0.0.0/8 " + std::to_string(day) + "\n";
    spec.steps[0].routes = {{{0, 1}, {}, "", "prefixes", false}, {{1, 2}, blob(text), "rib.txt", "prefixes", false}};
    return spec;
  };
  for (int day = 1; day <= 40; ++day) ASSERT_TRUE(fetch(with_table(day)));
  const auto stored = std::distance(fs::directory_iterator(folder.tables()), fs::directory_iterator());
  EXPECT_EQ(stored, 32);
  EXPECT_EQ(std::distance(fs::directory_iterator(attempt / "tables"), fs::directory_iterator()), 40);

  const auto last = digest_of("10.0.0.0/8 40\n");
  const auto spec = with_table(40);
  coordinator.blobs.erase(last);
  fs::remove(attempt / "tables" / last.hex());
  EXPECT_TRUE(fetch(spec)) << "the table is linked from the node's folder";
  EXPECT_EQ(*read_file(attempt / "tables" / last.hex()), "10.0.0.0/8 40\n");

  fs::remove(attempt / "tables" / last.hex());
  std::ofstream(folder.tables() / last.hex()) << "damaged";
  const auto damaged = fetch(spec);
  ASSERT_FALSE(damaged);
  EXPECT_NE(damaged.error().message.find("rib.txt"), std::string::npos) << damaged.error().message;
  EXPECT_TRUE(fetch(with_table(40))) << "the table is fetched again";
}

TEST_F(Fetch, NamesAPluginThatTheCoordinatorLacks) {
  task::Spec spec;
  spec.steps.emplace_back();
  spec.steps[0].plugin = {.name = "mean", .version = "1.0.0", .library = digest_of("gone"), .sidecar = "{}", .params = {}};
  const auto done = fetch(spec);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::missing);
  EXPECT_TRUE(done.error().message.starts_with("plugin mean 1.0.0: ")) << done.error().message;
}

TEST_F(Fetch, LeavesNoFileOfABlobWithAWrongDigest) {
  coordinator.blobs[digest_of("library")] = "LIBRARY";
  task::Spec spec;
  spec.steps.emplace_back();
  spec.steps[0].plugin.library = digest_of("library");
  EXPECT_EQ(fetch(spec).error().code, Code::corrupt);
  EXPECT_TRUE(fs::is_empty(folder.plugins()));
}

TEST_F(Fetch, PrefersAStateInItsOwnFolder) {
  std::ofstream(attempt / "new_state") << "state";
  ASSERT_TRUE(states.adopt(attempt / "new_state", digest_of("state")));
  ASSERT_TRUE(fetch(with_state("state", {"tcp:127.0.0.1:1"})));
  EXPECT_EQ(*read_file(attempt / "states" / digest_of("state").hex()), "state");
}

TEST_F(Fetch, FetchesAStateFromAPeerAndStoresIt) {
  fs::create_directories(coordinator.folder / "peer");
  const std::string bytes(1'500'000, 's');
  std::ofstream(attempt / "new_state") << bytes;
  StateStore peer_states(coordinator.folder / "peer", 1 << 30);
  ASSERT_TRUE(peer_states.adopt(attempt / "new_state", digest_of(bytes)));
  CachedFiles peer_files(coordinator.folder / "peer");
  coordinator::FrameServer server(coordinator::serve_peer(peer_states, peer_files),
                                  {*coordinator::parse_address("tcp:127.0.0.1:0")}, {}, *options.secret);
  ASSERT_TRUE(server.start());
  const auto done = fetch(with_state(bytes, {"tcp:127.0.0.1:1", server.addresses()[0].text()}));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(*digest_of_file(attempt / "states" / digest_of(bytes).hex()), digest_of(bytes));
  server.stop();
  fs::remove(attempt / "states" / digest_of(bytes).hex());
  StateStore again(folder.states(), 1 << 30);
  EXPECT_TRUE(again.get(digest_of(bytes), 0, 1)) << "this node has stored the state";
}

TEST_F(Fetch, NamesAFileThatItsNodeDoesNotHave) {
  fs::create_directories(coordinator.folder / "peer");
  CachedFiles peer_files(coordinator.folder / "peer");
  coordinator::FrameServer server(coordinator::serve_peer(states, peer_files), {*coordinator::parse_address("tcp:127.0.0.1:0")},
                                  {}, *options.secret);
  ASSERT_TRUE(server.start());
  task::Spec spec;
  spec.archive.emplace().name = "flows";
  spec.files.emplace_back().id = "file";
  spec.peers.push_back({0, server.addresses()[0].text()});
  const NodeContext node{options, folder, *coordinator.client, plugins, states};
  Fetcher fetcher(node, cancel);
  EXPECT_EQ(fetcher.fetch(spec, attempt).error().code, Code::transient);
  EXPECT_EQ(fetcher.unstaged(), std::vector<std::string>{"file"});
}

TEST_F(Fetch, NamesAMissingState) {
  const auto done = fetch(with_state("state", {"tcp:127.0.0.1:1"}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::missing);
  EXPECT_NE(done.error().message.find(digest_of("state").hex()), std::string::npos);
}

TEST_F(Fetch, RetriesWhileTheCoordinatorIsUnreachable) {
  auto spec = with_state("state", {});
  spec.steps[0].states.clear();
  coordinator.stop();
  std::thread restart([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    coordinator.start();
  });
  const auto done = fetch(spec);
  restart.join();
  EXPECT_TRUE(done) << done.error().message;
}

TEST_F(Fetch, StopsAtTheRetryLimitAndWhenCancelled) {
  auto spec = with_state("state", {});
  coordinator.stop();
  EXPECT_EQ(fetch(spec).error().code, Code::transient);
  cancel.request();
  EXPECT_EQ(fetch(spec).error().code, Code::cancelled);
}

}  // namespace
}  // namespace mole::nodes
