#include "plugins/downloaders/web/url.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace mole::web {
namespace {

using Handle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part_of(CURLU* handle, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, part, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

std::string lower_case(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::optional<Url> url_of(CURLU* handle) {
  Url url{part_of(handle, CURLUPART_SCHEME), lower_case(part_of(handle, CURLUPART_HOST)),
          part_of(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT), part_of(handle, CURLUPART_PATH)};
  if ((url.scheme != "http" && url.scheme != "https") || url.host.empty() || url.path.empty()) return std::nullopt;
  return url;
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

std::string encode(std::string_view text, bool keep_slash) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c) || (keep_slash && c == '/')) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

int hex_value(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_utf8(std::string_view s) {
  while (!s.empty()) {
    const auto c = static_cast<unsigned char>(s[0]);
    const std::size_t length = c < 0x80                ? 1
                               : c >= 0xc2 && c < 0xe0 ? 2
                               : c >= 0xe0 && c < 0xf0 ? 3
                               : c >= 0xf0 && c < 0xf5 ? 4
                                                       : 0;
    if (length == 0 || s.size() < length) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(s[k]) & 0xc0) != 0x80) return false;
    s.remove_prefix(length);
  }
  return true;
}

}  // namespace

std::string Url::origin() const { return scheme + "://" + host + (port == (scheme == "http" ? "80" : "443") ? "" : ":" + port); }

bool Url::is_loopback() const {
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

Result<Url> parse_url(const std::string& text, const std::string& parameter) {
  const Handle handle(curl_url(), &curl_url_cleanup);
  const auto remedy = "; set params." + parameter + " to a URL such as https://archive.example.org/flows/";
  if (curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), CURLU_PATH_AS_IS) != CURLUE_OK)
    return invalid("params." + parameter + " is not a URL" + remedy);
  if (!part_of(handle.get(), CURLUPART_USER).empty() || !part_of(handle.get(), CURLUPART_PASSWORD).empty())
    return invalid("params." + parameter + " contains a user name or a password, which would be stored with the results" +
                   "; remove it and see docs/guide/remote_archives.md for credentials");
  if (!part_of(handle.get(), CURLUPART_QUERY).empty() || !part_of(handle.get(), CURLUPART_FRAGMENT).empty())
    return invalid("params." + parameter + " contains '?' or '#'; remove the part that begins there");
  auto url = url_of(handle.get());
  if (!url) return invalid("params." + parameter + " is not a URL of http or https" + remedy);
  return *url;
}

std::optional<Url> follow_link(const Url& page, const std::string& link) {
  const Handle handle(curl_url(), &curl_url_cleanup);
  if (curl_url_set(handle.get(), CURLUPART_URL, page.text().c_str(), CURLU_PATH_AS_IS) != CURLUE_OK) return std::nullopt;
  if (curl_url_set(handle.get(), CURLUPART_URL, link.c_str(), CURLU_URLENCODE) != CURLUE_OK) return std::nullopt;
  return url_of(handle.get());
}

std::string encode(std::string_view text) { return encode(text, false); }
std::string encode_path(std::string_view path) { return encode(path, true); }

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

const char* unusable_name(std::string_view name) {
  constexpr std::size_t max_name = 4096;
  if (name.size() > max_name) return "a name longer than 4096 bytes";
  if (!is_utf8(name)) return "a name that is not UTF-8";
  if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return "a name with control characters";
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return "a path with an empty part, '.' or '..'";
    begin = end + 1;
  }
  return nullptr;
}

bool is_wanted(std::string_view name, std::span<const std::string_view> prefixes) {
  return prefixes.empty() ||
         std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  for (const char c : text.substr(0, limit)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out;
}

}  // namespace mole::web
