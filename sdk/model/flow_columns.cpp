#include "sdk/model/flow_columns.hpp"

#include <algorithm>

namespace mole {
namespace {

constexpr std::string_view names[MOLE_COLUMN_COUNT] = {
    "start", "end",    "src_addr", "dst_addr", "src_port", "dst_port", "protocol", "packets", "bytes",  "tcp_flags",
    "tos",   "src_as", "dst_as",   "src_mask", "dst_mask", "next_hop", "in_if",    "out_if",  "router", "sampling"};

struct Alias {
  std::string_view name;
  int column;
};
constexpr Alias aliases[] = {
    // IPFIX elements
    {"flowStartMilliseconds", MOLE_COLUMN_START},
    {"flowEndMilliseconds", MOLE_COLUMN_END},
    {"flowStartMicroseconds", MOLE_COLUMN_START},
    {"flowEndMicroseconds", MOLE_COLUMN_END},
    {"sourceIPv4Address", MOLE_COLUMN_SRC_ADDR},
    {"sourceIPv6Address", MOLE_COLUMN_SRC_ADDR},
    {"destinationIPv4Address", MOLE_COLUMN_DST_ADDR},
    {"destinationIPv6Address", MOLE_COLUMN_DST_ADDR},
    {"sourceTransportPort", MOLE_COLUMN_SRC_PORT},
    {"destinationTransportPort", MOLE_COLUMN_DST_PORT},
    {"protocolIdentifier", MOLE_COLUMN_PROTOCOL},
    {"packetDeltaCount", MOLE_COLUMN_PACKETS},
    {"octetDeltaCount", MOLE_COLUMN_BYTES},
    {"tcpControlBits", MOLE_COLUMN_TCP_FLAGS},
    {"ipClassOfService", MOLE_COLUMN_TOS},
    {"bgpSourceAsNumber", MOLE_COLUMN_SRC_AS},
    {"bgpDestinationAsNumber", MOLE_COLUMN_DST_AS},
    {"sourceIPv4PrefixLength", MOLE_COLUMN_SRC_MASK},
    {"destinationIPv4PrefixLength", MOLE_COLUMN_DST_MASK},
    {"ipNextHopIPv4Address", MOLE_COLUMN_NEXT_HOP},
    {"ipNextHopIPv6Address", MOLE_COLUMN_NEXT_HOP},
    {"ingressInterface", MOLE_COLUMN_IN_IF},
    {"egressInterface", MOLE_COLUMN_OUT_IF},
    {"samplingInterval", MOLE_COLUMN_SAMPLING},
    // nfdump
    {"ts", MOLE_COLUMN_START},
    {"te", MOLE_COLUMN_END},
    {"sa", MOLE_COLUMN_SRC_ADDR},
    {"da", MOLE_COLUMN_DST_ADDR},
    {"sp", MOLE_COLUMN_SRC_PORT},
    {"dp", MOLE_COLUMN_DST_PORT},
    {"pr", MOLE_COLUMN_PROTOCOL},
    {"pkt", MOLE_COLUMN_PACKETS},
    {"ipkt", MOLE_COLUMN_PACKETS},
    {"byt", MOLE_COLUMN_BYTES},
    {"ibyt", MOLE_COLUMN_BYTES},
    {"flg", MOLE_COLUMN_TCP_FLAGS},
    {"stos", MOLE_COLUMN_TOS},
    {"sas", MOLE_COLUMN_SRC_AS},
    {"das", MOLE_COLUMN_DST_AS},
    {"smk", MOLE_COLUMN_SRC_MASK},
    {"dmk", MOLE_COLUMN_DST_MASK},
    {"nh", MOLE_COLUMN_NEXT_HOP},
    {"in", MOLE_COLUMN_IN_IF},
    {"out", MOLE_COLUMN_OUT_IF},
    {"srcip", MOLE_COLUMN_SRC_ADDR},
    {"dstip", MOLE_COLUMN_DST_ADDR},
    {"srcport", MOLE_COLUMN_SRC_PORT},
    {"dstport", MOLE_COLUMN_DST_PORT},
    {"proto", MOLE_COLUMN_PROTOCOL},
    {"srcas", MOLE_COLUMN_SRC_AS},
    {"dstas", MOLE_COLUMN_DST_AS},
    // SiLK
    {"sTime", MOLE_COLUMN_START},
    {"eTime", MOLE_COLUMN_END},
    {"sIP", MOLE_COLUMN_SRC_ADDR},
    {"dIP", MOLE_COLUMN_DST_ADDR},
    {"sPort", MOLE_COLUMN_SRC_PORT},
    {"dPort", MOLE_COLUMN_DST_PORT},
    {"flags", MOLE_COLUMN_TCP_FLAGS},
    {"nhIP", MOLE_COLUMN_NEXT_HOP}};

bool equal(std::string_view a, std::string_view b) {
  const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return low(x) == low(y); });
}

}  // namespace

std::string_view flow_column_name(int column) {
  return column >= 0 && column < MOLE_COLUMN_COUNT ? names[column] : std::string_view{};
}

int flow_column_named(std::string_view name) {
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
    if (equal(names[c], name)) return c;
  for (const auto& alias : aliases)
    if (equal(alias.name, name)) return alias.column;
  return -1;
}

}  // namespace mole
