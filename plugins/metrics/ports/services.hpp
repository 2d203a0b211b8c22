// Service classes: which TCP and UDP server ports belong to which kind of service. Ports are from the IANA registry of service
// names and port numbers (RFC 6335); ports of P2P programs and games, which are not registered, are the programs' defaults.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>

namespace services {

struct Class {
  const char *name, *ports;  // single ports and ranges
};

inline constexpr std::array<Class, 14> classes{{
    {"web", "80 443 591 8000 8008 8080-8081 8443 3128"},
    {"dns", "53 853 5353"},
    {"mail", "25 109-110 143 220 465 587 993 995"},
    {"remote", "22-23 512-514 992 3389 5900-5909"},
    {"transfer", "20-21 69 873 989-990 2049"},
    {"news", "119 433 563"},
    {"windows", "135-139 445 593"},
    {"directory", "49 88 389 464 636 1812-1813 3268-3269"},
    {"database", "1433-1434 1521 3306 5432 6379 9042 11211 27017"},
    {"operation", "67-68 111 123 161-162 179 546-547 1900 2055 4739 9995-9996"},
    {"vpn", "500 1194 1701 1723 4500 51820"},
    {"media", "554 1720 1755 1935 3478-3481 5004-5005 5060-5061 7070 8554"},
    {"chat", "194 1863 3074 5190 5222-5223 5269 6660-6669 6697 25565 27015"},
    {"p2p", "411-412 1214 2234 4661-4662 4665 4672 6257 6346-6348 6699 6881-6999 51413"},
}};
inline constexpr std::size_t other = classes.size();  // ports without a class
inline constexpr std::size_t count = classes.size() + 1;

// Calls use(first, last) for each of the ranges.
template <class Use>
void for_each_range(const char* ports, Use use) {
  for (char* end = nullptr; *ports != 0; ports = end) {
    const auto first = std::strtoul(ports, &end, 10), last = *end == '-' ? std::strtoul(end + 1, &end, 10) : first;
    use(first, last);
  }
}

// Maps ports to classes; built once per process.
class Table {
 public:
  Table() {
    class_of_.fill(static_cast<std::uint8_t>(other));
    for (std::size_t c = 0; c < classes.size(); ++c)
      for_each_range(classes[c].ports, [&](auto first, auto last) {
        for (auto port = first; port <= last; ++port) class_of_[port] = static_cast<std::uint8_t>(c);
      });
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
