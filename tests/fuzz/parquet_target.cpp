#include "plugins/decoders/parquet/parquet.hpp"
#include "tests/decode/nfcapd_writer.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <cstdlib>

namespace mole::runtime::test {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const mole_decoder_v1& decoder() { return mole::detail::Glue<mole::Kind::decoder>::vtable<plugins::Parquet>; }

}  // namespace

void fuzz_parquet(const std::uint8_t* data, std::size_t size) {
  (void)decoder().recognises(data, std::min<std::size_t>(size, 4096));
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  plugins::table::Params params;
  const auto whole = read_content(decoder(), mole::detail::as_module(&params), bytes);
  require(whole.report.flows == whole.lines.size() && whole.report.datagrams <= whole.report.flows);
  for (const auto& range : whole.report.lost_content) require(range.from <= range.to && range.to <= size);
}

}  // namespace mole::runtime::test
