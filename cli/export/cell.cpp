#include "cli/export/cell.hpp"

#include <fmt/format.h>

namespace mole::cli {

ColumnType type_of(const runtime::Column& column) {
  constexpr ColumnType by_storage[] = {ColumnType::u64, ColumnType::i64, ColumnType::f64, ColumnType::text};
  const auto type = by_storage[column.values.index()];
  if (type != ColumnType::i64) return type;
  return column.type == "time" ? ColumnType::time : column.type == "bool" ? ColumnType::boolean : type;
}

bool is_numeric(const runtime::Column& column) {
  const auto type = type_of(column);
  return type != ColumnType::text && type != ColumnType::time;
}

std::string value_text(const runtime::Column& column, std::size_t row) {
  if (column.is_null(row)) return "";
  if (type_of(column) == ColumnType::boolean) return std::get<1>(column.values)[row] ? "true" : "false";
  return std::visit([row](const auto& values) { return fmt::format("{}", values[row]); }, column.values);
}

}  // namespace mole::cli
