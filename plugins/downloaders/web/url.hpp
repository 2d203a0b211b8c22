// URLs of archives, and the names of files in them. Names are UTF-8 paths with '/', as in ids; URLs percent-encode them.
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mole::web {

// An absolute URL of scheme http or https, without user, query and fragment.
struct Url {
  std::string scheme, host, port;  // the host of an IPv6 address in brackets; the port is never empty
  std::string path;                // percent-encoded, begins with '/'

  std::string origin() const;  // "https://host", with the port if it is not the usual one
  std::string text() const { return origin() + path; }
  bool same_origin(const Url& other) const { return scheme == other.scheme && host == other.host && port == other.port; }
  bool is_loopback() const;  // names this machine itself: localhost, 127.0.0.0/8, [::1]
};

// invalid: not such a URL. The message does not repeat `text`, which may contain a password.
Result<Url> parse_url(const std::string& text, const std::string& parameter);

// Where a link on a page leads, without its query and fragment. nullopt: to nothing that can be fetched by HTTP.
std::optional<Url> follow_link(const Url& page, const std::string& link);

// Percent-encodes everything except letters, digits, "-._~" and, in a path, '/'. AWS signatures require exactly this.
std::string encode(std::string_view text);
std::string encode_path(std::string_view path);

// Replaces %XX. nullopt: a '%' without two hexadecimal digits.
std::optional<std::string> decode(std::string_view text);

// Why a file of this name is not listed, a short sentence; nullptr: it is.
const char* unusable_name(std::string_view name);

// Whether a name begins with one of the prefixes, or there are none.
bool is_wanted(std::string_view name, std::span<const std::string_view> prefixes);

// A decimal number. nullopt: anything else.
std::optional<std::uint64_t> number(std::string_view text);

// Text of a server for a message: printable ASCII only, at most `limit` characters.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace mole::web
