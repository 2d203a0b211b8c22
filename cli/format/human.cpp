#include "cli/format/human.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cmath>

namespace mole::cli {

std::string human_bytes(double bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (!(bytes > 0)) return "0 B";
  std::size_t unit = 0;
  while (bytes >= 1023.95 && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 || bytes >= 99.95 ? fmt::format("{:.0f} {}", bytes, units[unit])
                                     : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string human_count(std::uint64_t n) {
  const auto digits = std::to_string(n);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string human_number(std::uint64_t n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", human_count(n), n == 1 ? one : many);
}

std::string human_share(double share) {
  if (!(share > 0)) return "0 %";
  if (share >= 1) return "100 %";
  const double percent = std::floor(share * 10'000) / 100;  // rounded down, so that only 1 is "100 %"
  return percent < 0.01 ? "<0.01 %" : fmt::format("{:.2f} %", percent);
}

std::string human_seconds(double seconds) {
  if (!(seconds >= 0)) return "?";
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::min(seconds + 0.5, 1e15));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86'400) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86'400, whole / 3600 % 24);
}

std::string human_seconds(double expected, double low, double high) {
  const auto text = human_seconds(expected), least = human_seconds(low), most = human_seconds(high);
  return least == most ? text : fmt::format("{} ({} to {})", text, least, most);
}

std::string printable(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    if (c < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", c);
    else
      out += static_cast<char>(c);
  }
  return out;
}

std::string printable_list(const std::vector<std::string>& strings) {
  std::string out;
  for (const auto& text : strings) out += (out.empty() ? "" : ", ") + printable(text);
  return out;
}

std::string text_of(const nlohmann::json& value) {
  if (value.is_null()) return "";
  return printable(value.is_string() ? value.get_ref<const std::string&>()
                                     : value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace mole::cli
