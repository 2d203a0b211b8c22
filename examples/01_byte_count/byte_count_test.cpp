#include "byte_count.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

TEST(ByteCount, SumsTheBytesOfAnInterval) {
  const auto row = mole::testkit::run<ByteCount>(flows(R"(
      start     src_addr   bytes
      00:00:01  10.0.0.1     180
      00:00:02  10.0.0.2      60 )"));
  EXPECT_EQ(row.bytes, 240u);
}

TEST(ByteCount, SatisfiesTheLaws) { mole::testkit::check_laws<ByteCount>(flows("bytes\n 180\n 60\n 0\n 7")); }
