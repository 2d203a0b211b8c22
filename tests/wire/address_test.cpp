#include "coordinator/wire/address.hpp"

#include <gtest/gtest.h>

namespace mole::coordinator {
namespace {

TEST(Address, ParsesTheTextOfAnAddress) {
  for (const std::string text : {"unix:/run/mole/c.sock", "tcp:127.0.0.1:9190", "tcp:127.9.9.9:0", "tcp:[::1]:65535"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text << ": " << address.error().message;
    EXPECT_EQ(address->text(), text);
  }
  EXPECT_EQ(parse_address("tcp:localhost:80")->text(), "tcp:127.0.0.1:80");
  EXPECT_EQ(parse_address("tcp:::1:80")->text(), "tcp:[::1]:80");
}

TEST(Address, RejectsAddressesOfOtherMachines) {
  for (const std::string text :
       {"tcp:0.0.0.0:80", "tcp:10.0.0.1:80", "tcp:[::]:80", "tcp:[2001:db8::1]:80", "tcp:[::ffff:127.0.0.1]:80"}) {
    const auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Code::invalid);
    EXPECT_NE(address.error().message.find("is not a loopback address"), std::string::npos) << address.error().message;
    EXPECT_NE(address.error().message.find("until TLS is supported"), std::string::npos);
  }
}

TEST(Address, RejectsHostNames) {
  EXPECT_NE(parse_address("tcp:example.org:80").error().message.find("not a numeric loopback address"), std::string::npos);
}

TEST(Address, RejectsMalformedText) {
  for (const std::string text : {"", "127.0.0.1:80", "unix:", "tcp:127.0.0.1", "tcp:127.0.0.1:", "tcp::80", "tcp:127.0.0.1:65536",
                                 "tcp:127.0.0.1:-1", "tcp:127.0.0.1:8x", "http://127.0.0.1:80"})
    EXPECT_FALSE(parse_address(text)) << text;
}

TEST(Address, RejectsASocketPathThatIsTooLong) {
  const auto address = parse_address("unix:/" + std::string(107, 'x'));
  ASSERT_FALSE(address);
  EXPECT_NE(address.error().message.find("use a shorter path"), std::string::npos);
  EXPECT_TRUE(parse_address("unix:/" + std::string(106, 'x')));
}

}  // namespace
}  // namespace mole::coordinator
