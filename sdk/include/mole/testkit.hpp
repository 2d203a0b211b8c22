// The test kit: runs a metric on literal input, and checks the laws that every metric must obey. It calls the C function table,
// as the runtime does. It uses only the standard library; failures are exceptions, which GoogleTest reports.
//
//   template <class ByteCount>
//   void test() {
//     const auto row = mole::testkit::run<ByteCount>(mole::testkit::flows(R"(
//         start     src_addr   bytes
//         00:00:01  10.0.0.1     180
//         00:00:02  10.0.0.2      60 )"));
//     if (row.bytes != 240) throw std::logic_error("wrong sum");
//     mole::testkit::check_laws<ByteCount>(mole::testkit::flows("bytes\n 180\n 60\n 0\n 7"));
//   }
//
// examples/01_byte_count/byte_count_test.cpp is a complete test.
#pragma once

#include <mole/testkit/driver.hpp>
#include <mole/testkit/laws.hpp>
#include <mole/testkit/table.hpp>
