// Size classes. A label states the lower bound of its class, or both bounds for packet sizes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace classes {

// Classes from each power of two to the next. Class 0 holds everything below 2^first; the last class has no upper limit.
template <std::size_t N>
struct Octaves {
  std::array<const char*, N> labels;
  int first;  // class 1 begins at 2^first

  std::uint64_t lower_bound(std::size_t i) const {
    return i == 0 ? 0 : std::uint64_t{1} << (static_cast<std::size_t>(first) + i - 1);
  }
};

inline constexpr Octaves<23> duration{
    {"0ms",     "1ms",     "2ms",      "4ms",      "8ms",      "16ms",      "32ms",     "64ms",
     "128ms",   "256ms",   "512ms",    "1024ms",   "2048ms",   "4096ms",    "8192ms",   "16384ms",
     "32768ms", "65536ms", "131072ms", "262144ms", "524288ms", "1048576ms", "2097152ms"},
    0};
inline constexpr Octaves<22> packets{
    {"0",    "1",    "2",    "4",    "8",     "16",    "32",    "64",     "128",    "256",    "512",
     "1024", "2048", "4096", "8192", "16384", "32768", "65536", "131072", "262144", "524288", "1048576"},
    0};
inline constexpr Octaves<26> bytes{
    {"0",       "64",       "128",      "256",      "512",       "1024",      "2048",      "4096",      "8192",
     "16384",   "32768",    "65536",    "131072",   "262144",    "524288",    "1048576",   "2097152",   "4194304",
     "8388608", "16777216", "33554432", "67108864", "134217728", "268435456", "536870912", "1073741824"},
    6};

// The classes of RMON etherStats (RFC 2819), applied to the bytes that the exporter counts: IP, without the link-layer header.
inline constexpr std::array<const char*, 7> packet_size{"to_64",       "65_to_127",    "128_to_255", "256_to_511",
                                                        "512_to_1023", "1024_to_1518", "from_1519"};
inline std::size_t packet_size_class(std::uint64_t size) {
  return static_cast<std::size_t>(size > 64) + (size > 127) + (size > 255) + (size > 511) + (size > 1023) + (size > 1518);
}

}  // namespace classes
