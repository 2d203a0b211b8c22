#include "sdk/model/unit.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

namespace mole {
namespace {

constexpr std::array<std::string_view, 9> bases{"flow", "packet", "B", "host", "s", "bit", "interval", "port", "as"};

bool is_base(std::string_view name) { return std::find(bases.begin(), bases.end(), name) != bases.end(); }

// A unit is a product of powers of base units: {"B": 2, "s": -1} is "B^2/s".
using Powers = std::map<std::string, int, std::less<>>;

// Adds "B^2" with sign +1 or "s" with sign -1. Returns false if the factor is not a power of a base unit.
bool add_factor(std::string_view factor, int sign, Powers& powers) {
  int power = 1;
  if (const auto hat = factor.find('^'); hat != std::string_view::npos) {
    const auto digits = factor.substr(hat + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), power);
    if (error != std::errc{} || end != digits.data() + digits.size() || power < 1 || power > 99) return false;
    factor = factor.substr(0, hat);
  }
  if (!is_base(factor)) return false;
  powers[std::string(factor)] += sign * power;
  return true;
}

std::optional<Powers> parse_unit(std::string_view text) {
  Powers powers;
  int sign = 1;
  bool first = true;
  while (true) {
    const auto stop = text.find_first_of("*/");
    const auto factor = text.substr(0, stop);
    if (!(first && factor == "1") && !add_factor(factor, sign, powers)) return std::nullopt;
    if (stop == std::string_view::npos) return powers;
    sign = text[stop] == '/' ? -1 : 1;
    text.remove_prefix(stop + 1);
    first = false;
  }
}

std::string format_unit(const Powers& powers) {
  std::string above, below;
  for (const auto& [base, power] : powers) {
    if (power == 0) continue;
    const int size = power < 0 ? -power : power;
    const std::string factor = size == 1 ? base : base + "^" + std::to_string(size);
    if (power < 0)
      below += "/" + factor;
    else
      above += (above.empty() ? "" : "*") + factor;
  }
  return (above.empty() ? "1" : above) + below;
}

Error not_a_unit(std::string_view text) {
  return invalid(
      "'" + std::string(text) +
      "' is not a unit: use 1, flow, packet, B, host, s, bit, interval, port, as, or powers and quotients such as B^2, B/s");
}

}  // namespace

bool is_unit(std::string_view text) { return parse_unit(text).has_value(); }

Result<std::string> square_unit(std::string_view unit) {
  auto powers = parse_unit(unit);
  if (!powers) return not_a_unit(unit);
  for (auto& [base, power] : *powers) power *= 2;
  return format_unit(*powers);
}

Result<std::string> per_second_unit(std::string_view unit) {
  auto powers = parse_unit(unit);
  if (!powers) return not_a_unit(unit);
  --(*powers)["s"];
  return format_unit(*powers);
}

}  // namespace mole
