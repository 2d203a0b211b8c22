// Settings of an archive from the manifest that concern its flows: the home network and sampling rates.
#pragma once

#include "sdk/model/field_json.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mole::task {

struct Home {
  std::string source, destination;

  static constexpr auto table = document("Home", "The home network of an archive, as two filters. Both empty: not defined.",  //
                                         field("source", &Home::source, "Flows whose source is in it"),
                                         field("destination", &Home::destination, "Flows whose destination is in it"));
};

struct RouterSampling {
  std::string router;
  std::uint32_t rate = 1;

  bool operator==(const RouterSampling&) const = default;
  static constexpr auto table = document("RouterSampling", "The sampling rate of a router.",  //
                                         field("router", &RouterSampling::router, "Router"),
                                         field("rate", &RouterSampling::rate, "1 in this number of packets is counted"));
};

// Used for flows of which neither record nor options state a rate.
struct Sampling {
  std::uint32_t rate = 0;
  std::vector<RouterSampling> routers;

  bool empty() const { return rate == 0 && routers.empty(); }
  bool operator==(const Sampling&) const = default;
  static constexpr auto table =
      document("Sampling", "Sampling rates of an archive, for flows of which neither record nor options state one.",  //
               field("rate", &Sampling::rate, "Of every router that is not listed; 0: not known"),
               field("routers", &Sampling::routers, "Of these routers, by name"));
};
// Returns 0 if no rate is known.
inline std::uint32_t rate_of(const Sampling& sampling, std::string_view router) {
  const auto known = std::ranges::find(sampling.routers, router, &RouterSampling::router);
  return known == sampling.routers.end() ? sampling.rate : known->rate;
}

}  // namespace mole::task
