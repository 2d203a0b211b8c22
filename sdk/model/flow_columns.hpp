// Flow columns: names with aliases from IPFIX, nfdump and SiLK, widths and defaults.
#pragma once

#include <mole/abi.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mole {

// Returns the name ("src_addr") of a MOLE_COLUMN_*; empty if there is no such column.
std::string_view flow_column_name(int column);
// Returns the MOLE_COLUMN_* of a name or alias, ignoring case; -1 if unknown.
int flow_column_named(std::string_view name);

// address: of the family of the batch, u32 or 16 bytes. address16: 16 bytes in every batch, IPv4 mapped.
enum class FlowColumnKind : std::uint8_t { number, time, address, address16 };

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
    {FlowColumnKind::number, 1},                                        // scaled
};
static_assert(sizeof flow_column_types / sizeof *flow_column_types == MOLE_COLUMN_COUNT);

constexpr FlowColumnType flow_column_type(int column) { return flow_column_types[column]; }
constexpr bool is_time_column(int column) { return flow_column_type(column).kind == FlowColumnKind::time; }
// Whether the column has addresses of the family of the batch.
constexpr bool is_family_address(int column) { return flow_column_type(column).kind == FlowColumnKind::address; }
constexpr bool is_address_column(int column) {
  return is_family_address(column) || flow_column_type(column).kind == FlowColumnKind::address16;
}

}  // namespace mole
