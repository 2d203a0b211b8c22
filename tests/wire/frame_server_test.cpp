#include "coordinator/wire/frame_server.hpp"

#include "tests/support/temp_folder.hpp"
#include "tests/wire/raw_peer.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <future>
#include <latch>
#include <thread>

namespace mole::coordinator {
namespace {

using testing::RawPeer;
using testing::TempFolder;
using namespace std::chrono_literals;

std::optional<std::string> echo(std::string_view frame) { return "<" + std::string(frame) + ">"; }

class Frames : public ::testing::Test {
 protected:
  Address address() const { return *parse_address("unix:" + (folder / "s").string()); }
  void serve(FrameHandler handler, ServerLimits limits = {}) {
    server = std::make_unique<FrameServer>(std::move(handler), std::vector{address()}, limits);
    const auto started = server->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  TempFolder folder;
  std::unique_ptr<FrameServer> server;
};

TEST_F(Frames, AnswersSeveralFrames) {
  serve(echo);
  RawPeer peer(address());
  peer.frame("one");
  EXPECT_EQ(peer.reply(), "<one>");
  peer.frame("two");
  EXPECT_EQ(peer.reply(), "<two>");
}

TEST_F(Frames, AnswersAFrameThatArrivesByteByByte) {
  serve(echo);
  RawPeer peer(address());
  for (const char byte : std::string("\0\0\0\3abc", 7)) peer.bytes(std::string(1, byte));
  EXPECT_EQ(peer.reply(), "<abc>");
}

TEST_F(Frames, AnswersPipelinedFramesInOrder) {
  serve(echo);
  RawPeer peer(address());
  peer.bytes(std::string("\0\0\0\1a\0\0\0\1b", 10));
  EXPECT_EQ(peer.reply(), "<a>");
  EXPECT_EQ(peer.reply(), "<b>");
}

TEST_F(Frames, ListensOnSeveralAddressesAndReturnsTheChosenPort) {
  const auto secret = Secret::random();
  FrameServer several(echo, {address(), *parse_address("tcp:127.0.0.1:0"), *parse_address("tcp:[::1]:0")}, {}, secret);
  ASSERT_TRUE(several.start());
  ASSERT_EQ(several.addresses().size(), 3u);
  EXPECT_NE(several.port(), 0);
  for (const auto& each : several.addresses()) {
    RawPeer peer(each);
    if (!each.is_unix()) EXPECT_TRUE(peer.prove(secret));
    peer.frame("x");
    EXPECT_EQ(peer.reply(), "<x>") << each.text();
  }
}

TEST_F(Frames, ClosesOnAnInvalidLengthBeforeAllocatingMemory) {
  serve(echo);
  for (const std::string& header : {std::string("\x7f\xff\xff\xff", 4), std::string("\xff\xff\xff\xff", 4),
                                    std::string("\0\0\0\0", 4), std::string("\x00\x40\x00\x01", 4)}) {
    RawPeer peer(address());
    peer.bytes(header);
    EXPECT_TRUE(peer.closed());
  }
  RawPeer largest(address());
  largest.frame(std::string(request_bytes, 'x'));
  EXPECT_EQ(largest.reply().size(), request_bytes + 2);
}

TEST_F(Frames, ClosesAPeerThatSendsItsFrameTooSlowly) {
  serve(echo, {.frame = 100ms});
  RawPeer slow(address());
  slow.bytes(std::string("\0\0\1\0", 4));
  const auto start = std::chrono::steady_clock::now();
  while (!slow.closed(20ms)) {  // a byte every 20 ms would never exceed a timeout per read
    slow.bytes("x");
    ASSERT_LT(std::chrono::steady_clock::now() - start, 10s);
  }
}

TEST_F(Frames, ClosesASilentPeerAndOneThatStopsInTheHeader) {
  serve(echo, {.frame = 50ms, .idle = 50ms});
  RawPeer silent(address());
  RawPeer stuck(address());
  stuck.bytes(std::string("\0", 1));
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(stuck.closed());
}

TEST_F(Frames, ClosesAPeerThatDoesNotReadItsReply) {
  serve([](std::string_view) -> std::optional<std::string> { return std::string(32u << 20, 'r'); }, {.reply = 100ms});
  RawPeer peer(address());
  peer.frame("x");
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(peer.drain(), 32u << 20);
}

TEST_F(Frames, ServesAPeerWhileManyOthersAreStuck) {
  serve(echo, {.threads = 1});
  std::vector<std::unique_ptr<RawPeer>> stuck;
  for (int i = 0; i < 300; ++i) {
    stuck.push_back(std::make_unique<RawPeer>(address()));
    stuck.back()->bytes(
        std::string("\0\x3f\xff\xff"
                    "abc",
                    7));
  }
  RawPeer good(address());
  good.frame("x");
  EXPECT_EQ(good.reply(), "<x>");
}

TEST_F(Frames, ClosesTheLongestSilentConnectionBeyondTheLimit) {
  serve(echo, {.connections = 2});
  RawPeer silent(address());
  RawPeer active(address());
  active.frame("1");
  EXPECT_EQ(active.reply(), "<1>");
  RawPeer third(address());
  third.frame("3");
  EXPECT_EQ(third.reply(), "<3>");
  EXPECT_TRUE(silent.closed());
  active.frame("2");
  EXPECT_EQ(active.reply(), "<2>");
}

TEST_F(Frames, LetsConnectionsWaitWhileAllAreBusy) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  std::atomic<int> busy = 0;
  const auto handler = [&busy, gone](std::string_view frame) {
    if (frame == "slow") {
      ++busy;
      gone.wait();
    }
    return echo(frame);
  };
  serve(handler, {.connections = 2, .per_process = 8});
  std::vector<std::unique_ptr<RawPeer>> slow;
  for (int i = 0; i < 2; ++i) {
    slow.push_back(std::make_unique<RawPeer>(address()));
    slow.back()->frame("slow");
    while (busy <= i) std::this_thread::yield();
  }
  RawPeer last(address());
  last.frame("x");
  EXPECT_FALSE(last.readable(100ms));
  go.set_value();
  EXPECT_EQ(last.reply(), "<x>");
}

TEST_F(Frames, LeavesThreadsToOtherProcesses) {
  const auto secret = Secret::random();
  std::promise<void> go;
  auto gone = go.get_future().share();
  const auto slow = [gone](std::string_view frame) {
    if (frame == "slow") gone.wait();
    return echo(frame);
  };
  FrameServer server(slow, {address(), *parse_address("tcp:127.0.0.1:0")}, {.threads = 4}, secret);
  ASSERT_TRUE(server.start());
  std::vector<std::unique_ptr<RawPeer>> greedy;  // of one process by its own word
  for (int i = 0; i < 12; ++i) {
    greedy.push_back(std::make_unique<RawPeer>(server.addresses()[1]));
    ASSERT_TRUE(greedy.back()->prove(secret));
    greedy.back()->frame("slow");
  }
  RawPeer honest(address());
  honest.frame("x");
  EXPECT_EQ(honest.reply(), "<x>");
  go.set_value();
  for (auto& each : greedy) EXPECT_EQ(each->reply(), "<slow>");
}

TEST_F(Frames, DropsTheRepliesThatPeersDoNotRead) {
  const auto large = [](std::string_view frame) -> std::optional<std::string> {
    return frame == "small" ? std::string("<small>") : std::string(8u << 20, 'x');
  };
  serve(large, {.reply_bytes = 20u << 20});
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 4; ++i) {
    silent.push_back(std::make_unique<RawPeer>(address()));
    silent.back()->frame("large");
    EXPECT_TRUE(silent.back()->readable(10s));
  }
  RawPeer honest(address());
  honest.frame("small");
  EXPECT_EQ(honest.reply(), "<small>");
  EXPECT_NE(silent[0]->reply().size(), 8u << 20) << "the oldest unread reply exceeds the budget";
  EXPECT_EQ(silent[3]->reply().size(), 8u << 20);
}

TEST_F(Frames, DoesNotListenOnTcpWithoutASecret) {
  FrameServer open(echo, {*parse_address("tcp:127.0.0.1:0")});
  const auto started = open.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("--secret"), std::string::npos);
}

