// Writes files of nfdump for tests, in both layouts and all compressions, and the flows that must be read from them.
#pragma once

#include "plugins/decoders/nfcapd/file_header.hpp"
#include "tests/decode/support.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace mole::runtime::test {

using plugins::nfcapd::Compression;
inline constexpr std::array all_compressions{Compression::none, Compression::lzo, Compression::bz2, Compression::lz4,
                                             Compression::zstd};

using Address = std::array<std::uint8_t, 16>;  // network order, IPv4 mapped

Address v4_address(std::uint32_t number);

struct NfExporter {
  std::uint32_t version = 9;
  Address address = v4_address(0x7f000001);
  std::uint32_t domain = 7;
  std::map<std::int64_t, std::uint32_t> samplers{};  // interval by number; -1: of all flows
};

struct NfFlow {
  bool v6 = false;
  Address src = v4_address(0x0a000001), dst = v4_address(0xc0000201);
  std::uint64_t first_ms = 1190487600'000, last_ms = 1190487601'500, received_ms = 1190487605'000;
  std::uint64_t packets = 1, bytes = 40;
  std::uint16_t src_port = 1234, dst_port = 80;
  std::uint8_t protocol = 6, tcp_flags = 0x12, tos = 8;
  std::uint16_t exporter = 1;
  std::uint8_t engine_type = 0, engine = 0;
  bool sampled = false;
  struct Misc {
    std::uint32_t input, output;
    std::uint8_t src_mask, dst_mask, direction, end_reason;
  };
  std::optional<Misc> misc{};
  std::optional<std::pair<std::uint64_t, std::uint64_t>> reverse{};  // packets and bytes
  std::optional<std::pair<std::uint16_t, std::uint16_t>> vlans{};
  std::optional<std::pair<std::uint32_t, std::uint32_t>> as{};
  std::optional<Address> next_hop{}, received_from{};  // of the family of the flow
  std::optional<std::uint32_t> mpls{};                 // entry of the label stack
  std::optional<std::pair<Address, Address>> nat4{}, nat6{};
  std::optional<std::pair<std::uint16_t, std::uint16_t>> nat_ports{};
  std::optional<std::array<std::uint64_t, 4>> macs{};  // in, source; out, destination; in, destination; out, source
  std::optional<std::pair<std::uint32_t, std::uint32_t>> adjacent_as{};
  // Only in layout 2:
  std::optional<std::string> application{};
  std::optional<std::uint32_t> domain{};
  std::optional<std::int64_t> sampler{};
};

// A flow with random values and a random choice of elements.
NfFlow random_flow(std::mt19937_64& random, int layout);

struct NfFile {
  int layout = 2;
  Compression compression = Compression::none;
  std::map<std::uint16_t, NfExporter> exporters{{1, {}}};
  std::vector<std::vector<NfFlow>> blocks;
  std::uint64_t sequence_failures = 0;

  // The bytes of the file. `positions`: of the blocks, the appendix, and the end.
  std::string bytes(std::vector<std::size_t>* positions = nullptr) const;
  // One line of all columns per flow, of all blocks but `without`.
  std::vector<std::string> lines(std::size_t without = SIZE_MAX) const;
};

std::string compress_block(Compression compression, const std::string& content);

struct NfRead {
  std::vector<std::string> lines;
  task::FileReport report;
  Evidence evidence;
};
// Reads bytes in chunks of `chunk` bytes, with a gap before each of the positions `gaps`.
NfRead read_nfcapd(const std::string& bytes, std::size_t chunk = 1 << 16, TimeRange covers = {},
                   std::vector<std::size_t> gaps = {});

const mole_decoder_v1& nfcapd_decoder();

// The same with any decoder. The lines are in the order of the flows.
NfRead read_content(const mole_decoder_v1& decoder, const mole_module* module, const std::string& bytes,
                    std::size_t chunk = 1 << 16, TimeRange covers = {}, std::vector<std::size_t> gaps = {});
// Keeps the first `cells` columns of each line, from start to tcp_flags, with IPv4 addresses as usual.
void keep_cells(NfRead& read, int cells);
// Returns the reasons of the losses, one per line.
std::string reasons(const NfRead& read);

}  // namespace mole::runtime::test
