// Names in the text of a filter: derived columns, comparisons, protocols, TCP flags.
#pragma once

#include "sdk/model/filter.hpp"

#include <mole/abi.h>

#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace mole {

struct DerivedColumnName {
  DerivedColumn column;
  std::string_view name;
  std::span<const int> reads;  // MOLE_COLUMN_*
};

// nullptr: not a derived column.
const DerivedColumnName* derived_column(int column);
const DerivedColumnName* derived_column(std::string_view name);

struct CompareWord {
  std::string_view word;
  FilterNode::Compare compare;
};

inline constexpr CompareWord compare_words[] = {
    {"=", FilterNode::Compare::equal},     {"==", FilterNode::Compare::equal},    {"eq", FilterNode::Compare::equal},
    {"!=", FilterNode::Compare::unequal},  {"<=", FilterNode::Compare::at_most},  {"le", FilterNode::Compare::at_most},
    {">=", FilterNode::Compare::at_least}, {"ge", FilterNode::Compare::at_least}, {"<", FilterNode::Compare::less},
    {"lt", FilterNode::Compare::less},     {">", FilterNode::Compare::greater},   {"gt", FilterNode::Compare::greater},
    {"in", FilterNode::Compare::in}};

constexpr bool is_ordered(FilterNode::Compare compare) {
  return compare != FilterNode::Compare::equal && compare != FilterNode::Compare::unequal && compare != FilterNode::Compare::in;
}

// The source's and the destination's column.
using SidedColumns = int[2];

struct SidedWord {
  std::string_view word;
  SidedColumns columns;
};

inline constexpr SidedWord number_words[] = {
    {"port", {MOLE_COLUMN_SRC_PORT, MOLE_COLUMN_DST_PORT}},
    {"as", {MOLE_COLUMN_SRC_AS, MOLE_COLUMN_DST_AS}},
    {"mask", {MOLE_COLUMN_SRC_MASK, MOLE_COLUMN_DST_MASK}},
};
inline constexpr SidedColumns interfaces = {MOLE_COLUMN_IN_IF, MOLE_COLUMN_OUT_IF};
inline constexpr SidedColumns addresses_of_flow = {MOLE_COLUMN_SRC_ADDR, MOLE_COLUMN_DST_ADDR};

// Returns the largest value of a column or derived column.
std::uint64_t largest_value(int column);

inline constexpr std::string_view tcp_flag_letters = "fsrpauec";  // bits 0.. of tcpControlBits

}  // namespace mole
