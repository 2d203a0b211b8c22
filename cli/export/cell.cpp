#include "cli/export/cell.hpp"

#include <fmt/format.h>

namespace mole::cli {

bool is_null(const runtime::Column& column, std::size_t row) { return !column.valid.empty() && !column.valid[row]; }

std::string value_text(const runtime::Column& column, std::size_t row) {
  if (is_null(column, row)) return "";
  if (column.type == "bool") return std::get<1>(column.values)[row] ? "true" : "false";
  return std::visit([row](const auto& values) { return fmt::format("{}", values[row]); }, column.values);
}

}  // namespace mole::cli
