// What must hold for the decoders of NetFlow v9, IPFIX and captures, whatever the bytes are.
#pragma once

#include "tests/export/support.hpp"

#include <algorithm>
#include <cstdlib>

namespace mole::runtime::test {

// Cuts the bytes into chunks with gaps, and decodes them with all columns and an element that lists contain.
template <class Decode>
void check_decoder(Decode decode, const std::uint8_t* data, std::size_t size) {
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  mole::testing::DecodeOptions options{.capacity = 256, .elements = {{"name", 6871, 179, MOLE_TYPE_TEXT}}, .describe = true};
  options.biflows = size % 2 == 0 ? "keep" : "split";
  for (std::size_t at = 300; at < size; at += 700)
    if (data[at] % 3 == 0) options.gaps.push_back(at);
  const auto whole = decode(bytes, options);
  options.chunk = size == 0 ? 1 : 1 + data[size / 2] * std::size_t{20};
  require(decode(bytes, options) == whole);
  std::uint64_t flows = 0;
  for (const auto& d : whole.datagrams) flows += d.flows;
  require(flows <= whole.flows.size() && whole.flows.size() <= 2 * flows);
  for (const auto& s : whole.skipped) require(s.offset <= size && s.size <= size - s.offset);
}

inline void check_export_decoder(const mole_decoder_v1& decoder, const std::uint8_t* data, std::size_t size) {
  (void)decoder.recognises(data, std::min<std::size_t>(size, 4096));
  const auto decode = [&](const std::string& bytes, const mole::testing::DecodeOptions& options) {
    return mole::testing::decode(decoder, bytes, options);
  };
  check_decoder(decode, data, size);
}

}  // namespace mole::runtime::test
