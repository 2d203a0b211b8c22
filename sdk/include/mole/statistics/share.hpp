// share: the quotient of two counts, as a nullable column.
//
//   const std::optional<double> share = mole::share(3, 4);   // 0.75
#pragma once

#include <cstdint>
#include <optional>

namespace mole {

// nullopt if `whole` is 0.
inline std::optional<double> share(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace mole
