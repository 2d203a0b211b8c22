#include "sdk/model/routes.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

namespace mole {
namespace {

constexpr std::size_t max_line = 65'536;  // an AS set may be long

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Removes the next word from the front of `line`.
std::string_view word(std::string_view& line) {
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  std::size_t n = 0;
  while (n < line.size() && !blank(line[n])) ++n;
  const auto out = line.substr(0, n);
  line.remove_prefix(n);
  return out;
}

// Removes a decimal number from the front.
std::optional<std::uint32_t> number(std::string_view& text) {
  std::uint32_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<std::uint32_t> whole_number(std::string_view text, std::uint32_t max) {
  const auto value = number(text);
  return value && text.empty() && *value <= max ? value : std::nullopt;
}

void skip_as(std::string_view& text) {
  if (text.size() > 2 && (text[0] == 'A' || text[0] == 'a') && (text[1] == 'S' || text[1] == 's')) text.remove_prefix(2);
}

// "64500", "AS64500", "{64500,64501}", "64500_64501", "64500,64501_64502": returns the first. Anything else is an error.
std::optional<std::uint32_t> origin(std::string_view text) {
  std::optional<std::uint32_t> first;
  bool open = false;
  while (true) {
    if (!open && text.starts_with('{')) {
      open = true;
      text.remove_prefix(1);
    }
    skip_as(text);
    const auto as = number(text);
    if (!as) return std::nullopt;
    if (!first) first = as;
    if (open && text.starts_with('}')) {
      open = false;
      text.remove_prefix(1);
    }
    if (text.empty()) return open ? std::nullopt : first;
    if (text[0] != ',' && text[0] != '_') return std::nullopt;
    text.remove_prefix(1);
  }
}

std::optional<std::uint32_t> address_v4(std::string_view text) {
  std::uint32_t out = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (!text.starts_with('.')) return std::nullopt;
      text.remove_prefix(1);
    }
    const auto byte = number(text);
    if (!byte || *byte > 255) return std::nullopt;
    out = out << 8 | *byte;
  }
  return text.empty() ? std::optional(out) : std::nullopt;
}

bool address_v6(std::string_view text, RouteList::V6& out) {
  char copy[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof copy) return false;
  std::memcpy(copy, text.data(), text.size());
  std::uint8_t bytes[16];
  if (inet_pton(AF_INET6, copy, bytes) != 1) return false;
  out.high = out.low = 0;
  for (int i = 0; i < 8; ++i) {
    out.high = out.high << 8 | bytes[i];
    out.low = out.low << 8 | bytes[8 + i];
  }
  return true;
}

// Returns a mask of the bits of a 64-bit word after the first `length`, which may be outside 0..64.
std::uint64_t beyond(int length) { return length <= 0 ? ~std::uint64_t{0} : length >= 64 ? 0 : ~std::uint64_t{0} >> length; }

class Parser {
 public:
  Result<RouteList> run(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
      ++line_;
      const auto end = std::min(text.find('\n', at), text.size());
      auto line = text.substr(at, end - at);
      at = end + 1;
      if (const auto comment = line.find_first_of("#;"); comment != std::string_view::npos) line = line.substr(0, comment);
      if (std::all_of(line.begin(), line.end(), blank)) continue;
      ++lines_;
      const auto taken = take(line);
      if (taken) continue;
      if (taken.error().code != Code::invalid) return taken.error();
      if (++routes_.unusable.count <= max_lines_reported) routes_.unusable.first.push_back(taken.error().message);
    }
    if (lines_ == 0) return invalid("it contains no prefixes; write \"192.0.2.0/24 64500\"");
    if (const auto bad = routes_.unusable.count; bad * 100 > lines_ * max_unusable_percent)
      return invalid(routes_.unusable.first[0] + " (" + std::to_string(bad) + " of " + std::to_string(lines_) +
                     (bad == 1 ? " lines is" : " lines are") + " unusable; at most " + std::to_string(max_unusable_percent) +
                     " % may be)");
    return std::move(routes_);
  }

