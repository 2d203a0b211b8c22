#include "cli/simulate/routes.hpp"

#include "cli/simulate/random.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

struct Block {
  std::uint32_t net, mask;
};
constexpr Block outside[] = {{0x64400000, 0xffc00000}, {0xc6120000, 0xfffe0000}};
constexpr std::uint32_t prefix_size = 1 << 12;
constexpr Micros days_per_as = 120;

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

}  // namespace mole::cli
