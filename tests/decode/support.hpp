// Shared by the tests of the data path: files in a temporary folder, the netflow5 decoder without a plugin host,
// flows in the format of the ground truth.
#pragma once

#include "plugins/decoders/netflow5/netflow5.hpp"
#include "runtime/decode/content_source.hpp"
#include "runtime/decode/flow_reader.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime::test {

using mole::testing::TempFolder;

inline const mole_decoder_v1& netflow5() { return mole::detail::Glue<mole::Kind::decoder>::vtable<mole::plugins::NetFlow5>; }

// The output of a content source.
struct Content {
  std::string bytes;
  std::vector<std::size_t> gaps;  // positions in `bytes` before which content was lost
  std::vector<task::ByteRange> lost;
  bool ends_in_damage = false;

  bool operator==(const Content& other) const;
};
// Reads the file with both block decoders and checks that their outputs are equal.
Content read_content(const std::filesystem::path& path, ContentOptions options = {});

// The output of a flow reader: every flow as "src,dst,sport,dport,proto,bytes,packets,first_ms,last_ms",
// in file order.
struct FlowFile {
  std::vector<std::string> flows;
  task::FileReport report;
  Evidence evidence;
};
FlowFile read_flows(const std::filesystem::path& path, TimeRange covers = {}, unsigned threads = 1,
                    ExportTime export_time = ExportTime::header);
FlowFile read_flows(std::unique_ptr<ContentSource> source, task::File file, ExportTime export_time = ExportTime::header);

// A NetFlow v5 datagram of `count` records; record i of datagram `sequence` has source port (sequence + i) & 0xffff.
struct Datagram {
  std::uint32_t seconds = 1190487600, nanoseconds = 0, uptime_ms = 10'000'000, sequence = 0;
  std::uint16_t count = 2, engine = 0, sampling = 0;
  std::uint32_t first_ms = 9'000'000, last_ms = 9'500'000;  // SysUptime of the flows

  std::string bytes() const;
};
// `n` consecutive datagrams, one per second, of `count` records each.
std::string datagrams(std::uint32_t n, std::uint16_t count = 2, Datagram first = {});

// Incompressible bytes; equal seeds give equal bytes.
std::string noise(std::size_t size, std::uint64_t seed = 1);

// The folder of real captures: MOLE_TEST_DATA, else ../shared/data beside the repository. Empty if it does not exist; then
// a warning is printed, and the test fails if CI=true.
std::filesystem::path test_data();

}  // namespace mole::runtime::test
