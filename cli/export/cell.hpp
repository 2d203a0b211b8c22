// Reads single cells of result rows.
#pragma once

#include "runtime/rows/row_table.hpp"

#include <string>

namespace mole::cli {

bool is_null(const runtime::Column& column, std::size_t row);
// Returns the value as written in a --where filter; "" for null.
std::string value_text(const runtime::Column& column, std::size_t row);

}  // namespace mole::cli
