// The interface of an output format: call begin once, rows once per table, end once.
#pragma once

#include "cli/export/output_format.hpp"
#include "runtime/rows/row_table.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mole::cli {

// Receives the output bytes in order.
using Sink = std::function<Result<>(std::string_view)>;

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual Result<> begin(const runtime::RowTable& shape) = 0;
  virtual Result<> rows(const runtime::RowTable& rows) = 0;
  virtual Result<> end() = 0;
};

std::unique_ptr<RowWriter> text_writer(Sink sink, ExportFormat format);  // csv, tsv, ndjson or json
std::unique_ptr<RowWriter> arrow_writer(Sink sink);
struct TableLayout;  // export.hpp
std::unique_ptr<RowWriter> table_writer(Sink sink, const TableLayout& layout);

}  // namespace mole::cli
