// A YAML text as a small tree in which every node knows where it stands. Bounded: a text that would unfold into more than
// `max_nodes` nodes or nest deeper than `max_depth` is refused, whatever its aliases say.
#pragma once

#include <mole/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace mole::coordinator::manifest {

struct YamlEntry;

struct YamlNode {
  enum class Kind { null, scalar, sequence, map };
  Kind kind = Kind::null;
  std::string where;               // "pipeline.yaml:3:7", or "--set modules.mean.window=1d"
  std::string text;                // scalar
  bool quoted = false;             // scalar: it is a text, whatever it looks like
  std::vector<YamlNode> items;     // sequence
  std::vector<YamlEntry> entries;  // map, in the order of the text; keys are scalars and differ

  const YamlNode* find(std::string_view key) const;
  YamlNode* find(std::string_view key);
};

struct YamlEntry {
  YamlNode key, value;
};

inline constexpr std::size_t max_manifest_bytes = 1 << 20;
inline constexpr std::size_t max_nodes = 20'000;
inline constexpr std::size_t max_depth = 16;

// `name` is what messages call the text. invalid: not YAML, too large, a key twice.
Result<YamlNode> parse_yaml(std::string_view text, const std::string& name);

// Applies "a.b.c=value": the value is YAML. Maps on the way are made if absent.
Result<> apply_override(YamlNode& root, const std::string& assignment);

}  // namespace mole::coordinator::manifest
