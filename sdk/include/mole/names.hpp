// Names of flow columns and of protocols, as this project, IPFIX, nfdump and SiLK write them.
//
//   const int column = mole::column_named("octetDeltaCount");  // MOLE_COLUMN_BYTES
//   const auto protocol = mole::protocol_named("UDP");         // 17
#pragma once

#include <mole/abi.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mole {

// The name of each column, followed by its aliases from IPFIX, nfdump and SiLK in this order.
inline constexpr std::string_view column_names[MOLE_COLUMN_COUNT] = {
    "start flowStartMilliseconds flowStartMicroseconds ts sTime",
    "end flowEndMilliseconds flowEndMicroseconds te eTime",
    "src_addr sourceIPv4Address sourceIPv6Address sa srcip sIP",
    "dst_addr destinationIPv4Address destinationIPv6Address da dstip dIP",
    "src_port sourceTransportPort sp srcport sPort",
    "dst_port destinationTransportPort dp dstport dPort",
    "protocol protocolIdentifier pr proto",
    "packets packetDeltaCount pkt ipkt",
    "bytes octetDeltaCount byt ibyt",
    "tcp_flags tcpControlBits flg flags",
    "tos ipClassOfService stos",
    "src_as bgpSourceAsNumber sas srcas",
    "dst_as bgpDestinationAsNumber das dstas",
    "src_mask sourceIPv4PrefixLength smk",
    "dst_mask destinationIPv4PrefixLength dmk",
    "next_hop ipNextHopIPv4Address ipNextHopIPv6Address nh nhIP",
    "in_if ingressInterface in",
    "out_if egressInterface out",
    "router",
    "sampling samplingInterval",
    "application_label silkAppLabel applicationId application app",
    "observation_domain observationDomainId odid",
    "exporter_addr exporterIPv4Address exporterIPv6Address ra",
    "src_vlan vlanId dot1qVlanId svln",
    "dst_vlan postVlanId postDot1qVlanId dvln",
    "mpls_label mplsTopLabelStackSection mpls1",
    "post_src_addr postNATSourceIPv4Address postNATSourceIPv6Address nsa",
    "post_dst_addr postNATDestinationIPv4Address "
    "postNATDestinationIPv6Address nda",
    "post_src_port postNAPTSourceTransportPort nsp",
    "post_dst_port postNAPTDestinationTransportPort ndp",
    "reverse_packets reversePacketDeltaCount opkt",
    "reverse_bytes reverseOctetDeltaCount obyt",
    "icmp_type icmpTypeIPv4 icmpTypeIPv6",
    "icmp_code icmpCodeIPv4 icmpCodeIPv6",
    "end_reason flowEndReason",
    "flow_direction flowDirection dir",
    "scaled",
    "sampling_source"};

// nfdump's names by protocol number; "-" has none. nfdump gives 38 the name of 35.
inline constexpr std::string_view protocol_names =
    "- icmp igmp ggp ipip st tcp cbt egp igp bbn nvpii pup argus encom xnet chaos udp mux dcn hmp prm xns trnk1 trnk2 leaf1 "
    "leaf2 "
    "rdp irtp iso-4 netbk mfesp meinp dccp 3pc idpr xtp ddp - tp++ il ipv6 sdrp rte6 frag6 idrp rsvp gre mhrp bna esp ah inlsp "
    "swipe narp mobil tlsp skip icmp6 nohe6 opts6 host cftp net satnt klan rvd ippc fs satm visa ipcv cpnx cphb wsn pvp bsatm "
    "sunnd wbmon wbexp isoip vmtp svmtp vines ttp nsigp dgp tcf eigrp ospf s-rpc larp mtp ax.25 os micp sccsp ethip encap - gmtp "
    "ifmp pnni pim aris scps qnx a/n ipcmp snp cpqpp ipxip vrrp pgm 0hop l2tp ddx iatp stp srp uti smp sm ptp isis4 fire crtp "
    "crudp - iplt sps pipe sctp fc - mhead udp-l mpls";

// Whether two names are equal; ignores the case of ASCII letters.
constexpr bool equal_names(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

// Calls visit(word) for the words of a list separated by single spaces, until it returns true. Whether it did.
template <class Visit>
constexpr bool any_word(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const auto word = list.substr(0, list.find(' '));
    if (visit(word)) return true;
    list.remove_prefix(std::min(word.size() + 1, list.size()));
  }
  return false;
}

// Returns the number of a flow column (MOLE_COLUMN_*) by its name or an alias; ignores case. -1: unknown.
constexpr int column_named(std::string_view name) {
  for (int column = 0; column < MOLE_COLUMN_COUNT; ++column)
    if (any_word(column_names[column], [&](std::string_view word) { return equal_names(word, name); })) return column;
  return -1;
}

// Returns the number of a protocol by nfdump's name for it; ignores case.
constexpr std::optional<std::uint8_t> protocol_named(std::string_view name) {
  std::uint8_t number = 0;
  const bool found = any_word(protocol_names, [&](std::string_view word) {
    if (word != "-" && equal_names(word, name)) return true;
    ++number;
    return false;
  });
  return found ? std::optional(number) : std::nullopt;
}

}  // namespace mole
