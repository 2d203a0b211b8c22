// Rows in memory by columns: the output of a step, or the input from an upstream module. The types are those of descriptors.
#pragma once

#include <mole/addr.hpp>
#include <mole/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mole::runtime {

using ColumnValues =
    std::variant<std::vector<std::uint64_t>, std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>,
                 std::vector<std::uint8_t>, std::vector<std::uint16_t>, std::vector<std::uint32_t>, std::vector<Addr>>;

// Returns an empty vector of the kind that holds values of a column type; nullopt if there is no such type.
inline std::optional<ColumnValues> empty_values(std::string_view type) {
  if (type == "u64") return std::vector<std::uint64_t>{};
  if (type == "i64" || type == "bool" || type == "time") return std::vector<std::int64_t>{};
  if (type == "f64") return std::vector<double>{};
  if (type == "text" || type == "bytes") return std::vector<std::string>{};
  if (type == "u8") return std::vector<std::uint8_t>{};
  if (type == "u16") return std::vector<std::uint16_t>{};
  if (type == "u32") return std::vector<std::uint32_t>{};
  if (type == "addr") return std::vector<Addr>{};
  return std::nullopt;
}

// Whether the values of a column type are strings: text is UTF-8, bytes are any octets.
inline bool is_string(std::string_view type) { return type == "text" || type == "bytes"; }

// One column. `values` has one entry per row, including nulls; in a list column, the values of all rows. Times and bools are
// int64.
struct Column {
  std::string name;
  // "u64", "i64", "f64", "bool", "text" or "time" in results, where u8..u32 outputs are widened to u64 and addresses are text;
  // flows also have "u8", "u16", "u32", "addr" and "bytes". In a list column, the type of its values, none of which is null.
  std::string type;
  std::string unit;  // may be empty
  std::string doc;
  ColumnValues values;
  std::vector<std::uint8_t> valid;       // one byte per row, 1: value, 0: null; empty: no nulls
  std::string element = {};              // name of the IPFIX element; empty: none
  bool list = false;                     // a row has any number of values; only columns of flows
  std::vector<std::uint64_t> ends = {};  // of a list column: where the values of each row end, and those of the next row begin

  std::size_t size() const { return list ? ends.size() : value_count(); }
  std::size_t value_count() const {
    return std::visit([](const auto& v) { return v.size(); }, values);
  }
  std::uint64_t begin_of(std::size_t row) const { return row == 0 ? 0 : ends[row - 1]; }  // of a list column
  bool is_null(std::size_t row) const { return !valid.empty() && !valid[row]; }
};

// Calls f with the values of a column that is not text.
template <class AnyColumn, class F>
void visit_fixed_size(AnyColumn& column, F f) {
  std::visit(
      [&](auto& values) {
        if constexpr (!std::is_same_v<typename std::decay_t<decltype(values)>::value_type, std::string>) f(values);
      },
      column.values);
}

// The columns of a result, in this order:
//   interval_start, interval_end (time), <by columns>, <outputs>, coverage (f64), flows_lost, flows_late,
//   files_expected, files_present (u64)
// Rows are sorted by (interval_start, by columns in order).
struct RowTable {
  std::vector<Column> columns;

  std::size_t rows() const { return columns.empty() ? 0 : columns.front().size(); }
  const Column* find(std::string_view name) const {
    for (const auto& c : columns)
      if (c.name == name) return &c;
    return nullptr;
  }
};

}  // namespace mole::runtime
