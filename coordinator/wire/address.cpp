#include "coordinator/wire/address.hpp"

#include <arpa/inet.h>
#include <sys/un.h>

#include <charconv>

namespace mole::coordinator {
namespace {

bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool is_numeric(const std::string& host) {
  in6_addr any{};
  return ::inet_pton(AF_INET, host.c_str(), &any) == 1 || ::inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

Result<Address> parse_unix(std::string_view path, const std::string& address) {
  if (path.empty() || path.find('\0') != path.npos)
    return invalid("address \"" + address + "\" has no valid socket path; write unix:/path/of/the/socket");
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return invalid("the socket path " + std::string(path) + " has " + std::to_string(path.size()) +
                   " bytes, but the system allows " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                   "; use a shorter path or tcp:127.0.0.1:0");
  return Address{.path = std::string(path), .host = {}};
}

Result<Address> parse_tcp(std::string_view rest, const std::string& address) {
  const auto malformed = invalid("address \"" + address + "\" is malformed; write tcp:127.0.0.1:PORT or tcp:[::1]:PORT");
  const auto colon = rest.rfind(':');
  if (colon == rest.npos) return malformed;
  std::string host(rest.substr(0, colon));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  std::uint16_t port = 0;
  const auto digits = rest.substr(colon + 1);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || read.ec != std::errc{} || read.ptr != digits.data() + digits.size() || host.empty()) return malformed;
  if (!is_loopback(host)) {
    const std::string what = is_numeric(host) ? "is not a loopback address" : "is not a numeric loopback address";
    return invalid("address \"" + address + "\" " + what + ", and connections are not encrypted or authenticated yet; " +
                   "use tcp:127.0.0.1:PORT, tcp:[::1]:PORT or unix:/path until TLS is supported");
  }
  return Address{.path = {}, .host = host, .port = port};
}

}  // namespace

std::string Address::text() const {
  if (is_unix()) return "unix:" + path;
  const bool v6 = host.find(':') != host.npos;
  return "tcp:" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> parse_address(std::string_view text) {
  const std::string address(text);
  if (text.starts_with("unix:")) return parse_unix(text.substr(5), address);
  if (text.starts_with("tcp:")) return parse_tcp(text.substr(4), address);
  return invalid("address \"" + address + "\" does not start with unix: or tcp:; write unix:/path or tcp:127.0.0.1:PORT");
}

}  // namespace mole::coordinator
