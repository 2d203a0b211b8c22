// Reads AS numbers from a MaxMind DB, such as GeoLite2-ASN (https://maxmind.github.io/MaxMind-DB/), as a list of routes.
#pragma once

#include "sdk/model/routes.hpp"

#include <filesystem>

namespace mole::runtime {

// Returns every network with an autonomous_system_number. In a tree of IPv6 addresses, ::/96 contains the IPv4 ones; other
// networks that refer to them (mapped, 6to4, Teredo) are left out. invalid: not a database of AS numbers. exhausted: too many
// networks.
Result<RouteList> read_mmdb(const std::filesystem::path& file);

}  // namespace mole::runtime
