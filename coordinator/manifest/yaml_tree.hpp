// A YAML text as a small tree whose nodes have a position in the text. A text that expands (through aliases) to more than
// `max_nodes` nodes, or nests deeper than `max_depth`, is refused.
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
  bool quoted = false;             // scalar: a string even if it looks like a number
  std::vector<YamlNode> items;     // sequence
  std::vector<YamlEntry> entries;  // map, in the order of the text; keys are unique scalars

  const YamlNode* find(std::string_view key) const;
  YamlNode* find(std::string_view key);
};

struct YamlEntry {
  YamlNode key, value;
};

inline constexpr std::size_t max_manifest_bytes = 1 << 20;
inline constexpr std::size_t max_nodes = 20'000;
inline constexpr std::size_t max_depth = 16;

// `name` is the name of the text in messages. invalid: not YAML, too large, or a duplicate key.
Result<YamlNode> parse_yaml(std::string_view text, const std::string& name);

// Applies "a.b.c=value", where the value is YAML. Missing maps on the path are created.
Result<> apply_override(YamlNode& root, const std::string& assignment);

}  // namespace mole::coordinator::manifest
