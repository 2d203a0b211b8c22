// Hostile requests to the real processor: each may close only its own connection and may use little memory.
#include "coordinator/wire/client.hpp"
#include "coordinator/wire/frame_server.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/wire/fake_api.hpp"
#include "tests/wire/raw_peer.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <random>

namespace mole::coordinator {
namespace {

using testing::FakeApi;
using testing::RawPeer;
using testing::TempFolder;

std::string u32(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}
std::string text(const std::string& s) { return u32(static_cast<std::uint32_t>(s.size())) + s; }
std::string call(const std::string& method, const std::string& arguments) {
  return u32(0x80010001) + text(method) + u32(0) + arguments;
}
std::string field(int type, int id) { return {static_cast<char>(type), static_cast<char>(id >> 8), static_cast<char>(id)}; }
// The argument of complete(): a struct that contains a list.
std::string completions(const std::string& list) { return field(12, 1) + field(15, 1) + list; }
constexpr int t_i64 = 10, t_string = 11, t_struct = 12, t_map = 13, t_set = 14, t_list = 15;
const std::string stop(1, '\0');

long peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

class HostileFrame : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server.start()); }
  void expect_harmless(const std::string& frame) {
    const auto before = peak_kib();
    RawPeer peer(server.addresses()[0]);
    peer.frame(frame);
    (void)peer.reply();  // an error, or nothing
    EXPECT_LT(peak_kib() - before, 16 * 1024);
    EXPECT_TRUE(RemoteCoordinator(server.addresses()[0]).status());
  }
  TempFolder folder;
  FakeApi api;
  FrameServer server{serve_coordinator(api), {*parse_address("unix:" + (folder / "s").string())}};
};

TEST_F(HostileFrame, ClaimingAStringOfTwoGigabytes) {
  expect_harmless(call("request", field(t_string, 1) + u32(0x7fffffff) + "x"));
  expect_harmless(call("request", field(t_string, 1) + u32(0xffffffff) + "x"));
  expect_harmless(u32(0x80010001) + u32(0x7fffffff));  // as the name of the method
  expect_harmless(call("request", field(t_string, 1) + u32(90u << 20) + "x"));
}

TEST_F(HostileFrame, ClaimingTwoBillionElements) {
  for (const std::uint32_t count : {0x7fffffffu, 0xffffffffu, 20'000'000u, 4'000'000u, 100'001u, 100'000u, 50'000u}) {
    expect_harmless(call("complete", completions(std::string(1, t_struct) + u32(count))));
    expect_harmless(call("release", field(t_list, 3) + std::string(1, t_string) + u32(count)));
    expect_harmless(call("release", field(t_map, 9) + std::string{t_string, t_string} + u32(count)));  // skipped
    expect_harmless(call("release", field(t_set, 9) + std::string(1, t_i64) + u32(count)));
  }
}

TEST_F(HostileFrame, NestedTooDeeply) {
  std::string deep;
  for (int i = 0; i < 20'000; ++i) deep += field(t_struct, 9);
  expect_harmless(call("requests", deep));
  std::string lists = field(t_list, 9);
  for (int i = 0; i < 20'000; ++i) lists += std::string(1, t_list) + u32(1);
  expect_harmless(call("requests", lists));
}

TEST_F(HostileFrame, WithJsonNestedTooDeeply) {
  const std::string json(1'000'000, '[');
  const std::string step = field(t_string, 12) + text(json) + stop;
  const std::string report = field(t_list, 2) + std::string(1, t_struct) + u32(1) + step + stop;
  const std::string completion = field(t_struct, 4) + report + stop;
  expect_harmless(call("complete", completions(std::string(1, t_struct) + u32(1) + completion + stop + stop)));
}

TEST_F(HostileFrame, OfAnUnknownMethodGetsAReply) {
  RawPeer peer(server.addresses()[0]);
  peer.frame(call("format_disk", stop));
  EXPECT_NE(peer.reply().find("format_disk"), std::string::npos);
}

TEST_F(HostileFrame, WithoutAVersionIsRejected) {
  RawPeer peer(server.addresses()[0]);
  peer.frame(text("status") + std::string(1, 1) + u32(0) + stop);
  EXPECT_TRUE(peer.closed());
}

TEST_F(HostileFrame, WithAMalformedDigestGetsAnErrorMessage) {
  RawPeer peer(server.addresses()[0]);
  peer.frame(call("get_blob", field(t_string, 1) + text("../../etc/passwd") + stop));
  EXPECT_NE(peer.reply().find("digest"), std::string::npos);
}

TEST_F(HostileFrame, MadeOfRandomBytes) {
  std::mt19937 random(4711);
  const std::string good =
      call("complete", completions(std::string(1, t_struct) + u32(1) + field(t_string, 1) + text("n") + field(t_struct, 3) +
                                   field(t_string, 1) + text("7-1") + stop + stop + stop + stop));
  for (int i = 0; i < 300; ++i) {
    RawPeer peer(server.addresses()[0]);
    std::string frame = i % 2 == 0 ? good : std::string(1 + random() % 2000, '\0');
    for (auto& byte : frame)
      if (i % 2 != 0 || random() % 16 == 0) byte = static_cast<char>(random());
    i % 5 == 0 ? peer.bytes(frame) : peer.frame(frame);
  }
  EXPECT_TRUE(RemoteCoordinator(server.addresses()[0]).status());
}

}  // namespace
}  // namespace mole::coordinator
