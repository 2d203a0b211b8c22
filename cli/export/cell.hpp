// Types and single cells of result columns.
#pragma once

#include "runtime/rows/row_table.hpp"

#include <string>

namespace mole::cli {

enum class ColumnType { u64, i64, f64, boolean, time, text };
ColumnType type_of(const runtime::Column& column);
bool is_numeric(const runtime::Column& column);  // numbers and bools

// Returns the value as written in a --where filter; "" for null.
std::string value_text(const runtime::Column& column, std::size_t row);

}  // namespace mole::cli
