#include "cli/simulate/profile.hpp"

#include <array>

namespace mole::cli {
namespace {

// Parts per ten thousand of a day by hour: 07 to 19 h sums to 8000.
constexpr std::array<std::uint64_t, 24> day_shape{140, 120, 110, 110, 120, 150, 190,                           // 00-06
                                                  500, 620, 700, 740, 720, 660, 680, 740, 740, 700, 640, 560,  // 07-18
                                                  270, 240, 210, 180, 160};                                    // 19-23
constexpr std::uint64_t sum_of(std::size_t from, std::size_t to) {
  std::uint64_t sum = 0;
  for (auto h = from; h < to; ++h) sum += day_shape[h];
  return sum;
}
static_assert(sum_of(0, 24) == 10'000 && sum_of(7, 19) == 8'000);

struct Label {
  std::uint64_t per_myriad;  // of all flows
  std::uint16_t port;
  std::uint8_t protocol;
};
constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17, gre = 47;
constexpr std::array labels{Label{812, 80, tcp}, Label{704, 53, udp}, Label{194, 443, tcp},
                            Label{84, 25, tcp},  Label{84, 22, tcp},  Label{84, 21, tcp}};  // the rest: label zero

std::uint32_t inside_host(Random& random) {
  return 0x0a130000U + static_cast<std::uint32_t>(random.skewed_below(20'000));
}

std::uint32_t outside_host(Random& random) {
  const auto rank = random.skewed_below(200'000);
  const auto place =
      static_cast<std::uint32_t>(Random::mixed(rank));  // neighbours in rank are not neighbours in address
  return rank % 4 == 0 ? 0xc6120000U + (place & 0x1ffffU) : 0x64400000U + (place & 0x3fffffU);
}

std::uint16_t high_port(Random& random) { return static_cast<std::uint16_t>(1024 + random.below(64'512)); }

void draw_protocol_and_ports(Random& random, Conversation& c, std::uint16_t& service) {
  auto roll = random.below(10'000);
  for (const auto& label : labels) {
    if (roll < label.per_myriad) {
      c.protocol = label.protocol;
      service = label.port;
      return;
    }
    roll -= label.per_myriad;
  }
  const auto kind = random.below(100);
  c.protocol = kind < 58 ? tcp : kind < 94 ? udp : kind < 99 ? icmp : gre;
  service = c.protocol == tcp || c.protocol == udp ? high_port(random) : 0;
}

void draw_size(Random& random, Conversation& c) {
  const auto magnitude =
      static_cast<unsigned>(__builtin_ctzll(random.next() | (1ULL << 14)));  // each step half as likely
  c.packets = 1 + static_cast<std::uint32_t>(random.below(2ULL << magnitude));
  const std::uint32_t least = c.protocol == tcp ? 40 : 28;
  const std::uint32_t mean = least + static_cast<std::uint32_t>(random.skewed_below(1501 - least));
  c.bytes = c.packets * mean;  // at most 32,769 packets of 1,500 bytes
}

}  // namespace

std::uint64_t flows_of_hour(std::uint64_t flows_per_hour, Micros hour) {
  const auto day = floor_div(hour, day_us);
  const auto hour_of_day = static_cast<std::size_t>(floor_div(hour, hour_us) - day * 24);
  const auto weekday = ((day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday; 0 is Monday
  const std::uint64_t whole = flows_per_hour * 24 * day_shape[hour_of_day];
  return (weekday < 5 ? whole : whole * 3 / 10) / 10'000;
}

Conversation draw_conversation(Random& random) {
  Conversation c;
  std::uint16_t service = 0;
  draw_protocol_and_ports(random, c, service);
  const bool from_inside = random.below(2) == 0;
  const bool to_server = random.below(2) == 0;
  const auto inside = inside_host(random), outside = outside_host(random);
  c.source = from_inside ? inside : outside;
  c.destination = from_inside ? outside : inside;
  if (c.protocol == icmp) {
    c.destination_port = to_server ? 8 * 256 : 0;  // type and code: echo request or reply
  } else if (service != 0) {
    const auto client = high_port(random);
    c.source_port = to_server ? client : service;
    c.destination_port = to_server ? service : client;
  }
  c.in_if = from_inside ? 1 : 2;
  c.out_if = from_inside ? 2 : 1;
  c.next_hop = from_inside ? 0xc6120001U : 0x0a130001U;
  const auto outside_as = static_cast<std::uint16_t>(64'513 + Random::mixed(outside >> 12) % 1000);
  c.source_as = from_inside ? 64'512 : outside_as;
  c.destination_as = from_inside ? outside_as : 64'512;
  c.source_mask = from_inside ? 16 : 20;
  c.destination_mask = from_inside ? 20 : 16;
  if (c.protocol == tcp) c.tcp_flags = random.below(10) == 0 ? 0x02 : 0x1b;  // a tenth never get an answer
  c.tos = random.below(20) == 0 ? 0xb8 : 0;
  draw_size(random, c);
  return c;
}

}  // namespace mole::cli
