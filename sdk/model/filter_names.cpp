#include "sdk/model/filter_names.hpp"

#include "sdk/model/flow_columns.hpp"

#include <mole/abi.h>

#include <algorithm>

namespace mole {
namespace {

constexpr int times[] = {MOLE_COLUMN_START, MOLE_COLUMN_END};
constexpr int size[] = {MOLE_COLUMN_PACKETS, MOLE_COLUMN_BYTES};
constexpr int bit_rate[] = {MOLE_COLUMN_START, MOLE_COLUMN_END, MOLE_COLUMN_BYTES};
constexpr int packet_rate[] = {MOLE_COLUMN_START, MOLE_COLUMN_END, MOLE_COLUMN_PACKETS};
constexpr int icmp[] = {MOLE_COLUMN_PROTOCOL, MOLE_COLUMN_SRC_PORT, MOLE_COLUMN_DST_PORT};

constexpr DerivedColumnName derived[] = {{duration_column, "duration", times},  {bpp_column, "bpp", size},
                                         {bps_column, "bps", bit_rate},         {pps_column, "pps", packet_rate},
                                         {icmp_type_column, "icmp-type", icmp}, {icmp_code_column, "icmp-code", icmp}};

}  // namespace

const DerivedColumnName* derived_column(int column) {
  const auto* found = std::ranges::find(derived, column, [](const auto& d) { return static_cast<int>(d.column); });
  return found == std::end(derived) ? nullptr : found;
}

const DerivedColumnName* derived_column(std::string_view name) {
  const auto* found = std::ranges::find(derived, name, &DerivedColumnName::name);
  return found == std::end(derived) ? nullptr : found;
}

std::uint64_t largest_value(int column) {
  if (column == icmp_type_column || column == icmp_code_column) return 0xff;
  const std::size_t width = column < MOLE_COLUMN_COUNT ? flow_column_type(column).width : 8;
  return width < 8 ? (std::uint64_t{1} << 8 * width) - 1 : ~std::uint64_t{0};
}

}  // namespace mole
