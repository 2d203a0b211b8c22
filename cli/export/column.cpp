#include "cli/export/column.hpp"

#include "cli/export/selection.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace mole::cli {
namespace {

struct Rate {
  std::string_view count_unit, unit, suffix;
  double factor;
};
constexpr Rate rates[] = {
    {"B", "bit/s", "_bits_per_second", 8}, {"packet", "packet/s", "_per_second", 1}, {"flow", "flow/s", "_per_second", 1}};

// Finds a rate by the unit of its count or by its own unit; null if there is none.
const Rate* find_rate(std::string_view Rate::*member, std::string_view unit) {
  const auto found = std::find_if(std::begin(rates), std::end(rates), [&](const Rate& r) { return r.*member == unit; });
  return found == std::end(rates) ? nullptr : found;
}

}  // namespace

ColumnType type_of(const runtime::Column& column) {
  using enum ColumnType;
  constexpr ColumnType by_storage[] = {u64, i64, f64, text, u8, u16, u32, addr};  // in the order of ColumnValues
  const auto type = by_storage[column.values.index()];
  if (type == ColumnType::text) return column.type == "bytes" ? bytes : text;
  if (type != ColumnType::i64) return type;
  return column.type == "time" ? ColumnType::time : column.type == "bool" ? ColumnType::boolean : type;
}

bool is_numeric(const runtime::Column& column) {
  const auto type = type_of(column);
  return !column.list && type != ColumnType::text && type != ColumnType::bytes && type != ColumnType::time &&
         type != ColumnType::addr;
}

std::string value_at(const runtime::Column& column, std::size_t i) {
  if (type_of(column) == ColumnType::boolean) return std::get<1>(column.values)[i] ? "true" : "false";
  if (const auto* addresses = std::get_if<std::vector<Addr>>(&column.values))
    return fmt::format("{:02x}", fmt::join((*addresses)[i].bytes, ""));
  if (type_of(column) == ColumnType::bytes) {
    const auto& octets = std::get<3>(column.values)[i];
    return fmt::format("0x{:02x}", fmt::join(std::span(reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()), ""));
  }
  std::string text;
  std::visit(
      [&](const auto& values) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(values)>, std::vector<Addr>>) text = fmt::format("{}", values[i]);
      },
      column.values);
  return text;
}

std::string list_text(const runtime::Column& column, std::size_t row) {
  std::string text;
  for (auto i = column.begin_of(row); i < column.ends[row]; ++i) {
    if (i > column.begin_of(row)) text += ';';
    for (const char c : type_of(column) == ColumnType::time ? format_time(std::get<1>(column.values)[i]) : value_at(column, i)) {
      if (c == ';' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text;
}

std::string value_text(const runtime::Column& column, std::size_t row) {
  if (column.is_null(row)) return "";
  return column.list ? list_text(column, row) : value_at(column, row);
}

std::optional<double> number_at(const runtime::Column& column, std::size_t row) {
  if (column.is_null(row)) return std::nullopt;
  if (const auto* numbers = std::get_if<std::vector<double>>(&column.values)) return (*numbers)[row];
  if (const auto* numbers = std::get_if<std::vector<std::uint64_t>>(&column.values)) return static_cast<double>((*numbers)[row]);
  return static_cast<double>(std::get<std::vector<std::int64_t>>(column.values)[row]);
}

bool depends_on_scale(std::string_view unit) {
  const auto has = [&](std::string_view word) { return unit.find(word) != unit.npos; };
  return (has("B") || has("bit/s")) != has("packet");
}

std::string number_text(double value) {
  const double size = std::fabs(value);
  if (value == std::trunc(value) && size < 1e15) return fmt::format("{:.0f}", value);
  if (size >= 1e15 || size < 1e-4) return fmt::format("{:.6e}", value);
  return fmt::format("{:.{}f}", value, std::clamp(5 - static_cast<int>(std::floor(std::log10(size))), 1, 9));
}

std::string coverage_text(double coverage) {
  if (!(coverage > 0)) return "0";
  return coverage < 1 ? fmt::format("{:.3f}", std::min(coverage, 0.999)) : "1";
}

CountDurations counted_over(const coordinator::ModuleResults& results) {
  CountDurations counted;
  for (const auto& column : results.columns)
    if (column.counted_over.value_or(0) > 0) counted[column.name] = *column.counted_over;
  return counted;
}

void make_rate(runtime::Column& column, Micros over) {
  const auto* rate = find_rate(&Rate::count_unit, column.unit);
  if (!rate || !is_numeric(column) || type_of(column) == ColumnType::boolean) return;
  const double seconds = static_cast<double>(over) / second_us;
  std::vector<double> values;
  values.reserve(column.size());
  std::visit(
      [&](const auto& counts) {
        if constexpr (std::is_arithmetic_v<typename std::decay_t<decltype(counts)>::value_type>)
          for (const auto count : counts) values.push_back(static_cast<double>(count) * rate->factor / seconds);
      },
      column.values);
  column.values = std::move(values);
  column.type = "f64";
  column.unit = rate->unit;
}

bool is_rate(std::string_view unit) { return find_rate(&Rate::unit, unit) != nullptr; }

std::string rate_name(const std::string& column, std::string_view unit) {
  const auto* rate = find_rate(&Rate::unit, unit);
  return rate ? column + std::string(rate->suffix) : column;
}

Error no_rate(const CountDurations& counted) {
  constexpr std::size_t max_examples = 3;
  std::vector<std::string> names;
  for (const auto& [name, over] : counted)
    if (names.size() < max_examples) names.push_back(name);
  const auto cause = "--rate needs a count of bytes, packets or flows, and none of the selected columns is one";
  if (names.empty()) return invalid(fmt::format("{}; this module has none, so omit --rate", cause));
  return invalid(fmt::format("{}; select one, such as {}, or omit --rate", cause, listed(names)));
}

}  // namespace mole::cli