 private:
  // Messages do not quote the file: a manifest may name one that its author must not read.
  static constexpr const char* host_bits = "the network has bits set beyond its length; check the length";
  Error fail(const std::string& what) const { return invalid("line " + std::to_string(line_) + ": " + what); }

  Result<> take(std::string_view line) {
    if (line.size() > max_line) return fail("the line is longer than 64 KiB; check that the file is a list of prefixes");
    auto net = word(line);
    const auto slash = net.find('/');
    const auto length = slash == std::string_view::npos ? word(line) : net.substr(slash + 1);
    net = net.substr(0, slash);
    return net.find(':') == std::string_view::npos ? add(route_v4(net, length), line, routes_.v4)
                                                   : add(route_v6(net, length), line, routes_.v6);
  }

  // Adds a route with the origin in the rest of its line.
  template <class Route>
  Result<> add(Result<Route> route, std::string_view line, std::vector<Route>& routes) {
    if (!route) return route.error();
    const auto as_text = word(line);
    const auto as = origin(as_text);
    if (!as) return fail("no AS number follows the prefix; write \"192.0.2.0/24 64500\"");
    if (const auto rest = word(line); !rest.empty())
      return fail("it goes on after the AS number; write only a prefix and its origin");
    if (routes_.v4.size() + routes_.v6.size() >= max_routes)
      return exhausted("line " + std::to_string(line_) + ": the table has more than " + std::to_string(max_routes) +
                       " prefixes, too many for a routing table; check the file");
    route->as = *as;
    routes.push_back(*route);
    return {};
  }

  Result<RouteList::V4> route_v4(std::string_view net, std::string_view length) const {
    const auto address = address_v4(net);
    if (!address) return fail("it does not begin with an address; write \"192.0.2.0/24 64500\"");
    const auto bits = whole_number(length, 32);
    if (!bits) return fail("the address has no IPv4 prefix length; write 0 to 32");
    if (*bits < 32 && (*address & (~std::uint32_t{0} >> *bits)) != 0) return fail(host_bits);
    return RouteList::V4{*address, 0, static_cast<std::uint8_t>(*bits)};
  }

  Result<RouteList::V6> route_v6(std::string_view net, std::string_view length) const {
    RouteList::V6 route;
    if (!address_v6(net, route)) return fail("it does not begin with an address; write \"2001:db8::/32 64500\"");
    const auto bits = whole_number(length, 128);
    if (!bits) return fail("the address has no IPv6 prefix length; write 0 to 128");
    route.length = static_cast<std::uint8_t>(*bits);
    if ((route.high & beyond(route.length)) != 0 || (route.low & beyond(route.length - 64)) != 0) return fail(host_bits);
    return route;
  }

  RouteList routes_;
  std::uint64_t line_ = 0, lines_ = 0;  // the current line; lines that are not empty
};

}  // namespace

Result<RouteList> parse_routes(std::string_view text) { return Parser().run(text); }

Result<UnusableLines> check_route_table(std::string_view format, std::string_view bytes) {
  constexpr std::string_view mark = "\xab\xcd\xefMaxMind.com";  // before a MaxMind DB's metadata, in its last 128 KiB
  const auto end = bytes.substr(bytes.size() - std::min<std::size_t>(bytes.size(), 131'072));
  const bool mmdb = end.find(mark) != std::string_view::npos;
  if (format == "prefixes") {
    if (mmdb) return invalid("it is a MaxMind DB; write \"format: mmdb\"");
    MOLE_TRY(auto routes, parse_routes(bytes));
    return std::move(routes.unusable);
  }
  if (format != "mmdb") return unsupported("unknown format \"" + std::string(format) + "\"; use prefixes or mmdb");
  if (!mmdb)
    return invalid(
        "it is not a MaxMind DB (its metadata is missing, or the file is truncated); write \"format: prefixes\" if it is text");
  if (bytes.find("autonomous_system_number") == std::string_view::npos)
    return invalid("this MaxMind DB contains no autonomous_system_number; use one with AS numbers, such as GeoLite2-ASN");
  return UnusableLines{};
}

}  // namespace mole
