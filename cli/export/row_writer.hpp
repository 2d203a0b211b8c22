// One format of rows: begin once, rows as often as there are files, end once.
#pragma once

#include "runtime/rows/row_table.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mole::cli {

// Takes bytes in order.
using Sink = std::function<Result<>(std::string_view)>;

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual Result<> begin(const runtime::RowTable& shape) = 0;
  virtual Result<> rows(const runtime::RowTable& rows) = 0;
  virtual Result<> end() = 0;
};

std::unique_ptr<RowWriter> csv_writer(Sink sink);
std::unique_ptr<RowWriter> ndjson_writer(Sink sink);
std::unique_ptr<RowWriter> arrow_writer(Sink sink);
// Shows `limit` rows and counts the rest; 0: all. A table wider than `width` is laid on its side; 0: none is.
std::unique_ptr<RowWriter> table_writer(Sink sink, std::uint64_t limit, std::size_t width);

bool is_null(const runtime::Column& column, std::size_t row);

}  // namespace mole::cli
