#include "coordinator/wire/secret.hpp"

#include "coordinator/wire/client.hpp"
#include "coordinator/wire/frame_server.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/wire/fake_api.hpp"
#include "tests/wire/raw_peer.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <vector>

namespace mole::coordinator {
namespace {

using testing::RawPeer;
using testing::TempFolder;
using namespace std::chrono_literals;

TEST(SecretFile, IsCreatedOnceForItsOwnerOnly) {
  TempFolder folder;
  const auto file = folder / "secret";
  const auto made = Secret::read_or_create(file);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(std::filesystem::file_size(file), 65u);
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
  EXPECT_EQ(*Secret::read_or_create(file), *made);
  EXPECT_EQ(*Secret::read(file), *made);
  EXPECT_NE(*Secret::read_or_create(folder / "other"), *made);
}

TEST(SecretFile, IsRefusedIfOthersCanReadIt) {
  TempFolder folder;
  ASSERT_TRUE(Secret::read_or_create(folder / "secret"));
  ASSERT_EQ(::chmod((folder / "secret").c_str(), 0640), 0);
  EXPECT_EQ(Secret::read(folder / "secret").error().code, Code::denied);
  EXPECT_EQ(Secret::read_or_create(folder / "secret").error().code, Code::denied);
}

TEST(SecretFile, IsRefusedIfItIsNotASecretAndNotQuoted) {
  TempFolder folder;
  EXPECT_EQ(Secret::read(folder / "secret").error().code, Code::missing);
  EXPECT_EQ(Secret::read(folder.path()).error().code, Code::denied);
  for (const auto& text :
       std::vector<std::string>{"", "hidden", std::string(64, 'x'), std::string(63, 'a'), std::string(65, 'a')}) {
    std::ofstream(folder / "secret") << text;
    ::chmod((folder / "secret").c_str(), 0600);
    const auto read = Secret::read(folder / "secret");
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Code::invalid);
    EXPECT_EQ(read.error().message.find("hidden"), std::string::npos);
  }
}

std::optional<std::string> echo(std::string_view frame) { return "<" + std::string(frame) + ">"; }

// A server on TCP.
class Proofs : public ::testing::Test {
 protected:
  void SetUp() override {
    server = std::make_unique<FrameServer>(echo, std::vector{*parse_address("tcp:127.0.0.1:0")},
                                           ServerLimits{.unproven = 2, .proof = 500ms}, secret);
    ASSERT_TRUE(server->start());
  }
  Address tcp() const { return server->addresses()[0]; }
  const Secret secret = Secret::random();
  std::unique_ptr<FrameServer> server;
};

TEST_F(Proofs, ARequestBeforeTheProofIsNotParsed) {
  RawPeer peer(tcp());
  peer.frame("x");
  EXPECT_TRUE(peer.closed(10s));
}

TEST_F(Proofs, AWrongSecretIsRefused) {
  RawPeer peer(tcp());
  EXPECT_FALSE(peer.prove(Secret::random()));
  peer.frame("x");
  EXPECT_TRUE(peer.closed(10s));
}

TEST_F(Proofs, AProofForAnotherAddressIsRefused) {  // passed on by a program that has taken another port
  RawPeer peer(tcp());
  EXPECT_FALSE(peer.prove(secret, "127.0.0.1:1"));
  peer.frame("x");
  EXPECT_TRUE(peer.closed(10s));
}

TEST_F(Proofs, TheProofOfTheServerIsNotOneOfAClient) {
  RawPeer peer(tcp());
  peer.frame(hello_of(1, random_bytes(nonce_bytes)));
  peer.frame(peer.reply().substr(nonce_bytes));
  peer.frame("x");
  EXPECT_TRUE(peer.closed(10s));
}

TEST_F(Proofs, APeerThatStaysSilentIsClosed) {
  RawPeer silent(tcp());
  EXPECT_TRUE(silent.closed(10s));
  RawPeer half(tcp());
  half.frame(hello_of(1, random_bytes(nonce_bytes)));
  EXPECT_EQ(half.reply().size(), nonce_bytes + proof_bytes);
  EXPECT_TRUE(half.closed(10s));
}

TEST_F(Proofs, PeersWithoutAProofDoNotKeepOthersOut) {
  RawPeer user(tcp());
  ASSERT_TRUE(user.prove(secret));
  user.frame("x");
  EXPECT_EQ(user.reply(), "<x>");
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 50; ++i) silent.push_back(std::make_unique<RawPeer>(tcp()));
  RawPeer second(tcp());
  EXPECT_TRUE(second.prove(secret));
  second.frame("y");
  EXPECT_EQ(second.reply(), "<y>");
  user.frame("z");
  EXPECT_EQ(user.reply(), "<z>");
}

TEST(RemoteCoordinator, RefusesAServerWithAnotherSecret) {
  testing::FakeApi api;
  const auto secret = Secret::random();
  FrameServer server(serve_coordinator(api), {*parse_address("tcp:127.0.0.1:0")}, {}, secret);
  ASSERT_TRUE(server.start());
  EXPECT_TRUE(RemoteCoordinator(server.addresses()[0], {}, secret).status());
  for (const auto& other : {std::optional<Secret>(), std::optional(Secret::random())}) {
    const auto refused = RemoteCoordinator(server.addresses()[0], {}, other).status();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::denied);
    EXPECT_NE(refused.error().message.find("--secret"), std::string::npos) << refused.error().message;
  }
  EXPECT_EQ(api.calls.size(), 1u);
}

}  // namespace
}  // namespace mole::coordinator
