// Literal tables: a line of column names, then one line per row, with cells separated by blanks. Empty lines are skipped.
//
// flows: any flow columns. Times are written as 00:00:01.5 (on 1970-01-01; hours may exceed 24) or as whole microseconds,
// addresses as 10.0.0.1 or 2001:db8::1. Missing columns are 0. Information elements under their names, which contain a capital;
// the values of one flow are separated by `;`, none is `-`.
//
// values: value (a number or null), coverage (1 if missing), start (as above).
#pragma once

#include <arpa/inet.h>
#include <mole/addr.hpp>
#include <mole/columns.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mole::testkit {

// Flow rows: numbers and times are in `cells`, addresses in `addresses`.
struct FlowTable {
  struct Row {
    std::array<std::uint64_t, MOLE_COLUMN_COUNT> cells{};
    std::array<Addr, MOLE_COLUMN_COUNT> addresses{};
    std::uint32_t family = 0;  // 4 or 6; 0 without address columns
    std::map<std::string, std::vector<std::string>, std::less<>> elements{};
  };
  std::vector<Row> rows;

  std::size_t size() const { return rows.size(); }
  FlowTable part(std::size_t from, std::size_t to) const {
    return {{rows.begin() + static_cast<long>(from), rows.begin() + static_cast<long>(to)}};
  }
};

struct ValueTable {
  struct Row {
    std::optional<double> value;
    double coverage = 1;
    Time start;
  };
  std::vector<Row> rows;

  std::size_t size() const { return rows.size(); }
  ValueTable part(std::size_t from, std::size_t to) const {
    return {{rows.begin() + static_cast<long>(from), rows.begin() + static_cast<long>(to)}};
  }
};

namespace detail {

[[noreturn]] inline void fail(const std::string& what) { throw std::invalid_argument("test table: " + what); }

// Splits the text into lines of words; skips empty lines.
inline std::vector<std::vector<std::string>> words(std::string_view text) {
  std::vector<std::vector<std::string>> out;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream stream(line);
    std::vector<std::string> row;
    for (std::string word; stream >> word;) row.push_back(word);
    if (row.empty()) continue;
    if (!out.empty() && row.size() != out[0].size()) fail("'" + line + "' has a different number of cells than the first line");
    out.push_back(std::move(row));
  }
  if (out.empty()) fail("the table is empty");
  return out;
}

inline double number(const std::string& word) {
  std::size_t used = 0;
  double value = 0;
  try {
    value = std::stod(word, &used);
  } catch (const std::exception&) {
  }
  if (used != word.size()) fail("'" + word + "' is not a number");
  return value;
}

inline std::int64_t time_us(const std::string& word) {
  const auto first = word.find(':'), second = word.rfind(':');
  if (first == std::string::npos || first == second) return std::stoll(word);
  const double seconds = 3600 * number(word.substr(0, first)) + 60 * number(word.substr(first + 1, second - first - 1)) +
                         number(word.substr(second + 1));
  return static_cast<std::int64_t>(std::llround(seconds * 1e6));
}

inline Addr address(const std::string& word, std::uint32_t& family) {
  std::array<std::uint8_t, 16> raw{};
  if (inet_pton(AF_INET, word.c_str(), raw.data()) == 1) {
    family = 4;
    return Addr::v4(std::uint32_t{raw[0]} << 24 | std::uint32_t{raw[1]} << 16 | std::uint32_t{raw[2]} << 8 | raw[3]);
  }
  if (inet_pton(AF_INET6, word.c_str(), raw.data()) != 1) fail("'" + word + "' is not an address");
  family = 6;
  return Addr::v6(raw.data());
}

struct Named {
  const char* name;
  int index;
  bool is_time, is_address, has_family;  // has_family: an address of the family of the batch
};
template <class... C>
constexpr std::array<Named, sizeof...(C)> named() {
  return {Named{C::name, C::index, std::is_same_v<typename C::value, Time>, std::is_same_v<typename C::value, Addr>,
                mole::is_address<C>}...};
}
inline constexpr auto all_columns =
    named<start, mole::end, src_addr, dst_addr, src_port, dst_port, protocol, packets, bytes, tcp_flags, tos, src_as, dst_as,
          src_mask, dst_mask, next_hop, in_if, out_if, router, sampling, application_label, observation_domain, exporter_addr,
          src_vlan, dst_vlan, mpls_label, post_src_addr, post_dst_addr, post_src_port, post_dst_port, reverse_packets,
          reverse_bytes, icmp_type, icmp_code, end_reason, flow_direction, scaled, sampling_source>();

inline bool is_element_name(std::string_view name) {
  for (const char c : name)
    if (c >= 'A' && c <= 'Z') return true;
  return false;
}

// "a;b" -> {"a", "b"}; "-" -> {}
inline std::vector<std::string> element_values(const std::string& cell) {
  std::vector<std::string> out;
  if (cell == "-") return out;
  std::istringstream values(cell);
  for (std::string value; std::getline(values, value, ';');) out.push_back(value);
  return out;
}

inline const Named& column(const std::string& name) {
  for (const auto& c : all_columns)
    if (c.name == name) return c;
  fail("there is no flow column '" + name + "'");
}

}  // namespace detail

inline FlowTable flows(std::string_view text) {
  const auto lines = detail::words(text);
  FlowTable out;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    FlowTable::Row row;
    for (std::size_t k = 0; k < lines[0].size(); ++k) {
      const auto& word = lines[i][k];
      if (detail::is_element_name(lines[0][k])) {
        row.elements[lines[0][k]] = detail::element_values(word);
        continue;
      }
      const auto& c = detail::column(lines[0][k]);
      const auto at = static_cast<std::size_t>(c.index);
      std::uint32_t family = 0;
      if (c.is_address)
        row.addresses[at] = detail::address(word, c.has_family ? row.family : family);
      else if (c.is_time)
        row.cells[at] = static_cast<std::uint64_t>(detail::time_us(word));
      else
        row.cells[at] = std::stoull(word);
    }
    out.rows.push_back(row);
  }
  return out;
}

inline ValueTable values(std::string_view text) {
  const auto lines = detail::words(text);
  ValueTable out;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    ValueTable::Row row;
    for (std::size_t k = 0; k < lines[0].size(); ++k) {
      const auto& name = lines[0][k];
      const auto& word = lines[i][k];
      if (name == "value")
        row.value = word == "null" ? std::nullopt : std::optional(detail::number(word));
      else if (name == "coverage")
        row.coverage = detail::number(word);
      else if (name == "start")
        row.start.us = detail::time_us(word);
      else
        detail::fail("a table of values has the columns value, coverage and start, not '" + name + "'");
    }
    out.rows.push_back(row);
  }
  return out;
}

}  // namespace mole::testkit
