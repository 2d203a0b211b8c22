// Counts as rates: bytes as bit/s, packets as packet/s, flows as flow/s.
#pragma once

#include "runtime/rows/row_table.hpp"
#include "sdk/model/time.hpp"

#include <mole/result.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <string_view>

namespace mole::cli {

// Columns that count bytes, packets or flows, and over how long: an interval, or the window of a module with one.
using CountedOver = std::map<std::string, Micros>;

// As the document of Api::results says; what it says wrongly is left out.
CountedOver counted_over(const nlohmann::json& results);

// Divides a count by the time it was taken over (above 0): numbers become f64, bytes bits, the unit "bit/s". A column of
// another unit than B, packet or flow, or of no numbers, stays as it is.
void make_rate(runtime::Column& column, Micros over);
bool is_rate(std::string_view unit);  // one that make_rate gives

// What the rate of a column is called where a file might be read without its units: "flows" -> "flows_per_second", "bytes"
// -> "bytes_bits_per_second". `unit`: of the rate.
std::string rate_name(const std::string& column, std::string_view unit);

// invalid: of the columns chosen none is a count; names some of those that are.
Error no_rate(const CountedOver& counted);

}  // namespace mole::cli
