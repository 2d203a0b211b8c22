#include <cstring>

#include "hostile.hpp"

HOSTILE_METRIC(Allocator, "allocator", "Allocates memory without limit", {
  constexpr std::size_t chunk = std::size_t{16} << 20;
  volatile bool forever = true;
  while (forever) std::memset(::operator new(chunk), 1, chunk);  // a failed allocation throws; a successful one is written to
})
