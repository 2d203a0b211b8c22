#include "cli/simulate/network.hpp"

#include <fmt/format.h>

#include <array>

namespace mole::cli {
namespace {

struct Block {
  std::uint32_t net, mask;
};
constexpr Block outside[] = {{0x64400000, 0xffc00000}, {0xc6120000, 0xfffe0000}};
constexpr std::uint32_t prefix_size = 1 << 12;
constexpr Micros days_per_as = 120;

struct Service {
  std::uint16_t port;
  std::uint8_t protocol;
};
struct Label : Service {
  std::uint64_t per_ten_thousand;  // of all conversations
};
constexpr std::array labels{Label{{80, tcp}, 812}, Label{{53, udp}, 704}, Label{{443, tcp}, 194},
                            Label{{25, tcp}, 84},  Label{{22, tcp}, 84},  Label{{21, tcp}, 84}};  // the rest has label 0
// Other well-known services: a quarter of the conversations without a label.
constexpr std::array others{Service{110, tcp},  Service{143, tcp},  Service{993, tcp},  Service{123, udp},
                            Service{445, tcp},  Service{139, tcp},  Service{161, udp},  Service{3389, tcp},
                            Service{1863, tcp}, Service{5060, udp}, Service{8080, tcp}, Service{6881, tcp},
                            Service{4662, tcp}, Service{4672, udp}, Service{6346, tcp}, Service{27015, udp}};

Service draw_service(Random& random) {
  auto roll = random.below(10'000);
  for (const auto& label : labels) {
    if (roll < label.per_ten_thousand) return label;
    roll -= label.per_ten_thousand;
  }
  if (random.below(4) == 0) return others[random.below(others.size())];
  const auto kind = random.below(100);
  const std::uint8_t protocol = kind < 58 ? tcp : kind < 94 ? udp : kind < 99 ? icmp : gre;
  return {protocol == tcp || protocol == udp ? high_port(random) : std::uint16_t{0}, protocol};
}

// The probability of a packet count falls with its square. Servers send large packets, clients small ones.
void draw_size(Random& random, Conversation& c, bool large) {
  const auto magnitude = static_cast<unsigned>(__builtin_ctzll(random.next() | (1ULL << 14)));  // each step half as likely
  c.packets = 1 + static_cast<std::uint32_t>(random.below(2ULL << magnitude));
  const std::uint32_t min_size = c.protocol == tcp ? 40 : 28;
  const auto spread = static_cast<std::uint32_t>(random.skewed_below(1501 - min_size));
  const std::uint32_t mean = large ? 1500 - spread : min_size + spread / 2;
  c.bytes = c.packets * mean;  // at most 32,769 packets of 1,500 bytes
}

}  // namespace

std::string dotted(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

std::uint16_t as_of(std::uint32_t address, Micros at) {
  if (is_home(address)) return home_as;
  for (const auto& block : outside) {
    if ((address & block.mask) != block.net) continue;
    const auto prefix = Random::mixed(address / prefix_size);
    const auto day = floor_div(at, day_us) + static_cast<Micros>(prefix % days_per_as);
    const auto period = static_cast<std::uint64_t>(floor_div(day, days_per_as));
    return static_cast<std::uint16_t>(home_as + 1 + Random::mixed(prefix + period) % 1000);
  }
  return 0;
}

std::string routing_table(Micros day) {
  std::string out = fmt::format("{}/16 {}\n", dotted(home_net), home_as);
  for (const auto& block : outside)
    for (std::uint32_t net = block.net; (net & block.mask) == block.net; net += prefix_size)
      out += fmt::format("{}/20 {}\n", dotted(net), as_of(net, day));
  return out;
}

std::string routing_table_name(Micros day) { return fmt::format("rib.{}.txt", format_time(day).substr(0, 10)); }

std::uint32_t inside_host(Random& random) {
  return home_net + static_cast<std::uint32_t>(random.below(2) ? random.zipf_below(14) : random.skewed_below(20'000));
}

std::uint32_t outside_host(Random& random) {
  const auto rank = random.below(2) ? random.zipf_below(17) : random.skewed_below(200'000);
  const auto host = static_cast<std::uint32_t>(Random::mixed(rank));  // neighbouring ranks have unrelated addresses
  return rank % 4 == 0 ? 0xc6120000U + (host & 0x1ffffU) : 0x64400000U + (host & 0x3fffffU);
}

std::uint16_t high_port(Random& random) { return static_cast<std::uint16_t>(1024 + random.below(64'512)); }

void route(Conversation& c) {
  const bool from_home = is_home(c.source), to_home = is_home(c.destination);
  c.in_if = from_home ? 1 : 2;
  c.out_if = to_home ? 1 : from_home ? 2 : 3;
  c.next_hop = to_home ? 0x0a130001U : 0xc6120001U;
  c.source_mask = from_home ? 16 : 20;
  c.destination_mask = to_home ? 16 : 20;
}

Conversation draw_request(Random& random) {
  Conversation c;
  const auto service = draw_service(random);
  c.protocol = service.protocol;
  const auto path = random.below(100);  // 0, 1: internal; 2, 3: transit; for the rest 60 % of the clients are inside
  const bool client_inside = path < 2 || (path >= 4 && random.below(100) < 60);
  const bool server_inside = path < 2 || (path >= 4 && !client_inside);
  c.source = client_inside ? inside_host(random) : outside_host(random);
  c.destination = server_inside ? inside_host(random) : outside_host(random);
  if (c.protocol == icmp) {
    c.destination_port = 8 * 256;  // type and code: echo request
  } else if (c.protocol != gre) {
    c.source_port = high_port(random);
    c.destination_port = service.port;
  }
  c.answered = random.below(10) != 0;
  c.tos = random.below(20) == 0 ? 0xb8 : 0;
  draw_size(random, c, false);
  if (c.protocol == tcp) c.tcp_flags = c.answered ? fin | syn | psh | ack : syn;
  if (!c.answered) {
    c.packets = 1 + static_cast<std::uint32_t>(random.below(3));
    c.bytes = c.packets * (c.protocol == tcp ? 48 : 60);
  }
  route(c);
  return c;
}

Conversation draw_reply(Random& random, const Conversation& request) {
  Conversation c = request;
  std::swap(c.source, c.destination);
  std::swap(c.source_port, c.destination_port);
  if (c.protocol == icmp) c.source_port = 0, c.destination_port = 0;  // echo reply
  if (c.protocol == tcp && random.below(20) == 0) c.tcp_flags |= rst;
  draw_size(random, c, c.protocol == tcp);
  route(c);
  return c;
}

}  // namespace mole::cli
