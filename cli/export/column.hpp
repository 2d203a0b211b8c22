// Types and values of result columns, and the conversion of counts to rates: bytes to bit/s, packets to packet/s, flows to
// flow/s.
#pragma once

#include "coordinator/wire/documents/results.hpp"
#include "runtime/rows/row_table.hpp"
#include "sdk/model/time.hpp"

#include <mole/result.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace mole::cli {

enum class ColumnType { u64, i64, f64, boolean, time, text, u8, u16, u32, addr, bytes };
// Of a list column: the type of its values.
ColumnType type_of(const runtime::Column& column);
bool is_numeric(const runtime::Column& column);  // numbers and bools, not in lists

// Returns value `i` of a column, whatever its row: the number of the row, unless the column is a list. Bytes as 0x00ff.
std::string value_at(const runtime::Column& column, std::size_t i);
// Returns the values of a list, separated by semicolons; a semicolon or backslash within a value has a backslash before it.
std::string list_text(const runtime::Column& column, std::size_t row);
// Returns the value as written in a --where filter; "" for null.
std::string value_text(const runtime::Column& column, std::size_t row);
// Whether values of this unit change if bytes and packets are multiplied by the sampling rate: "B", "packet/s", but not
// "B/packet".
bool depends_on_scale(std::string_view unit);
// Returns the value of a numeric column; nullopt if it is null.
std::optional<double> number_at(const runtime::Column& column, std::size_t row);

std::string number_text(double value);       // six digits: "190238.0", "0.0562500", "1.000000e+18"
std::string coverage_text(double coverage);  // "0.056"; "1" only for exactly 1

// Columns that count bytes, packets or flows, each with the length of time it covers: the interval, or the module's window.
using CountDurations = std::map<std::string, Micros>;

CountDurations counted_over(const coordinator::ModuleResults& results);

// Divides a count by the length of time it covers, which must be positive: values become f64, bytes become bits, the unit
// becomes "bit/s". Columns without numbers or with a unit other than B, packet or flow are left unchanged.
void make_rate(runtime::Column& column, Micros over);
bool is_rate(std::string_view unit);  // true for the units that make_rate produces

// Returns a column name that implies the rate's unit, for files that may be read without units: "flows" ->
// "flows_per_second", "bytes" -> "bytes_bits_per_second". `unit` is the unit of the rate.
std::string rate_name(const std::string& column, std::string_view unit);

// Returns the error (invalid) for a selection without counts; the message suggests a few columns that are counts.
Error no_rate(const CountDurations& counted);

}  // namespace mole::cli
