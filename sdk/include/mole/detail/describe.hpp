// The descriptor of a plugin: canonical JSON (sorted keys, no spaces) generated from its declarations. Format:
// docs/formats/descriptor.md.
#pragma once

#include <mole/unit.hpp>

#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mole {

enum class Kind { metric, decoder, downloader };

// Name, version and a one-line summary of a plugin.
template <Kind K>
struct About {
  static constexpr Kind kind = K;
  const char *name, *version, *summary;
};
constexpr About<Kind::metric> metric(const char* name, const char* version, const char* summary) {
  return {name, version, summary};
}
constexpr About<Kind::decoder> decoder(const char* name, const char* version, const char* summary) {
  return {name, version, summary};
}
constexpr About<Kind::downloader> downloader(const char* name, const char* version, const char* summary) {
  return {name, version, summary};
}

namespace detail {

inline std::string json_text(std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (u < 0x20)
      ((out += "\\u00") += hex[u >> 4]) += hex[u & 15];
    else
      out += c;
  }
  return out += '"';
}

template <class T>
std::string json_number(T value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

// A JSON object with sorted keys. raw() adds a JSON value, text() a string.
class JsonObject {
 public:
  JsonObject& raw(const char* key, std::string json) {
    auto at = fields_.begin();
    while (at != fields_.end() && std::string_view(at->first) < key) ++at;
    fields_.emplace(at, key, std::move(json));
    return *this;
  }
  JsonObject& text(const char* key, std::string_view value) { return raw(key, json_text(value)); }
  std::string str() const {
    std::string out = "{";
    for (const auto& [key, value] : fields_) {
      if (out.size() > 1) out += ',';
      ((out += json_text(key)) += ':') += value;
    }
    return out += '}';
  }

 private:
  std::vector<std::pair<const char*, std::string>> fields_;
};

inline std::string json_array(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    out += item;
  }
  return out += ']';
}

template <Kind K>
JsonObject describe_about(const About<K>& about) {
  static constexpr const char* kinds[] = {"metric", "decoder", "downloader"};
  return JsonObject()
      .text("kind", kinds[static_cast<int>(K)])
      .text("name", about.name)
      .text("version", about.version)
      .text("summary", about.summary);
}

}  // namespace detail
}  // namespace mole
