#include "sdk/model/size.hpp"

#include <charconv>

namespace mole {
namespace {

constexpr std::string_view units = "KMGT";

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto bad = [&] { return invalid("'" + std::string(text) + "' is not a size; write a number of bytes, 512MiB or 4G"); };
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{}) return bad();
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.empty() || unit == "B") return n;
  const auto power = units.find(unit.front());
  unit.remove_prefix(1);
  if (power == std::string_view::npos || (!unit.empty() && unit != "B" && unit != "iB")) return bad();
  const auto shift = 10 * (power + 1);
  return (n << shift) >> shift == n ? Result<std::uint64_t>(n << shift) : bad();
}

std::string format_size(std::uint64_t bytes) {
  std::size_t power = 0;
  while (power < units.size() && bytes > 0 && bytes % 1024 == 0) bytes /= 1024, ++power;
  return std::to_string(bytes) + (power == 0 ? "" : std::string(1, units[power - 1]) + "iB");
}

}  // namespace mole
