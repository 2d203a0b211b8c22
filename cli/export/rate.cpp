#include "cli/export/rate.hpp"

#include "cli/export/selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace mole::cli {
namespace {

struct Rate {
  std::string_view of, unit, suffix;
  double times;
};
constexpr Rate rates[] = {
    {"B", "bit/s", "_bits_per_second", 8}, {"packet", "packet/s", "_per_second", 1}, {"flow", "flow/s", "_per_second", 1}};

// By what it is of, or by its own unit; null: there is none.
const Rate* rate_with(std::string_view Rate::*which, std::string_view unit) {
  const auto found = std::find_if(std::begin(rates), std::end(rates), [&](const Rate& r) { return r.*which == unit; });
  return found == std::end(rates) ? nullptr : found;
}

}  // namespace

CountedOver counted_over(const nlohmann::json& results) {
  CountedOver counted;
  const auto columns = results.find("columns");
  if (columns == results.end() || !columns->is_array()) return counted;
  for (const auto& column : *columns) {
    if (!column.is_object() || !column.contains("name") || !column.contains("counted_over")) continue;
    const auto &name = column["name"], &over = column["counted_over"];
    if (!name.is_string() || !over.is_string()) continue;
    if (const auto length = parse_duration(over.get<std::string>()); length && *length > 0) counted[name] = *length;
  }
  return counted;
}

void make_rate(runtime::Column& column, Micros over) {
  const auto* rate = rate_with(&Rate::of, column.unit);
  if (!rate || (column.type != "u64" && column.type != "i64" && column.type != "f64")) return;
  const double seconds = static_cast<double>(over) / second_us;
  std::vector<double> values;
  values.reserve(column.size());
  std::visit(
      [&](const auto& counts) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(counts)>, std::vector<std::string>>)
          for (const auto count : counts) values.push_back(static_cast<double>(count) * rate->times / seconds);
      },
      column.values);
  column.values = std::move(values);
  column.type = "f64";
  column.unit = rate->unit;
}

bool is_rate(std::string_view unit) { return rate_with(&Rate::unit, unit) != nullptr; }

std::string rate_name(const std::string& column, std::string_view unit) {
  const auto* rate = rate_with(&Rate::unit, unit);
  return rate ? column + std::string(rate->suffix) : column;
}

Error no_rate(const CountedOver& counted) {
  constexpr std::size_t most_named = 3;
  std::vector<std::string> names;
  for (const auto& [name, over] : counted)
    if (names.size() < most_named) names.push_back(name);
  const auto cause = "no column chosen counts bytes, packets or flows, which --rate divides by time";
  if (names.empty()) return invalid(fmt::format("{}, and none of this module does; leave out --rate", cause));
  return invalid(fmt::format("{}; choose one that does, as {}, or leave out --rate", cause, listed(names)));
}

}  // namespace mole::cli
