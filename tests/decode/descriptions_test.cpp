// Descriptions: different ones, within limits, in an order that does not depend on that of the calls.
#include "runtime/decode/descriptions.hpp"

#include "sdk/model/utf8.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mole::runtime::test {
namespace {

void add(Descriptions& to, int kind, std::uint32_t domain, std::uint64_t id, std::uint32_t enterprise, std::uint32_t count,
         const std::string& name = {}, std::uint32_t exporter = 0) {
  to.add({sizeof(mole_description), kind, exporter, domain, id, enterprise, count, {name.data(), name.size()}});
}

TEST(Descriptions, AreDifferentAndSorted) {
  Descriptions d(100);
  for (int round = 0; round < 2; ++round) {
    add(d, MOLE_DESCRIBES_TEMPLATE, 2, 256, 0, 7);
    add(d, MOLE_DESCRIBES_OPTIONS, 1, 257, 0, 3);
    add(d, MOLE_DESCRIBES_TEMPLATE, 1, 256, 0, 9);
    add(d, MOLE_DESCRIBES_TEMPLATE, 1, 256, 0, 8);
  }
  const std::set<Descriptions::Template> wanted{
      {0, 1, 256, false, 8}, {0, 1, 256, false, 9}, {0, 1, 257, true, 3}, {0, 2, 256, false, 7}};
  EXPECT_EQ(d.templates(), wanted);
  EXPECT_EQ(d.address_of(0), "");
  add(d, MOLE_DESCRIBES_TEMPLATE, 2, 256, 0, 7, "192.0.2.1", 3);
  EXPECT_EQ(d.address_of(3), "192.0.2.1");
  EXPECT_EQ(d.address_of(0), "");
}

TEST(Descriptions, ElementsHaveLengthsAndTheNameOfATypeRecord) {
  Descriptions d(100);
  add(d, MOLE_DESCRIBES_ELEMENT, 0, 5, 9, 13, "early");
  add(d, MOLE_DESCRIBES_ELEMENT, 0, 5, 9, 8);
  add(d, MOLE_DESCRIBES_ELEMENT, 0, 5, 9, 4);
  add(d, MOLE_DESCRIBES_ELEMENT, 1, 5, 9, 8);
  add(d, MOLE_DESCRIBES_ELEMENT, 0, 6, 9, 65535);
  add(d, MOLE_DESCRIBES_ELEMENT, 0, 7, 9, 0, "of no template");
  ASSERT_EQ(d.elements().size(), 2u);
  EXPECT_EQ(d.elements().at({9, 5}), (std::set<std::uint32_t>{4, 8}));
  EXPECT_EQ(d.name_of({9, 5}), "early");
  EXPECT_EQ(d.name_of({9, 6}), "");
  EXPECT_EQ(d.type_of({9, 5}), 13u);
  EXPECT_EQ(d.type_of({9, 6}), Descriptions::no_type);
}

TEST(Descriptions, TheLastNameCounts) {
  Descriptions d(100);
  add(d, MOLE_DESCRIBES_INTERFACE, 0, 1, 0, 0, "eth0");
  add(d, MOLE_DESCRIBES_INTERFACE, 0, 1, 0, 0, "eth1");
  add(d, MOLE_DESCRIBES_APPLICATION, 0, 1, 0, 0, "http");
  EXPECT_EQ(d.interfaces(), (Descriptions::Names{{{0, 0, 1}, "eth1"}}));
  EXPECT_EQ(d.applications(), (Descriptions::Names{{{0, 0, 1}, "http"}}));
}

TEST(Descriptions, ThoseOfLaterVersionsAreIgnored) {
  Descriptions d(100);
  add(d, 99, 0, 1, 0, 1, "x");
  add(d, -1, 0, 1, 0, 1, "x");
  EXPECT_TRUE(d.templates().empty() && d.elements().empty() && d.interfaces().empty() && d.applications().empty());
}

TEST(Descriptions, AreLimited) {
  Descriptions d(10);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    add(d, MOLE_DESCRIBES_TEMPLATE, i, 1000 - i, 0, 1, "address", i);
    add(d, MOLE_DESCRIBES_ELEMENT, 0, i, i, 4);
    add(d, MOLE_DESCRIBES_ELEMENT, 0, i, i, 13, "name");
    add(d, MOLE_DESCRIBES_ELEMENT, 0, 0, 0, i + 1);
    add(d, MOLE_DESCRIBES_INTERFACE, 0, i, 0, 0, "name");
    add(d, MOLE_DESCRIBES_APPLICATION, i, 0, 0, 0, "name");
  }
  EXPECT_EQ(d.templates().size(), 10u);
  EXPECT_EQ(d.templates().rbegin()->domain, 9u) << "the first ones";
  EXPECT_EQ(d.elements().size(), 10u);
  EXPECT_EQ(d.elements().at({0, 0}).size(), Descriptions::max_lengths);
  EXPECT_EQ(d.name_of({9, 9}), "name");
  EXPECT_EQ(d.name_of({10, 10}), "");
  EXPECT_EQ(d.interfaces().size(), 10u);
  EXPECT_EQ(d.applications().size(), 10u);
  EXPECT_EQ(d.address_of(9), "address");
  EXPECT_EQ(d.address_of(10), "");
}

TEST(Descriptions, NamesAreValidAndShort) {
  for (const std::string& name :
       {std::string("\xff\xfe\xc3"), std::string("ok\xed\xa0\x80"), std::string(300, '\xc3'), std::string(255, 'n') + "\xc3\xa9",
        std::string(100'000, 'n'), std::string("a\0\n\x1b[31m", 8)}) {
    Descriptions d(10);
    add(d, MOLE_DESCRIBES_INTERFACE, 0, 1, 0, 0, name);
    const auto& kept = d.interfaces().at({0, 0, 1});
    EXPECT_TRUE(is_utf8(kept)) << kept;
    EXPECT_LE(kept.size(), Descriptions::max_name);
    EXPECT_FALSE(kept.empty());
  }
}

}  // namespace
}  // namespace mole::runtime::test
