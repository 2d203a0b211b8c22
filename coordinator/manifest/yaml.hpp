// Parses YAML into a small tree whose nodes have a position in the text. A text that expands (through aliases) to more than
// `max_nodes` nodes, or nests deeper than `max_depth`, is rejected.
#pragma once

#include "sdk/model/time.hpp"

#include <nlohmann/json.hpp>

#include <string_view>
#include <vector>

namespace mole::coordinator::manifest {

struct YamlEntry;

struct YamlNode {
  enum class Kind { null, scalar, sequence, map };
  Kind kind = Kind::null;
  std::string where;               // "pipeline.yaml:3:7", or "--set modules.mean.window=1d"
  std::string text;                // scalar
  bool quoted = false;             // scalar: a string even if it looks like a number
  std::vector<YamlNode> items;     // sequence
  std::vector<YamlEntry> entries;  // map, in the order of the text; keys are unique scalars

  const YamlNode* find(std::string_view key) const;
  YamlNode* find(std::string_view key);
  // The JSON value of a scalar, by the core schema of YAML 1.2: a string if it is quoted or looks like no other type.
  nlohmann::json scalar() const;
};

struct YamlEntry {
  YamlNode key, value;
};

inline constexpr std::size_t max_manifest_bytes = 256 << 10;
inline constexpr std::size_t max_override_bytes = 64 << 10;
inline constexpr std::size_t max_overrides = 1'000;
inline constexpr std::size_t max_nodes = 20'000;
inline constexpr std::size_t max_depth = 16;

// `name` identifies the text in messages. invalid: not YAML, too large, or a duplicate key.
Result<YamlNode> parse_yaml(std::string_view text, const std::string& name);

// Applies "a.b.c=value", where the value is YAML. Missing maps on the path are created.
Result<> apply_override(YamlNode& root, const std::string& assignment);

// Reads typed values from a YAML tree and keeps the first error, so that callers need not check after every key.
class Reader {
 public:
  // The first error, if any. Once it is set, every read returns a default.
  const std::optional<Error>& error() const { return error_; }
  void fail(const std::string& where, const std::string& message);

  // Returns `node` if it is a map whose keys are all in `known`; else sets an error and returns null. `what`: for messages.
  const YamlNode* map(const YamlNode* node, const std::string& what, const std::vector<std::string>& known);
  // The same for a map from names ([A-Za-z0-9_-]{1,64}) to any values.
  const YamlNode* names(const YamlNode* node, const std::string& what);

  // The same for a map of any keys.
  const YamlNode* any_keys(const YamlNode* node, const std::string& what) { return map_of("keys", node, what); }

  // Typed scalars, with the types of JSON: `a: 1` is not a string, `a: "1"` is not a number.
  std::string text(const YamlNode* node, const std::string& what);
  std::string text_or_integer(const YamlNode* node, const std::string& what);  // an integer as it is written, such as 007
  std::string text_or_number(const YamlNode* node, const std::string& what);   // an integer in decimal: 16 for 0x10
  std::string constant(const YamlNode* node, const std::string& what);         // a string, an integer or true, false; as text
  double decimal(const YamlNode* node, const std::string& what);
  std::uint64_t size(const YamlNode* node, const std::string& what);
  Micros duration(const YamlNode* node, const std::string& what);
  Micros time(const YamlNode* node, const std::string& what);
  // "06:00" or a duration: an offset from midnight.
  Micros time_of_day(const YamlNode* node, const std::string& what);
  // A list, or a single entry.
  std::vector<std::string> strings(const YamlNode* node, const std::string& what);
  std::vector<std::string> strings_or_integers(const YamlNode* node, const std::string& what);
  std::vector<std::string> strings_or_numbers(const YamlNode* node, const std::string& what);
  // A list of distinct names out of `known`, or a single one. `problem` follows an unknown name in the message.
  std::vector<std::string> choices(const YamlNode* node, const std::string& what, const std::vector<std::string>& known,
                                   const std::string& problem, bool (*also)(const std::string&) = nullptr);
  nlohmann::json object(const YamlNode* node, const std::string& what);
  // Returns the value of `key` in `parent`; sets an error if it is absent.
  const YamlNode* require(const YamlNode& parent, const std::string& key, const std::string& remedy);
  std::string require_text(const YamlNode& parent, const std::string& key, const std::string& remedy) {
    return text(require(parent, key, remedy), "\"" + key + "\"");
  }

 private:
  using ReadEntry = std::string (Reader::*)(const YamlNode*, const std::string&);
  std::vector<std::string> list(const YamlNode* node, const std::string& what, ReadEntry read);
  const YamlNode* map_of(const char* entries, const YamlNode* node, const std::string& what);
  nlohmann::json value(const YamlNode& node);
  std::optional<Error> error_;
};

bool valid_name(std::string_view name);

}  // namespace mole::coordinator::manifest
