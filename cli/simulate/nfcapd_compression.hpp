// The compressions of the blocks of nfcapd files.
#pragma once

#include "sdk/model/name_table.hpp"

#include <cstdint>

namespace mole::cli {

enum class NfcapdCompression : std::uint8_t { none, lzo, bzip2, lz4, zstd };  // as numbered in the file

}  // namespace mole::cli

namespace mole {

template <>
inline constexpr auto name_table<cli::NfcapdCompression> = [] {
  using enum cli::NfcapdCompression;
  return names<cli::NfcapdCompression>("NfcapdCompression", "a compression of the blocks of an nfcapd file",
                                       {{none, "none"}, {lzo, "lzo"}, {bzip2, "bz2"}, {lz4, "lz4"}, {zstd, "zstd"}});
}();

}  // namespace mole
