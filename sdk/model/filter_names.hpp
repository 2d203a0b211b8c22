// Names in the text of a filter: derived columns, protocols, TCP flags.
#pragma once

#include "sdk/model/filter.hpp"

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

// Returns the largest value of a column or derived column.
std::uint64_t largest_value(int column);

// Returns the number of a protocol by its lower-case name in nfdump.
std::optional<std::uint8_t> protocol_named(std::string_view name);

inline constexpr std::string_view tcp_flag_letters = "fsrpauec";  // bits 0.. of tcpControlBits

}  // namespace mole
