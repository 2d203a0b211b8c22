#include "tests/decode/nfcapd_writer.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <cstdlib>

namespace mole::runtime::test {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

void fuzz_nfcapd(const std::uint8_t* data, std::size_t size) {
  (void)nfcapd_decoder().recognises(data, std::min<std::size_t>(size, 4096));
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::vector<std::size_t> gaps;
  for (std::size_t at = 300; at < size; at += 700)
    if (data[at] % 3 == 0) gaps.push_back(at);
  const auto read = read_nfcapd(bytes, size == 0 ? 1 : 1 + data[size / 2] * std::size_t{20}, {}, gaps);
  // The decoder gives up on files that it cannot read, before their end.
  require(read.report.flows == read.lines.size() && read.report.content_bytes <= size);
  require(read.report.datagrams <= read.report.flows + 1 && read.report.flows_lost <= read.report.flows);
  for (const auto& range : read.report.lost_content) require(range.from <= range.to && range.to <= size);
}

}  // namespace mole::runtime::test
