#include "sdk/model/routes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace mole {
namespace {

TEST(RouteText, ReadsEveryForm) {
  const auto routes = parse_routes(
      "# a table\n"
      "192.0.2.0/24 64500\n"
      "\n"
      "198.51.100.0\t25\t64501\r\n"
      "198.51.100.128/25 AS64502  # comment\n"
      "203.0.113.0/24 {64503,64504}\n"
      "203.0.113.7/32 64505_64506\n"
      "203.0.113.8/32 64507,64508_64509\n"
      "0.0.0.0/0 4294967295\n"
      "2001:db8::/32 64510\n"
      "; the end\n"
      "2001:db8:8000:: 33 as64511");
  ASSERT_TRUE(routes) << routes.error().message;
  ASSERT_EQ(routes->v4.size(), 7u);
  const std::uint32_t as[] = {64500, 64501, 64502, 64503, 64505, 64507, 4294967295u};
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(routes->v4[i].as, as[i]) << i;
  EXPECT_EQ(routes->v4[2].network, 0xc6336480u);
  EXPECT_EQ(routes->v4[2].length, 25);
  ASSERT_EQ(routes->v6.size(), 2u);
  EXPECT_EQ(routes->v6[1].high, 0x20010db880000000u);
  EXPECT_EQ(routes->v6[1].low, 0u);
  EXPECT_EQ(routes->v6[1].length, 33);
  EXPECT_EQ(routes->v6[1].as, 64511u);
}

TEST(RouteText, ErrorsNameTheLine) {
  const char* const bad[] = {"192.0.2.0/24",
                             "192.0.2.0 64500",
                             "192.0.2.0/33 64500",
                             "192.0.2/24 64500",
                             "192.0.256.0/24 64500",
                             "192.0.2.1/24 64500",
                             "192.0.2.0/24 4294967296",
                             "192.0.2.0/24 1.10",
                             "192.0.2.0/24 64500 7",
                             "2001:db8::/129 1",
                             "2001:db8::1/64 1",
                             "2001:db8/32 1",
                             "192.0.2.0/24 {64500",
                             "192.0.2.0/24 64500}",
                             "192.0.2.0/24 AS",
                             "192.0.2.0/-1 64500",
                             "a.b.c.d/24 64500",
                             "192.0.2.0/24 64500,",
                             "prefix,origin",
                             "\x01\x02\x03 \xff",
                             "99999999999999999999/8 1",
                             "192.0.2.0/024x 1",
                             "1:2:3:4:5:6:7:8:9::/16 1",
                             "1.2.3.4.5/8 1"};
  for (const char* line : bad) {
    const auto routes = parse_routes(std::string("10.0.0.0/8 1\n") + line + "\n11.0.0.0/8 1\n");
    ASSERT_FALSE(routes) << line;
    EXPECT_EQ(routes.error().code, Code::invalid) << line;
    EXPECT_EQ(routes.error().message.substr(0, 8), "line 2: ") << line << ": " << routes.error().message;
  }
}

// One line in a hundred may be unusable: it is left out, counted and reported. More are a mistake in the file.
TEST(RouteText, CountsUnusableLines) {
  std::string text = "# a table\n\n";
  for (int i = 0; i < 297; ++i) text += "10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24 64500\n";
  const auto sound = parse_routes(text);
  ASSERT_TRUE(sound);
  EXPECT_EQ(sound->unusable, UnusableLines{});
  text += "192.0.2.1/24 1\n192.0.2.0/24 AS\n\n" + std::string(100'000, '1') + "\n";
  const auto routes = parse_routes(text);
  ASSERT_TRUE(routes) << routes.error().message;
  EXPECT_EQ(routes->v4.size(), 297u);
  EXPECT_EQ(routes->unusable.count, 3u);
  ASSERT_EQ(routes->unusable.first.size(), 3u);
  EXPECT_TRUE(routes->unusable.first[0].starts_with("line 300: the network has bits set"));
  EXPECT_TRUE(routes->unusable.first[1].starts_with("line 301: no AS number follows the prefix"));
  EXPECT_TRUE(routes->unusable.first[2].starts_with("line 303: the line is longer than 64 KiB"));
  EXPECT_EQ(*check_route_table("prefixes", text), routes->unusable);
  const auto refused = parse_routes(text + "\nnonsense\n");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.starts_with("line 300: "));
  EXPECT_TRUE(refused.error().message.ends_with("(4 of 301 lines are unusable; at most 1 % may be)")) << refused.error().message;
}

// A manifest may name a file that its author must not read.
TEST(RouteText, MessagesDoNotQuoteTheFile) {
  for (const std::string text :
       {"root:$6$hash:19000::::::", "hidden 24 1", "10.0.0.0/hidden 1", "10.0.0.0/8 hidden", "10.0.0.0/8 1 hidden",
        "hidden::/16 1", "2001:db8::/hidden 1", "10.17.0.0/8 1", "2001:db8:17::/32 1"}) {
    const auto refused = parse_routes(text + "\n");
    ASSERT_FALSE(refused) << text;
    EXPECT_TRUE(refused.error().message.starts_with("line 1: ")) << refused.error().message;
    for (const std::string part : {"hidden", "hash", "17"})
      EXPECT_EQ(refused.error().message.find(part), std::string::npos) << refused.error().message;
  }
}

TEST(RouteText, ReportsTheFirstUnusableLinesOfMany) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += i % 200 == 0 ? "x\n" : "10.0.0.0/8 1\n";
  const auto routes = parse_routes(text);
  ASSERT_TRUE(routes);
  EXPECT_EQ(routes->unusable.count, 10u);
  ASSERT_EQ(routes->unusable.first.size(), max_lines_reported);
  EXPECT_TRUE(routes->unusable.first[2].starts_with("line 401: "));
}

