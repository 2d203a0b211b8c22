// The parameters of a simulation: the arguments of `mole archive simulate`.
#pragma once

#include "cli/simulate/nfcapd_compression.hpp"
#include "runtime/decode/compressor.hpp"
#include "sdk/model/enums.hpp"
#include "sdk/model/name_table.hpp"
#include "sdk/model/time.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

struct HourOfRouter {
  std::uint32_t router = 0;
  Micros hour = 0;
  auto operator<=>(const HourOfRouter&) const = default;
};

enum class DamageKind {
  truncate,  // shortens the compressed file
  flip,      // inverts 16 bytes of the compressed file
  cut,       // ends the content inside a datagram, before compression
};

struct DamageSpec {
  HourOfRouter file;
  DamageKind kind = DamageKind::truncate;
};

// A simulated event (event.hpp).
enum class EventKind { scan, portscan, crowd, outage };
struct EventSpec {
  EventKind kind = EventKind::scan;
  TimeRange span;                       // of flow starts
  std::uint64_t per_million = 0;        // outage: share of the outside ASes; else flows added, relative to flows_per_hour
  std::optional<std::uint32_t> router;  // nullopt: every router
};

enum class SimulatedFormat {
  v5,
  v9,
  ipfix,
  nfcapd,  // files of the collector of nfdump 1.7
  pcap,    // NetFlow v9 in a packet capture
};

struct SimulationSpec {
  SimulatedFormat format = SimulatedFormat::v5;
  std::uint64_t ipv6_per_million = 0;  // conversations whose addresses are IPv6; not with v5
  std::uint32_t sampling = 0;          // the rate that the exports state; 0: none. Counters are the same for every rate
  SamplingSource sampling_in = SamplingSource::options;  // what states it: options or record; v5: the header
  std::uint64_t seed = 1;
  TimeRange range;  // whole hours
  std::vector<std::uint32_t> routers;
  std::uint64_t flows_per_hour = 10'000;                           // per router in an average hour of a weekday
  std::uint64_t late_per_million = 50'000;                         // flows that begin before their file's hour; at most a quarter
  std::uint64_t loss_per_million = 0;                              // datagrams lost between exporter and collector
  std::uint64_t noise_per_million = 50'000;                        // standard deviation of the rate about its profile
  std::int64_t growth_per_million = 0;                             // growth of the rate per 365 days, not compounded
  std::uint64_t first_sequence = 1;                                // sequence number of the first file
  runtime::Compression compression = runtime::Compression::bzip2;  // of the files; with nfcapd, none
  NfcapdCompression block_compression = NfcapdCompression::bzip2;  // of the blocks of nfcapd files
  std::vector<HourOfRouter> gaps;
  std::vector<DamageSpec> damages;
  std::vector<EventSpec> events;
};

// Parses "19991@2007-09-22T20": a router and the hour that contains the time. invalid: malformed text.
Result<HourOfRouter> parse_hour_of_router(std::string_view text);
// Parses "19991@2007-09-22T20:flip"; the default kind is truncate. invalid: malformed text.
Result<DamageSpec> parse_damage(std::string_view text);

// The rate of --sampling, and what states it.
struct SimulatedSampling {
  std::uint32_t rate = 0;
  SamplingSource in = SamplingSource::options;
};
// Parses "100", "100:options" or "100:record". invalid: malformed text.
Result<SimulatedSampling> parse_sampling(std::string_view text);

// Checks ranges and references. invalid: a value is out of range, or options contradict each other.
Result<> check_spec(const SimulationSpec& spec);

}  // namespace mole::cli

namespace mole {

template <>
inline constexpr auto name_table<cli::DamageKind> = [] {
  using enum cli::DamageKind;
  return names<cli::DamageKind>("DamageKind", "a kind of damage", {{truncate, "truncate"}, {flip, "flip"}, {cut, "cut"}});
}();

template <>
inline constexpr auto name_table<cli::SimulatedFormat> = [] {
  using enum cli::SimulatedFormat;
  return names<cli::SimulatedFormat>("SimulatedFormat", "a format of simulated files",
                                     {{v5, "v5"}, {v9, "v9"}, {ipfix, "ipfix"}, {nfcapd, "nfcapd"}, {pcap, "pcap"}});
}();

template <>
inline constexpr auto name_table<cli::EventKind> = [] {
  using enum cli::EventKind;
  return names<cli::EventKind>("EventKind", "a kind of event",
                               {{scan, "scan"}, {portscan, "portscan"}, {crowd, "crowd"}, {outage, "outage"}});
}();

}  // namespace mole
