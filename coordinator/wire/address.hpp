// Where a service listens: "unix:/run/mole/coordinator.sock", "tcp:127.0.0.1:9190" or "tcp:[::1]:9190".
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace mole::coordinator {

struct Address {
  std::string path;        // of the Unix socket; empty: TCP
  std::string host;        // numeric loopback address
  std::uint16_t port = 0;  // 0: any free port, for listeners only

  bool operator==(const Address&) const = default;
  bool is_unix() const { return !path.empty(); }
  std::string text() const;  // the form that parse_address reads
};

// Parses an address; "localhost" is 127.0.0.1. invalid: malformed, a path that is too long for a socket, or a TCP address
// that is not loopback (connections are neither encrypted nor authenticated).
Result<Address> parse_address(std::string_view text);

}  // namespace mole::coordinator
