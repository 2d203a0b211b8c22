// The test kit: literal input in, rows out, and the laws every metric keeps. Everything goes through the C table, as the
// runtime does. Standard library only; failures are exceptions, which GoogleTest reports.
//
//   TEST(ByteCount, SumsTheBytesOfAnInterval) {
//     const auto row = mole::testkit::run<ByteCount>(mole::testkit::flows(R"(
//         start     src_addr   bytes
//         00:00:01  10.0.0.1     180
//         00:00:02  10.0.0.2      60 )"));
//     EXPECT_EQ(row.bytes, 240u);
//   }
//   TEST(ByteCount, KeepsTheLaws) { mole::testkit::check_laws<ByteCount>(mole::testkit::flows("bytes\n 180\n 60\n 0\n 7")); }
#pragma once

#include <mole/testkit/driver.hpp>
#include <mole/testkit/laws.hpp>
#include <mole/testkit/table.hpp>
