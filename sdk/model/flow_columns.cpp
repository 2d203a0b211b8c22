#include "sdk/model/flow_columns.hpp"

#include <algorithm>

namespace mole {
namespace {

// The name of each column, followed by its aliases from IPFIX, nfdump and SiLK.
constexpr std::string_view names[MOLE_COLUMN_COUNT] = {"start flowStartMilliseconds flowStartMicroseconds ts sTime",
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
                                                       "scaled"};

bool equal(std::string_view a, std::string_view b) {
  const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return low(x) == low(y); });
}

}  // namespace

std::string_view flow_column_name(int column) {
  return column >= 0 && column < MOLE_COLUMN_COUNT ? names[column].substr(0, names[column].find(' ')) : std::string_view{};
}

int flow_column_named(std::string_view name) {
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
    for (auto left = names[c]; !left.empty();) {
      const auto word = left.substr(0, left.find(' '));
      if (equal(word, name)) return c;
      left.remove_prefix(std::min(word.size() + 1, left.size()));
    }
  return -1;
}

}  // namespace mole
