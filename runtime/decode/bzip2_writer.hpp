// Compresses with bzip2, for simulated archives and tests.
#pragma once

#include <string>
#include <string_view>

namespace mole::runtime {

// Returns one stream. `bytes`: less than 4 GB. level: 1 (100 kB blocks) to 9 (900 kB). Throws bad_alloc.
std::string bzip2_compress(std::string_view bytes, int level = 9);

}  // namespace mole::runtime
