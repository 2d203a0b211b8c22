// Service classes: which TCP and UDP server ports belong to which kind of service. Ports are from the IANA registry of service
// names and port numbers (RFC 6335); ports of P2P programs and games, which are not registered, are the programs' defaults.
#pragma once

#include <array>
#include <cstdint>

namespace services {

struct Range {
  std::uint16_t first, last;
};
struct Class {
  const char *name, *doc;
  std::array<Range, 16> ports;  // {0, 0} ends them
};

inline constexpr std::array<Class, 14> classes{{
    {"web", "web", {{{80, 80}, {443, 443}, {591, 591}, {8000, 8000}, {8008, 8008}, {8080, 8081}, {8443, 8443}, {3128, 3128}}}},
    {"dns", "name service", {{{53, 53}, {853, 853}, {5353, 5353}}}},
    {"mail", "mail", {{{25, 25}, {109, 110}, {143, 143}, {220, 220}, {465, 465}, {587, 587}, {993, 993}, {995, 995}}}},
    {"remote", "remote login", {{{22, 23}, {512, 514}, {992, 992}, {3389, 3389}, {5900, 5909}}}},
    {"transfer", "file transfer", {{{20, 21}, {69, 69}, {873, 873}, {989, 990}, {2049, 2049}}}},
    {"news", "news", {{{119, 119}, {433, 433}, {563, 563}}}},
    {"windows", "Windows networks", {{{135, 139}, {445, 445}, {593, 593}}}},
    {"directory",
     "directories and authentication",
     {{{49, 49}, {88, 88}, {389, 389}, {464, 464}, {636, 636}, {1812, 1813}, {3268, 3269}}}},
    {"database",
     "databases",
     {{{1433, 1434}, {1521, 1521}, {3306, 3306}, {5432, 5432}, {6379, 6379}, {9042, 9042}, {11211, 11211}, {27017, 27017}}}},
    {"operation",
     "network operation",
     {{{67, 68},
       {111, 111},
       {123, 123},
       {161, 162},
       {179, 179},
       {546, 547},
       {1900, 1900},
       {2055, 2055},
       {4739, 4739},
       {9995, 9996}}}},
    {"vpn", "tunnels", {{{500, 500}, {1194, 1194}, {1701, 1701}, {1723, 1723}, {4500, 4500}, {51820, 51820}}}},
    {"media",
     "speech and video",
     {{{554, 554},
       {1720, 1720},
       {1755, 1755},
       {1935, 1935},
       {3478, 3481},
       {5004, 5005},
       {5060, 5061},
       {7070, 7070},
       {8554, 8554}}}},
    {"chat",
     "chat and games",
     {{{194, 194},
       {1863, 1863},
       {3074, 3074},
       {5190, 5190},
       {5222, 5223},
       {5269, 5269},
       {6660, 6669},
       {6697, 6697},
       {25565, 25565},
       {27015, 27015}}}},
    {"p2p",
     "peer-to-peer networks",
     {{{411, 412},
       {1214, 1214},
       {2234, 2234},
       {4661, 4662},
       {4665, 4665},
       {4672, 4672},
       {6257, 6257},
       {6346, 6348},
       {6699, 6699},
       {6881, 6999},
       {51413, 51413}}}},
}};
inline constexpr std::size_t other = classes.size();  // ports without a class
inline constexpr std::size_t count = classes.size() + 1;

// Maps ports to classes; built once per process.
class Table {
 public:
  Table() {
    class_of_.fill(static_cast<std::uint8_t>(other));
    for (std::size_t c = 0; c < classes.size(); ++c)
      for (const auto& range : classes[c].ports)
        for (std::uint32_t port = range.first; port != 0 && port <= range.last; ++port)
          class_of_[port] = static_cast<std::uint8_t>(c);
  }
  // The class of a flow: that of its lower port, or of the higher port if the lower has none.
  std::size_t of(std::uint16_t a, std::uint16_t b) const {
    const std::size_t low = class_of_[a < b ? a : b], high = class_of_[a < b ? b : a];
    return low != other ? low : high;
  }

 private:
  std::array<std::uint8_t, 65536> class_of_;
};

}  // namespace services
