#include "runtime/metric/state_file.hpp"

#include "runtime/rows/frame_bytes.hpp"
#include "tests/rows/fixtures.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace mole::runtime {
namespace {

using testing::hex;
using testing::slurp;
using testing::write_bytes;

constexpr Micros start = 1190487600 * second_us;

StateHeader header() {
  StateHeader h;
  h.plugin = "traffic";
  h.version = "1.0.0";
  h.revision = 1;
  h.shape = "0123456789abcdef";
  h.fingerprint.bytes.fill(1);
  h.state_key.bytes.fill(2);
  h.params.bytes.fill(3);
  h.block = {start, start + 12 * hour_us};
  h.interval = 15 * minute_us;
  h.by = {"router"};
  return h;
}

class State : public ::testing::Test {
 protected:
  void write(const std::string& name = "state", bool finish = true) {
    auto out = StateFileWriter::create(folder / name, header());
    ASSERT_TRUE(out);
    ASSERT_TRUE(out->add({start, {"19991"}, {1, 0, 0, 1, 1}, "abc"}));
    ASSERT_TRUE(out->add({start, {"19993"}, {0.5, 7, 8, 2, 1}, ""}));
    ASSERT_TRUE(out->add({start + 15 * minute_us, {"19991"}, {}, std::string(8, 'x')}));
    if (finish) {
      ASSERT_TRUE(out->finish());
    }
  }

  // Returns the number of entries read before the end or an error, and sets `complete`.
  std::size_t read(std::string_view bytes) {
    write_bytes(folder / "read", bytes);
    complete = false;
    auto in = StateFileReader::open(folder / "read");
    if (!in) return 0;
    for (std::size_t entries = 0;; ++entries) {
      auto entry = in->next();
      if (!entry) {
        EXPECT_FALSE(in->next());
        return entries;
      }
      if (!*entry) {
        complete = true;
        return entries;
      }
      EXPECT_LE((*entry)->payload.size(), bytes.size());
    }
  }

  testing::TempFolder folder;
  bool complete = false;
};

TEST_F(State, RoundTrips) {
  write();
  auto in = StateFileReader::open(folder / "state", header());
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_EQ(in->header(), header());
  const auto first = *in->next(), second = *in->next(), third = *in->next();
  EXPECT_EQ(first->interval_start, start);
  EXPECT_EQ(first->group, std::vector<std::string>{"19991"});
  EXPECT_EQ(first->payload, "abc");
  EXPECT_EQ(second->coverage, (RowCoverage{0.5, 7, 8, 2, 1}));
  EXPECT_EQ(second->payload, "");
  EXPECT_EQ(third->payload, "xxxxxxxx");
  EXPECT_FALSE(*in->next());
  EXPECT_FALSE(*in->next());
}

TEST_F(State, HasTheDocumentedBytes) {
  write();
  const auto bytes = slurp(folder / "state");
  const std::string text =
      R"({"block":[1190487600000000,1190530800000000],"by":["router"],"fingerprint":"01010101010101010101010101010101",)"
      R"("interval":900000000,"params":"03030303030303030303030303030303","plugin":"traffic","revision":1,)"
      R"("shape":"0123456789abcdef","state_key":"02020202020202020202020202020202","version":"1.0.0"})";
  EXPECT_EQ(bytes.substr(0, 8), "MOLESTAT");
  EXPECT_EQ(hex(bytes.substr(8, 8)),
            "01000000"
            "2b010000");
  EXPECT_EQ(bytes.substr(16, 299), text);
  const auto first = bytes.substr(320 + 8, 96);
  EXPECT_EQ(hex(first.substr(0, 8)), "5000000000000000");
  EXPECT_EQ(hex(first.substr(16)),
            "00ec81febd3a0400"  // interval_start
            "000000000000f03f"  // coverage
            "0000000000000000"
            "0000000000000000"  // lost, late
            "0100000000000000"
            "0100000000000000"  // files expected, present
            "01000000"
            "05000000"
            "3139393931"
            "000000"  // group
            "0300000000000000"
            "6162630000000000");
  EXPECT_EQ(hex(bytes.substr(bytes.size() - 24, 8)), "ffffffffffffffff");
  EXPECT_EQ(hex(bytes.substr(bytes.size() - 8)), "0300000000000000");
}

TEST_F(State, IsDeterministic) {
  write("a");
  write("b");
  EXPECT_EQ(slurp(folder / "a"), slurp(folder / "b"));
}

TEST_F(State, OfADifferentSchemaIsRejectedAndTheMessageNamesBothSchemas) {
  write();
  auto other = header();
  other.shape = "fedcba9876543210";
  const auto rejected = StateFileReader::open(folder / "state", other);
  EXPECT_EQ(rejected.error().code, Code::invalid);
  EXPECT_EQ(rejected.error().message,
            "shape differs: the state has 0123456789abcdef, the module has fedcba9876543210; the state is not used and "
            "will be computed again");
}

TEST_F(State, OfADifferentModuleIsRejected) {
  write();
  const auto rejects = [&](auto change) {
    auto other = header();
    change(other);
    return !StateFileReader::open(folder / "state", other);
  };
  EXPECT_TRUE(rejects([](StateHeader& h) { h.plugin = "mean"; }));
  EXPECT_TRUE(rejects([](StateHeader& h) { h.version = "1.0.1"; }));
  EXPECT_TRUE(rejects([](StateHeader& h) { h.revision = 2; }));
  EXPECT_TRUE(rejects([](StateHeader& h) { h.interval = hour_us; }));
  EXPECT_TRUE(rejects([](StateHeader& h) { h.by.clear(); }));
  EXPECT_TRUE(rejects([](StateHeader& h) { h.fingerprint.bytes[0] = 9; }));
  EXPECT_TRUE(rejects([](StateHeader& h) { h.state_key.bytes[0] = 9; }));
  EXPECT_TRUE(rejects([](StateHeader& h) { h.params.bytes[0] = 9; }));
  EXPECT_TRUE(rejects([](StateHeader& h) { h.block.from -= hour_us; }));
  EXPECT_FALSE(rejects([](StateHeader& h) {
    h.fingerprint = h.state_key = h.params = {};
    h.block = {};
  }));
}

TEST_F(State, IsNeverValidWhenTruncated) {
  write();
  const auto bytes = slurp(folder / "state");
  std::size_t before = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto entries = read(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(complete) << size;
    EXPECT_GE(entries, before);
    before = entries;
  }
  EXPECT_EQ(read(bytes), 3u);
  EXPECT_TRUE(complete);
  read(bytes + "x");
  EXPECT_FALSE(complete);
}

TEST_F(State, WithAFlippedBitIsNeverValid) {
  write();
  const auto bytes = slurp(folder / "state");
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const int bit : {1, 0x80}) {
      auto broken = bytes;
      broken[i] = static_cast<char>(broken[i] ^ bit);
      read(broken);
      EXPECT_FALSE(complete) << i;
    }
}

