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

// nfdump's names by protocol number; "-" has none. nfdump gives 38 the name of 35.
constexpr std::string_view protocols =
    "- icmp igmp ggp ipip st tcp cbt egp igp bbn nvpii pup argus encom xnet chaos udp mux dcn hmp prm xns trnk1 trnk2 leaf1 "
    "leaf2 "
    "rdp irtp iso-4 netbk mfesp meinp dccp 3pc idpr xtp ddp - tp++ il ipv6 sdrp rte6 frag6 idrp rsvp gre mhrp bna esp ah inlsp "
    "swipe narp mobil tlsp skip icmp6 nohe6 opts6 host cftp net satnt klan rvd ippc fs satm visa ipcv cpnx cphb wsn pvp bsatm "
    "sunnd wbmon wbexp isoip vmtp svmtp vines ttp nsigp dgp tcf eigrp ospf s-rpc larp mtp ax.25 os micp sccsp ethip encap - gmtp "
    "ifmp pnni pim aris scps qnx a/n ipcmp snp cpqpp ipxip vrrp pgm 0hop l2tp ddx iatp stp srp uti smp sm ptp isis4 fire crtp "
    "crudp - iplt sps pipe sctp fc - mhead udp-l mpls";

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

std::optional<std::uint8_t> protocol_named(std::string_view name) {
  int number = 0;
  for (auto left = protocols; !left.empty(); ++number) {
    const auto known = left.substr(0, left.find(' '));
    if (known == name && known != "-") return static_cast<std::uint8_t>(number);
    left.remove_prefix(std::min(known.size() + 1, left.size()));
  }
  return std::nullopt;
}

}  // namespace mole
