// Flow columns: names with aliases from IPFIX, nfdump and SiLK, widths and defaults. Every other information element is a column,
// too, with a number that is assigned in this process when it is first named: from MOLE_COLUMN_COUNT.
#pragma once

#include "sdk/model/elements.hpp"

#include <mole/abi.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mole {

// Returns the name ("src_addr", "dnsName") of a column; empty if there is no such column.
std::string_view flow_column_name(int column);
// Returns the number of a column: MOLE_COLUMN_* of a name or alias, or the number of an information element; ignores case. -1:
// unknown.
int flow_column_named(std::string_view name);
// Returns "; did you mean dnsName, dnsQName?": the columns nearest to an unknown name; or what is wrong with it; or another way.
std::string nearest_columns(std::string_view name);
// Returns the information element of a column; nullptr for MOLE_COLUMN_*.
const Element* element_of_column(int column);
// Returns the type of an element's values as metrics see them: "u64", "i64", "f64", "bool", "time", "addr" or "text"; empty: it
// cannot be read, because it is a list of other elements.
std::string_view value_type(ElementType type);
// Returns the name of the IPFIX element ("octetDeltaCount") of a column, or the names for IPv4 and IPv6 ("sourceIPv4Address
// sourceIPv6Address"); empty: none.
std::string_view ipfix_name_of_column(int column);

// address: of the family of the batch, u32 or 16 bytes. address16: 16 bytes in every batch, IPv4 mapped. element: mole_values.
enum class FlowColumnKind : std::uint8_t { number, time, address, address16, element };

struct FlowColumnType {
  FlowColumnKind kind;
  std::uint8_t width;            // bytes of a value; of an address in an IPv6 batch
  std::uint8_t not_present = 0;  // number: the value that means that the record does not have it
};

inline constexpr FlowColumnType flow_column_types[] = {
    {FlowColumnKind::time, 8},       {FlowColumnKind::time, 8},        {FlowColumnKind::address, 16},
    {FlowColumnKind::address, 16},   {FlowColumnKind::number, 2},      {FlowColumnKind::number, 2},
    {FlowColumnKind::number, 1},     {FlowColumnKind::number, 8},      {FlowColumnKind::number, 8},
    {FlowColumnKind::number, 2},     {FlowColumnKind::number, 1},      {FlowColumnKind::number, 4},
    {FlowColumnKind::number, 4},     {FlowColumnKind::number, 1},      {FlowColumnKind::number, 1},
    {FlowColumnKind::address, 16},   {FlowColumnKind::number, 4},      {FlowColumnKind::number, 4},
    {FlowColumnKind::number, 4},     {FlowColumnKind::number, 4, 1},    // router, sampling
    {FlowColumnKind::number, 4},     {FlowColumnKind::number, 4},       // application_label, observation_domain
    {FlowColumnKind::address16, 16}, {FlowColumnKind::number, 2},       // exporter_addr, src_vlan
    {FlowColumnKind::number, 2},     {FlowColumnKind::number, 4},       // dst_vlan, mpls_label
    {FlowColumnKind::address16, 16}, {FlowColumnKind::address16, 16},   // post_src_addr, post_dst_addr
    {FlowColumnKind::number, 2},     {FlowColumnKind::number, 2},       // post_src_port, post_dst_port
    {FlowColumnKind::number, 8},     {FlowColumnKind::number, 8},       // reverse_packets, reverse_bytes
    {FlowColumnKind::number, 1},     {FlowColumnKind::number, 1},       // icmp_type, icmp_code
    {FlowColumnKind::number, 1},     {FlowColumnKind::number, 1, 255},  // end_reason, flow_direction
    {FlowColumnKind::number, 1},     {FlowColumnKind::number, 1},       // scaled, sampling_source
};
static_assert(sizeof flow_column_types / sizeof *flow_column_types == MOLE_COLUMN_COUNT);

constexpr FlowColumnType flow_column_type(int column) {
  return column < MOLE_COLUMN_COUNT ? flow_column_types[column] : FlowColumnType{FlowColumnKind::element, sizeof(mole_values)};
}
constexpr bool is_element_column(int column) { return column >= MOLE_COLUMN_COUNT; }
constexpr bool is_time_column(int column) { return flow_column_type(column).kind == FlowColumnKind::time; }
// Whether the column has addresses of the family of the batch.
constexpr bool is_family_address(int column) { return flow_column_type(column).kind == FlowColumnKind::address; }
constexpr bool is_address_column(int column) {
  return is_family_address(column) || flow_column_type(column).kind == FlowColumnKind::address16;
}

// Whether flows can be grouped by the column (`by` of a module).
constexpr bool is_dimension_column(int column) {
  switch (column) {
    case MOLE_COLUMN_START:
    case MOLE_COLUMN_END:
    case MOLE_COLUMN_PACKETS:
    case MOLE_COLUMN_BYTES:
    case MOLE_COLUMN_TCP_FLAGS:
    case MOLE_COLUMN_SRC_MASK:
    case MOLE_COLUMN_DST_MASK:
    case MOLE_COLUMN_NEXT_HOP:
    case MOLE_COLUMN_ROUTER:  // by its name, which is a property of the file
    case MOLE_COLUMN_SAMPLING:
    case MOLE_COLUMN_POST_SRC_PORT:
    case MOLE_COLUMN_POST_DST_PORT:
    case MOLE_COLUMN_REVERSE_PACKETS:
    case MOLE_COLUMN_REVERSE_BYTES:
    case MOLE_COLUMN_SCALED:
    case MOLE_COLUMN_SAMPLING_SOURCE:
      return false;
    default:
      return column >= 0;
  }
}

}  // namespace mole
