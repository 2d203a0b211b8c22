// Sample tables and file helpers for the tests of rows, states and results.
#pragma once

#include "runtime/rows/row_table.hpp"
#include "tests/support/temp_folder.hpp"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace mole::runtime::testing {

using mole::testing::TempFolder;

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::filesystem::remove(path);  // ext4 flushes a file that was truncated and rewritten
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string hex(std::string_view bytes) {
  std::string text;
  for (const unsigned char c : bytes) {
    constexpr char digits[] = "0123456789abcdef";
    text += digits[c >> 4];
    text += digits[c & 15];
  }
  return text;
}

// Every type, with nulls in each nullable column, an empty and a nonempty string.
inline RowTable small_table() {
  RowTable t;
  t.columns.push_back({"interval_start", "time", "", "", std::vector<std::int64_t>{0, 900000000, -900000000}, {}});
  t.columns.push_back({"bytes", "u64", "B", "octets", std::vector<std::uint64_t>{1, 18446744073709551615u, 0}, {1, 1, 0}});
  t.columns.push_back({"delta", "i64", "", "", std::vector<std::int64_t>{-1, 0, 1}, {}});
  t.columns.push_back({"mean", "f64", "B", "", std::vector<double>{0.5, 0, -2}, {1, 0, 1}});
  t.columns.push_back({"seen", "bool", "", "", std::vector<std::int64_t>{1, 0, 1}, {1, 1, 0}});
  t.columns.push_back({"name", "text", "", "", std::vector<std::string>{"", "Z\xc3\xbcrich", "x"}, {1, 1, 0}});
  return t;
}

// The types of numbers that only flows have, with a null and an IPFIX element.
inline RowTable flow_table() {
  RowTable t;
  t.columns.push_back({"protocol", "u8", "", "", std::vector<std::uint8_t>{6, 255, 0}, {1, 1, 0}, "protocolIdentifier"});
  t.columns.push_back({"src_port", "u16", "", "", std::vector<std::uint16_t>{0, 65535, 443}, {}, "sourceTransportPort"});
  t.columns.push_back({"src_as", "u32", "", "", std::vector<std::uint32_t>{4294967295u, 0, 64512}, {0, 1, 1}, ""});
  return t;
}

// Lists of every kind of value: null, empty, one value, several.
inline RowTable list_table() {
  const std::vector<std::uint8_t> valid{0, 1, 1, 1};
  const std::vector<std::uint64_t> ends{0, 0, 1, 3};
  const auto list = [&](const char* type, ColumnValues values) {
    return Column{std::string("list_of_") + type, type, "", "", std::move(values), valid, type, true, ends};
  };
  RowTable t;
  t.columns.push_back(list("u16", std::vector<std::uint16_t>{1, 2, 65535}));
  t.columns.push_back(list("bool", std::vector<std::int64_t>{1, 0, 1}));
  t.columns.push_back(list("time", std::vector<std::int64_t>{0, 1190487600000000, 1}));
  t.columns.push_back(list("f64", std::vector<double>{0.5, -1, 2}));
  t.columns.push_back(list("text", std::vector<std::string>{"a.example.", "", "b;c"}));
  t.columns.push_back(list("bytes", std::vector<std::string>{std::string("\0\xff", 2), "", "\x01"}));
  t.columns.push_back(list("addr", std::vector<Addr>{Addr::v4(1), Addr{}, Addr::v4(2)}));
  return t;
}

inline bool same(const RowTable& a, const RowTable& b) {
  if (a.columns.size() != b.columns.size()) return false;
  for (std::size_t i = 0; i < a.columns.size(); ++i) {
    const auto &x = a.columns[i], &y = b.columns[i];
    if (x.name != y.name || x.type != y.type || x.unit != y.unit || x.doc != y.doc || x.element != y.element ||
        x.size() != y.size())
      return false;
    if (x.values.index() != y.values.index() || x.list != y.list || x.ends != y.ends) return false;
    if (x.list) {
      if (x.values != y.values || x.valid != y.valid) return false;
      continue;
    }
    for (std::size_t row = 0; row < x.size(); ++row) {
      const bool null_x = !x.valid.empty() && !x.valid[row], null_y = !y.valid.empty() && !y.valid[row];
      if (null_x != null_y) return false;
      const auto equal = [&](const auto& values) {
        return values[row] == std::get<std::decay_t<decltype(values)>>(y.values)[row];
      };
      if (!null_x && !std::visit(equal, x.values)) return false;
    }
  }
  return true;
}

}  // namespace mole::runtime::testing