TEST_F(Frames, LimitsTheMemoryOfUnfinishedRequests) {
  serve(echo, {.buffered_bytes = 256u << 10});
  std::vector<std::unique_ptr<RawPeer>> peers;
  int closed = 0;
  for (int i = 0; i < 8; ++i) {
    peers.push_back(std::make_unique<RawPeer>(address()));
    peers.back()->bytes(std::string("\0\x10\0\0", 4) + std::string(60'000, 'x'));
  }
  for (auto& peer : peers) closed += peer->closed(200ms) ? 1 : 0;
  EXPECT_EQ(closed, 4);
  peers.clear();
  RawPeer good(address());
  good.frame("x");
  EXPECT_EQ(good.reply(), "<x>") << "the memory of closed requests is released";
}

TEST_F(Frames, ClosesIfTheHandlerCannotReadTheFrame) {
  serve([](std::string_view) { return std::optional<std::string>(); });
  RawPeer peer(address());
  peer.frame("x");
  EXPECT_TRUE(peer.closed());
}

TEST_F(Frames, FinishesARunningRequestWhileItStops) {
  std::latch running(1), proceed(1);
  serve([&](std::string_view frame) {
    running.count_down();
    proceed.wait();
    return echo(frame);
  });
  RawPeer peer(address()), idle(address());
  peer.frame("last");
  running.wait();
  auto stopped = std::async(std::launch::async, [&] { server->stop(); });
  EXPECT_TRUE(idle.closed());
  proceed.count_down();
  EXPECT_EQ(peer.reply(), "<last>");
  EXPECT_TRUE(peer.closed());
  stopped.get();
  EXPECT_FALSE(std::filesystem::exists(folder / "s"));
}

TEST_F(Frames, StopsImmediatelyIfNoRequestIsRunning) {
  serve(echo);
  RawPeer idle(address());
  const auto start = std::chrono::steady_clock::now();
  server->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
}

TEST_F(Frames, GivesItsSocketFileMode0600) {
  serve(echo);
  struct stat st {};
  ASSERT_EQ(::stat((folder / "s").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
}

TEST_F(Frames, ReplacesTheSocketFileOfAStoppedServer) {
  serve(echo);
  std::filesystem::rename(folder / "s", folder / "moved");  // stop() removes only its own file
  server->stop();
  std::filesystem::rename(folder / "moved", folder / "s");
  serve(echo);
  RawPeer peer(address());
  peer.frame("x");
  EXPECT_EQ(peer.reply(), "<x>");
}

TEST_F(Frames, RefusesTheAddressOfARunningServer) {
  serve(echo);
  FrameServer second(echo, {address()});
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("another server is listening on it"), std::string::npos);
  RawPeer peer(address());
  peer.frame("x");
  EXPECT_EQ(peer.reply(), "<x>");
}

TEST_F(Frames, RejectsAPathThatIsNotASocket) {
  std::ofstream(folder / "s") << "data";
  FrameServer second(echo, {address()});
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("not a socket"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(folder / "s"));
}

TEST_F(Frames, RefusesAPortInUse) {
  const auto secret = Secret::random();
  FrameServer first(echo, {*parse_address("tcp:127.0.0.1:0")}, {}, secret);
  ASSERT_TRUE(first.start());
  FrameServer second(echo, first.addresses(), {}, secret);
  ASSERT_FALSE(second.start());
}

}  // namespace
}  // namespace mole::coordinator
