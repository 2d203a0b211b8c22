// Compresses with every format that open_content() reads, for simulated archives and tests.
#pragma once

#include "sdk/model/name_table.hpp"

#include <string>
#include <string_view>

namespace mole::runtime {

enum class Compression { none, bzip2, gzip, xz, zstd, lz4 };

// Returns one stream as the program of this name writes it, with checksums; `bytes` itself for none. `bytes`: less than 4 GB. The
// blocks of bzip2 and lz4 are the smallest, so that damage to a small file affects only a part. Throws bad_alloc.
std::string compress(std::string_view bytes, Compression compression);

// Returns the usual ending of a file's name: ".gz"; empty for none.
std::string_view ending_of(Compression compression);

}  // namespace mole::runtime

namespace mole {

template <>
inline constexpr auto name_table<runtime::Compression> = [] {
  using enum runtime::Compression;
  return names<runtime::Compression>("Compression", "a compression",
                                     {{none, "none"}, {bzip2, "bz2"}, {gzip, "gz"}, {xz, "xz"}, {zstd, "zstd"}, {lz4, "lz4"}});
}();

}  // namespace mole