TEST_F(State, FromAHostileWriterIsHarmless) {
  write();
  const auto bytes = slurp(folder / "state");
  const std::size_t body = 320 + 8 + 16, size = 80;  // of the first entry
  for (std::size_t i = 0; i < size; ++i)
    for (int value = 1; value < 256; value += 2) {
      auto broken = bytes;
      broken[body + i] = static_cast<char>(broken[body + i] ^ value);
      const auto sum = checksum({&broken[body], size}, size);
      std::memcpy(&broken[body - 8], &sum, 8);
      EXPECT_LE(read(broken), 3u);
    }
}

TEST_F(State, FromAnUnfinishedWriterIsCorrupt) {
  write("state", false);
  auto in = StateFileReader::open(folder / "state");
  EXPECT_FALSE(in);
  EXPECT_EQ(in.error().code, Code::corrupt);
}

TEST_F(State, IsWrittenOnlyInOrder) {
  auto out = StateFileWriter::create(folder / "state", header());
  ASSERT_TRUE(out->add({start, {"2"}, {}, ""}));
  EXPECT_EQ(out->add({start, {"2"}, {}, ""}).error().code, Code::internal);
  EXPECT_EQ(out->add({start - 1, {"3"}, {}, ""}).error().code, Code::internal);
  EXPECT_EQ(out->add({start + 1, {}, {}, ""}).error().code, Code::internal);
  EXPECT_EQ(out->add({start, {"19"}, {}, ""}).error().code, Code::internal);
  EXPECT_TRUE(out->add({start, {"3"}, {}, ""}));
}

TEST_F(State, RoundTripsWhenLarge) {
  auto out = StateFileWriter::create(folder / "state", header());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(out->add({start + i, {"r"}, {}, std::string(100'003, static_cast<char>(i))}));
  ASSERT_TRUE(out->finish());
  auto in = StateFileReader::open(folder / "state");
  for (int i = 0; i < 100; ++i) {
    const auto entry = *in->next();
    EXPECT_EQ(entry->payload, std::string(100'003, static_cast<char>(i)));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(entry->payload.data()) % 8, 0u);
  }
  EXPECT_FALSE(*in->next());
}

TEST_F(State, ReportsAFullDisk) {
  auto out = StateFileWriter::create("/dev/full", header());
  ASSERT_TRUE(out);
  EXPECT_EQ(out->finish().error().code, Code::exhausted);
}

}  // namespace
}  // namespace mole::runtime
