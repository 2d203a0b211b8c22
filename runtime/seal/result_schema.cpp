#include "runtime/seal/result_schema.hpp"

#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mole::runtime {
namespace {

const SchemaColumn leading[] = {
    {"interval_start", "time", "", "start of the interval, UTC", false},
    {"interval_end", "time", "", "end of the interval (exclusive), UTC", false},
};
const SchemaColumn trailing[] = {
    {"coverage", "f64", "1", "share of the expected input that was present, 0..1", false},
    {"flows_lost", "u64", "flow", "flows lost between exporter and archive, by sequence number", false},
    {"flows_late", "u64", "flow", "flows that arrived too late for their interval, not counted", false},
    {"files_expected", "u64", "1", "files expected for the interval, present or not", false},
    {"files_present", "u64", "1", "expected files with at least one readable byte", false},
};

std::string stored_type(const std::string& type) { return type == "u8" || type == "u16" || type == "u32" ? "u64" : type; }

Result<> check_shape(const RowTable& table, const std::vector<SchemaColumn>& schema) {
  if (table.columns.size() != schema.size())
    return corrupt(fmt::format("it has {} columns instead of {}", table.columns.size(), schema.size()));
  for (std::size_t i = 0; i < schema.size(); ++i) {
    const auto& actual = table.columns[i];
    const auto& expected = schema[i];
    if (actual.name != expected.name)
      return corrupt(fmt::format("column {} is {} instead of {}", i + 1, actual.name, expected.name));
    const bool fits = expected.type.empty() ? actual.type == "u64" || actual.type == "text" : actual.type == expected.type;
    if (!fits) return corrupt(fmt::format("column {} has the type {} instead of {}", actual.name, actual.type, expected.type));
    if (actual.size() != table.rows() || (!actual.valid.empty() && actual.valid.size() != table.rows()))
      return corrupt(fmt::format("column {} has a different number of rows than the first", actual.name));
  }
  return {};
}

Result<> check_values(const Column& column, bool nullable) {
  const auto at = [&](std::size_t row) { return fmt::format("column {} in row {}", column.name, row + 1); };
  for (std::size_t row = 0; row < column.valid.size() && !nullable; ++row)
    if (!column.valid[row]) return corrupt(at(row) + " is null, but the column is not nullable");
  if (const auto* numbers = std::get_if<std::vector<double>>(&column.values)) {
    for (std::size_t row = 0; row < numbers->size(); ++row)
      if (!std::isfinite((*numbers)[row]) && !column.is_null(row))
        return corrupt(at(row) + " is not a finite number; declare it nullable and return null where there is no value");
  }
  if (const auto* strings = std::get_if<std::vector<std::string>>(&column.values)) {
    for (std::size_t row = 0; row < strings->size(); ++row)
      if (!is_utf8((*strings)[row])) return corrupt(at(row) + " is not UTF-8");
  }
  return {};
}

const std::vector<std::int64_t>& times(const RowTable& table, std::size_t column) {
  return std::get<std::vector<std::int64_t>>(table.columns[column].values);
}

Result<> check_intervals(const RowTable& table, const task::Step& step, TimeRange block) {
  const auto &starts = times(table, 0), &ends = times(table, 1);
  for (std::size_t row = 0; row < starts.size(); ++row) {
    const auto start = starts[row];
    if (start < block.from || start >= block.to)
      return corrupt(fmt::format("the interval in row {} begins at {}, outside the block", row + 1, start));
    if (step.interval <= 0 || floor_to(start, step.interval) != start)
      return corrupt(fmt::format("the interval in row {} begins at {}, not at a multiple of {}", row + 1, format_time(start),
                                 format_duration(step.interval)));
    if (ends[row] != start + step.interval || ends[row] > block.to)
      return corrupt(fmt::format("the length of the interval in row {} is not {}", row + 1, format_duration(step.interval)));
  }
  return {};
}

// Compares two rows by one column.
int compare(const Column& column, std::size_t a, std::size_t b) {
  return std::visit([&](const auto& values) { return values[a] < values[b] ? -1 : static_cast<int>(values[b] < values[a]); },
                    column.values);
}

// Checks the order of columns 0 (interval_start) and 2.. (by). Equal rows are allowed: a metric may return several per group.
Result<> check_order(const RowTable& table, std::size_t dimensions) {
  for (std::size_t row = 1; row < table.rows(); ++row) {
    int order = compare(table.columns[0], row - 1, row);
    for (std::size_t i = 0; i < dimensions && order == 0; ++i) order = compare(table.columns[2 + i], row - 1, row);
    if (order > 0) return corrupt(fmt::format("row {} is out of order", row + 1));
  }
  return {};
}

Result<> check_coverage(const RowTable& table) {
  const auto column = [&](const char* name) -> const Column& { return *table.find(name); };
  const auto& coverage = std::get<std::vector<double>>(column("coverage").values);
  const auto& expected = std::get<std::vector<std::uint64_t>>(column("files_expected").values);
  const auto& present = std::get<std::vector<std::uint64_t>>(column("files_present").values);
  for (std::size_t row = 0; row < coverage.size(); ++row) {
    if (!(coverage[row] >= 0 && coverage[row] <= 1))
      return corrupt(fmt::format("coverage in row {} is {}, not within 0..1", row + 1, coverage[row]));
    if (present[row] > expected[row]) return corrupt(fmt::format("row {} has more files present than expected", row + 1));
  }
  return {};
}

}  // namespace

Result<Descriptor> descriptor_of(const task::Step& step) {
  MOLE_TRY(auto sidecar, Sidecar::parse(step.plugin.sidecar));
  const auto* found = sidecar.find(PluginKind::metric, step.plugin.name);
  if (!found) return invalid(fmt::format("the sidecar of {} has no metric of that name", step.plugin.name));
  return *found;
}

Result<std::vector<SchemaColumn>> result_schema(const task::Step& step) {
  MOLE_TRY(auto descriptor, descriptor_of(step));
  std::map<std::string, Binding> bindings;
  for (const auto& input : step.inputs)
    if (input.kind != InputKind::flows && !input.column.empty()) bindings[input.role] = {input.column, input.unit, input.type};
  MOLE_TRY(auto outputs, resolve_outputs(descriptor, bindings));

  std::vector<SchemaColumn> schema(std::begin(leading), std::end(leading));
  for (const auto& dimension : step.by) schema.push_back({dimension, "", "", "group: " + dimension, false});
  for (const auto& o : outputs) schema.push_back({o.name, stored_type(o.type), o.unit, o.doc, o.nullable});
  schema.insert(schema.end(), std::begin(trailing), std::end(trailing));
  return schema;
}

Result<> check_rows(RowTable& table, const std::vector<SchemaColumn>& schema, const task::Step& step, TimeRange block) {
  if (auto good = check_shape(table, schema); !good) return good;
  for (std::size_t i = 0; i < schema.size(); ++i)
    if (auto good = check_values(table.columns[i], schema[i].nullable); !good) return good;
  if (auto good = check_intervals(table, step, block); !good) return good;
  if (auto good = check_order(table, step.by.size()); !good) return good;
  if (auto good = check_coverage(table); !good) return good;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    table.columns[i].unit = schema[i].unit;
    table.columns[i].doc = schema[i].doc;
  }
  return {};
}

}  // namespace mole::runtime
