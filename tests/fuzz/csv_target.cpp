#include "plugins/decoders/csv/csv.hpp"
#include "tests/decode/nfcapd_writer.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <cstdlib>

namespace mole::runtime::test {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const mole_decoder_v1& decoder() { return mole::detail::Glue<mole::Kind::decoder>::vtable<plugins::Csv>; }

}  // namespace

void fuzz_csv(const std::uint8_t* data, std::size_t size) {
  (void)decoder().recognises(data, std::min<std::size_t>(size, 4096));
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  plugins::table::Params params;
  std::vector<std::size_t> gaps;
  for (std::size_t at = 300; at < size; at += 700)
    if (data[at] % 3 == 0) gaps.push_back(at);
  const auto read = [&](std::size_t chunk) {
    return read_content(decoder(), mole::detail::as_module(&params), bytes, chunk, {}, gaps);
  };
  const auto whole = read(1 << 16), parts = read(size == 0 ? 1 : 1 + data[size / 2] * std::size_t{3});
  require(whole.lines == parts.lines && whole.report.datagrams == parts.report.datagrams);
  require(whole.report.lost_content.size() == parts.report.lost_content.size());
  require(whole.report.flows == whole.lines.size() && whole.report.datagrams <= whole.report.flows);
  for (const auto& range : whole.report.lost_content) require(range.from <= range.to && range.to <= size);
}

}  // namespace mole::runtime::test
