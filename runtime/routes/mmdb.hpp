// AS numbers out of a MaxMind DB (GeoLite2-ASN and its kin; https://maxmind.github.io/MaxMind-DB/): its tree as a list of routes.
#pragma once

#include "sdk/model/routes.hpp"

#include <filesystem>

namespace mole::runtime {

// Every network with an autonomous_system_number. In a tree of IPv6 addresses ::/96 are the IPv4 addresses; other networks that
// lead into them (mapped, 6to4, Teredo) are left out. corrupt, invalid, exhausted: cause and remedy.
Result<RouteList> read_mmdb(const std::filesystem::path& file);

}  // namespace mole::runtime