TEST(RouteText, RejectsATableWithoutRoutes) {
  EXPECT_FALSE(parse_routes(""));
  EXPECT_FALSE(parse_routes("# no routes\n\n"));
}

TEST(RouteText, RejectsATooLongLine) {
  EXPECT_FALSE(parse_routes(std::string(100'000, '1')));
  EXPECT_FALSE(parse_routes("10.0.0.0/8 {" + std::string(100'000, ',')));
}

// Damaged tables give either an error with a line number or valid routes.
TEST(RouteText, SurvivesDamage) {
  const std::string whole =
      "192.0.2.0/24 64500\n198.51.100.0\t25\t64501_64502\n203.0.113.0/24 {64503,64504}\n2001:db8::/32 AS64510 # c\n\n::/0 1\n";
  std::mt19937_64 random(1);
  std::size_t rejected = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto text = whole;
    for (auto times = 1 + random() % 3; times > 0 && !text.empty(); --times) {
      const auto at = random() % text.size(), length = std::min<std::size_t>(random() % 8, text.size() - at);
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, length);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), length));
          break;
        default:
          text.resize(at);
      }
    }
    const auto routes = parse_routes(text);
    if (!routes) {
      ++rejected;
      ASSERT_TRUE(routes.error().message.starts_with("line ") || routes.error().message.starts_with("it contains no prefixes"))
          << routes.error().message;
      continue;
    }
    for (const auto& r : routes->v4)
      ASSERT_TRUE(r.length == 32 || (r.length < 32 && (r.network & (~std::uint32_t{0} >> r.length)) == 0));
    for (const auto& r : routes->v6) ASSERT_LE(r.length, 128);
  }
  EXPECT_GT(rejected, 5'000u);
}

TEST(RouteText, ChecksTheFormat) {
  const std::string database = "xx autonomous_system_number \xab\xcd\xefMaxMind.com";
  EXPECT_TRUE(check_route_table("prefixes", "10.0.0.0/8 1\n"));
  EXPECT_TRUE(check_route_table("mmdb", database));
  EXPECT_NE(check_route_table("prefixes", database).error().message.find("format: mmdb"), std::string::npos);
  EXPECT_NE(check_route_table("mmdb", "10.0.0.0/8 1\n").error().message.find("format: prefixes"), std::string::npos);
  EXPECT_NE(check_route_table("mmdb", "\xab\xcd\xefMaxMind.com").error().message.find("autonomous_system_number"),
            std::string::npos);
  EXPECT_FALSE(check_route_table("bgpdump", "10.0.0.0/8 1\n"));
  EXPECT_FALSE(check_route_table("mmdb", ""));
}

}  // namespace
}  // namespace mole
