#include "runtime/rows/rows_format.hpp"

#include "runtime/rows/frame_bytes.hpp"
#include "sdk/model/durable_file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>

namespace mole::runtime {
namespace {

using nlohmann::json;

constexpr std::string_view magic = "MOLEROWS";
constexpr std::uint32_t format_version = 1;
constexpr std::size_t fixed_header = 32;

bool has_nulls(const Column& column) { return std::find(column.valid.begin(), column.valid.end(), 0) != column.valid.end(); }

// Returns the memory used by a cell, without the characters of a string.
std::uint64_t cell_bytes(std::string_view type) { return is_string(type) ? sizeof(std::string) + 1 : type == "addr" ? 17 : 9; }

// Whether the ends of lists increase up to the number of values, and null rows have no values.
bool lists_are_sound(const Column& column) {
  std::uint64_t end = 0;
  for (std::size_t row = 0; row < column.ends.size(); ++row) {
    if (column.ends[row] < end || (column.is_null(row) && column.ends[row] > end)) return false;
    end = column.ends[row];
  }
  return end == column.value_count();
}

Result<> check_column(const Column& column, std::size_t rows, const RowLimits& limits) {
  const auto expected = empty_values(column.type);
  if (!expected) return invalid(fmt::format("column {} has the unknown type {}", column.name, column.type));
  if (expected->index() != column.values.index())
    return invalid(fmt::format("column {} has the type {} but values of a different type", column.name, column.type));
  if (column.size() != rows)
    return invalid(fmt::format("column {} has {} rows, the first column has {}", column.name, column.size(), rows));
  if (!column.valid.empty() && column.valid.size() != rows)
    return invalid(fmt::format("column {} has {} rows but validity for {}", column.name, rows, column.valid.size()));
  if (column.list && !lists_are_sound(column))
    return invalid(fmt::format("the lists of column {} are inconsistent", column.name));
  if (const auto* strings = std::get_if<std::vector<std::string>>(&column.values))
    for (const auto& text : *strings)
      if (text.size() > limits.text)
        return exhausted(
            fmt::format("column {} has a string of {} bytes; the limit is {}", column.name, text.size(), limits.text));
  return {};
}

Result<> check_table(const RowTable& table, const RowLimits& limits) {
  if (table.rows() > limits.rows)
    return exhausted(
        fmt::format("{} rows; the limit is {}; use a longer interval or fewer dimensions", table.rows(), limits.rows));
  if (table.columns.size() > limits.columns)
    return exhausted(fmt::format("{} columns; the limit is {}", table.columns.size(), limits.columns));
  std::set<std::string_view> names;
  std::uint64_t memory = 0;
  for (const auto& column : table.columns) {
    if (auto good = check_column(column, table.rows(), limits); !good) return good;
    if (!names.insert(column.name).second) return invalid("two columns are named " + column.name);
    memory += table.rows() * cell_bytes(column.type);
    if (column.list) memory += column.value_count() * cell_bytes(column.type);
  }
  if (memory > limits.bytes)
    return exhausted(
        fmt::format("a table of {} bytes; the limit is {}; use a longer interval or fewer dimensions", memory, limits.bytes));
  return {};
}

// ---- writing

template <class Set>
void put_bits(std::string& out, std::size_t rows, Set&& is_set) {
  const auto begin = out.size();
  out.append(padded8((rows + 7) / 8), '\0');
  for (std::size_t row = 0; row < rows; ++row)
    if (is_set(row)) out[begin + row / 8] = static_cast<char>(out[begin + row / 8] | 1 << (row % 8));
}

// Whether value `i` belongs to a null. Lists have no such values.
bool is_under_null(const Column& column, std::size_t i) { return !column.list && column.is_null(i); }

template <class T>
void put_values(std::string& out, const Column& column, const std::vector<T>& values) {
  const auto begin = out.size();
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  if (column.valid.empty()) return;
  for (std::size_t row = 0; row < values.size(); ++row)
    if (is_under_null(column, row)) std::memset(&out[begin + row * sizeof(T)], 0, sizeof(T));
}

void put_strings(std::string& out, const Column& column, const std::vector<std::string>& values) {
  std::int64_t offset = 0;
  put(out, offset);
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (!is_under_null(column, row)) offset += static_cast<std::int64_t>(values[row].size());
    put(out, offset);
  }
  for (std::size_t row = 0; row < values.size(); ++row)
    if (!is_under_null(column, row)) out += values[row];
  pad8(out);
}

void put_column(std::string& out, const Column& column) {
  const auto rows = column.size();
  if (has_nulls(column)) put_bits(out, rows, [&](std::size_t row) { return column.valid[row] != 0; });
  if (column.list) {
    put(out, std::uint64_t{0});
    for (const auto end : column.ends) put(out, end);
  }
  if (column.type == "bool") {
    const auto& values = std::get<1>(column.values);
    put_bits(out, values.size(), [&](std::size_t i) { return values[i] != 0 && !is_under_null(column, i); });
  } else if (is_string(column.type)) {
    put_strings(out, column, std::get<3>(column.values));
  } else {
    visit_fixed_size(column, [&](const auto& values) { put_values(out, column, values); });
    pad8(out);
  }
}

Result<std::string> header_json(const RowTable& table) {
  auto columns = json::array();
  for (const auto& c : table.columns) {
    columns.push_back({{"name", c.name}, {"type", c.type}, {"unit", c.unit}, {"doc", c.doc}, {"nulls", has_nulls(c)}});
    if (!c.element.empty()) columns.back()["element"] = c.element;
    if (c.list) columns.back()["list"] = true;
  }
  try {
    return json{{"columns", columns}}.dump();
  } catch (const json::exception&) {
    return invalid("a column's name, unit or doc is not UTF-8");
  }
}

// ---- reading

Error damaged(const std::string& what) { return corrupt("rows: " + what + "; compute the block again"); }

struct ColumnHead {
  Column column;
  bool nulls = false;
};

Result<std::vector<ColumnHead>> parse_header(std::string_view text, const RowLimits& limits) {
  std::vector<ColumnHead> heads;
  try {
    const auto header = json::parse(text);
    const auto& columns = header.at("columns");
    if (!columns.is_array() || header.size() != 1) return damaged("the header is malformed");
    if (columns.size() > limits.columns)
      return exhausted(fmt::format("rows: {} columns; the limit is {}", columns.size(), limits.columns));
    std::set<std::string> names;
    for (const auto& c : columns) {
      ColumnHead head;
      head.column.name = c.at("name").get<std::string>();
      head.column.type = c.at("type").get<std::string>();
      head.column.unit = c.at("unit").get<std::string>();
      head.column.doc = c.at("doc").get<std::string>();
      head.column.element = c.value("element", "");
      head.column.list = c.value("list", false);
      head.nulls = c.at("nulls").get<bool>();
      if (!empty_values(head.column.type)) return damaged("a column has an unknown type");
      if (!names.insert(head.column.name).second) return damaged("two columns have the same name");
      heads.push_back(std::move(head));
    }
  } catch (const json::exception&) {
    return damaged("the header is not the expected JSON");
  }
  return heads;
}

// Expands a bitmap. `good`: false if it is too short or has bits beyond the rows.
template <class T>
std::vector<T> take_bits(ByteCursor& in, std::size_t rows, bool& good) {
  const auto bits = in.take_padded((rows + 7) / 8);
  std::vector<T> values;
  good = !in.failed() && (rows % 8 == 0 || (static_cast<unsigned char>(bits.back()) >> (rows % 8)) == 0);
  if (!good) return values;
  values.resize(rows);
  for (std::size_t row = 0; row < rows; ++row) values[row] = static_cast<unsigned char>(bits[row / 8]) >> (row % 8) & 1;
  return values;
}

template <class T>
bool take_values(ByteCursor& in, std::size_t rows, std::vector<T>& values) {
  const auto bytes = in.take_padded(rows * sizeof(T));
  if (in.failed()) return false;
  values.resize(rows);
  if (rows > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
  return true;
}

Result<std::vector<std::string>> take_strings(ByteCursor& in, std::size_t rows, std::uint64_t& memory, const RowLimits& limits) {
  std::vector<std::int64_t> offsets;
  if (!take_values(in, rows + 1, offsets)) return damaged("text offsets are truncated");
  if (offsets.front() != 0) return damaged("text offsets do not begin at 0");
  for (std::size_t row = 0; row < rows; ++row) {
    if (offsets[row + 1] < offsets[row]) return damaged("text offsets decrease");
    if (static_cast<std::uint64_t>(offsets[row + 1] - offsets[row]) > limits.text)
      return exhausted(fmt::format("rows: a string of more than {} bytes", limits.text));
  }
  const auto bytes = in.take_padded(static_cast<std::uint64_t>(offsets.back()));
  if (in.failed()) return damaged("text is truncated");
  memory += bytes.size();
  if (memory > limits.bytes)
    return exhausted(
        fmt::format("rows: more than the limit of {} bytes; use a longer interval or fewer dimensions", limits.bytes));
  std::vector<std::string> values(rows);
  for (std::size_t row = 0; row < rows; ++row)
    values[row] = bytes.substr(static_cast<std::size_t>(offsets[row]), static_cast<std::size_t>(offsets[row + 1] - offsets[row]));
  return values;
}

// Reads where the lists end and returns the number of their values.
Result<std::size_t> take_lists(ByteCursor& in, std::size_t rows, Column& column, std::uint64_t& memory, const RowLimits& limits) {
  if (!take_values(in, rows + 1, column.ends)) return damaged("the lists of " + column.name + " are truncated");
  if (column.ends.front() != 0) return damaged("the first list of " + column.name + " does not begin at 0");
  column.ends.erase(column.ends.begin());
  const auto count = rows == 0 ? 0 : column.ends.back();
  if (!std::ranges::is_sorted(column.ends)) return damaged("the lists of " + column.name + " overlap");
  if (count > limits.bytes / cell_bytes(column.type) || (memory += count * cell_bytes(column.type)) > limits.bytes)
    return exhausted(fmt::format("rows: more than the limit of {} bytes; read fewer columns", limits.bytes));
  return count;
}

Result<> take_column(ByteCursor& in, std::size_t rows, ColumnHead& head, std::uint64_t& memory, const RowLimits& limits) {
  auto& column = head.column;
  bool good = true;
  if (head.nulls) column.valid = take_bits<std::uint8_t>(in, rows, good);
  if (!good || (head.nulls && !has_nulls(column)))
    return damaged("the validity bitmap of " + column.name + " is truncated or contains no nulls");
  std::size_t count = rows;
  if (column.list) {
    MOLE_TRY(count, take_lists(in, rows, column, memory, limits));
  }
  if (is_string(column.type)) {
    MOLE_TRY(column.values, take_strings(in, count, memory, limits));
  } else if (column.type == "bool") {
    column.values = take_bits<std::int64_t>(in, count, good);
  } else {
    column.values = *empty_values(column.type);
    visit_fixed_size(column, [&](auto& values) { good = take_values(in, count, values); });
  }
  if (!good) return damaged("the values of " + column.name + " are truncated");
  if (column.list && !lists_are_sound(column)) return damaged("a null of " + column.name + " has values");
  return {};
}

}  // namespace

Result<std::string> encode_rows(const RowTable& table, const RowLimits& limits) {
  if (auto good = check_table(table, limits); !good) return good.error();
  MOLE_TRY(auto header, header_json(table));

  std::string body;
  for (const auto& column : table.columns) put_column(body, column);

  std::string out;
  out.reserve(fixed_header + header.size() + body.size() + 16);
  out += magic;
  put(out, format_version, static_cast<std::uint32_t>(header.size()));
  put(out, std::uint64_t{table.rows()}, std::uint64_t{body.size()});
  out += header;
  pad8(out);
  out += body;
  put(out, checksum(out));
  if (out.size() > limits.bytes) return exhausted(fmt::format("rows: {} bytes; the limit is {}", out.size(), limits.bytes));
  return out;
}

Result<RowTable> decode_rows(std::string_view bytes, const RowLimits& limits) {
  if (bytes.size() > limits.bytes) return exhausted(fmt::format("rows: {} bytes; the limit is {}", bytes.size(), limits.bytes));
  if (bytes.size() < fixed_header + 8) return damaged("truncated");
  if (bytes.substr(0, magic.size()) != magic) return damaged("not a table of rows");
  ByteCursor in(bytes.substr(magic.size(), bytes.size() - magic.size() - 8));
  if (const auto found = in.take<std::uint32_t>(); found != format_version)
    return unsupported(fmt::format("rows have format {}, not {}; use the same version everywhere", found, format_version));
  std::uint32_t header_size;
  std::uint64_t rows, body_size;
  in.take_all(header_size, rows, body_size);
  const auto header = in.take_padded(header_size);
  if (in.failed() || in.left() != body_size) return damaged("inconsistent lengths");
  if (ByteCursor(bytes.substr(bytes.size() - 8)).take<std::uint64_t>() != checksum(bytes.substr(0, bytes.size() - 8)))
    return damaged("wrong checksum");
  if (rows > limits.rows)
    return exhausted(fmt::format("rows: {} rows; the limit is {}; use a longer interval or fewer dimensions", rows, limits.rows));

  MOLE_TRY(auto heads, parse_header(header, limits));
  if (heads.empty() && rows > 0) return damaged("rows without columns");
  std::uint64_t memory = 0;
  for (const auto& head : heads) memory += rows * cell_bytes(head.column.type);
  if (memory > limits.bytes)
    return exhausted(
        fmt::format("rows: more than the limit of {} bytes; use a longer interval or fewer dimensions", limits.bytes));

  RowTable table;
  for (auto& head : heads) {
    if (auto good = take_column(in, rows, head, memory, limits); !good) return good.error();
    table.columns.push_back(std::move(head.column));
  }
  if (in.left() != 0) return damaged("bytes after the last column");
  return table;
}

Result<> write_rows(const std::filesystem::path& path, const RowTable& table, const RowLimits& limits) {
  MOLE_TRY(auto bytes, encode_rows(table, limits));
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return exhausted("writing " + path.string() + " failed; free space in the node's folder");
  return {};
}

Result<RowTable> read_rows(const std::filesystem::path& path, const RowLimits& limits) {
  MOLE_TRY(auto bytes, read_file(path, limits.bytes));
  return prefixed(path.filename().string() + ": ", decode_rows(bytes, limits));
}

}  // namespace mole::runtime
