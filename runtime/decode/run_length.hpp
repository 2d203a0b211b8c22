#pragma once

#include "runtime/decode/block_decoder.hpp"

#include <cstdint>
#include <span>

namespace mole::runtime {

// Undoes the run-length coding in front of bzip2's block sort: four equal bytes are followed by the number of further
// ones. False, with `out` in any state, if that number is missing at the end or more than `limit` bytes would come out.
bool expand_runs(std::span<const std::uint8_t> text, std::size_t limit, OutputBytes& out);

}  // namespace mole::runtime
