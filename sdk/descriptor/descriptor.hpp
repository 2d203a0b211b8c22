// The description of a plugin, read from the sidecar without loading code.
// JSON layout: docs/formats/descriptor.md.
//
//   auto descriptor = mole::Descriptor::parse(text);
//   auto params = mole::resolve_params(*descriptor, manifest_params);       // defaults filled in
//   auto columns = mole::resolve_outputs(*descriptor, {{"values", {"bytes", "B", "u64"}}});
#pragma once

#include "sdk/model/enums.hpp"

#include <mole/result.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mole {

// One input role.
struct Input {
  std::string role;
  InputKind kind = InputKind::flows;
  std::vector<std::string> reads;               // flows: columns and elements, in the plugin's order
  std::map<std::string, std::string> elements;  // flows: type ("u64", "i64", "f64", "bool", "time", "addr", "text") by name
  std::string type;                             // rows, context: "number" (u64, i64, f64)
  std::string unit;                             // rows, context: a unit, "any", or "same(role)"
  std::string doc;
};

struct Param {
  std::string name;
  std::string type;                                // "u64", "i64", "f64", "bool", "text"
  nlohmann::json default_value;                    // of that type
  std::optional<std::pair<double, double>> range;  // both ends allowed
  std::string unit;                                // "" if none
  std::string format;                              // "path", "columns" or ""
  std::vector<std::string> choices;                // of a text parameter; empty: any
  std::string doc;

  bool accepts(const nlohmann::json& value) const;  // checks the type only
};

// A result column. In a Descriptor, name and unit are templates; resolve_outputs returns final ones.
struct Output {
  std::string name;  // "bytes", "{values}_mean"
  std::string type;  // "u64", "i64", "f64", "bool", "text", "time"
  bool nullable = false;
  std::string unit;  // "B", "square(values)"
  std::string doc;
};

struct Descriptor {
  PluginKind kind = PluginKind::metric;
  std::string name, version, summary;
  Execution execution = Execution::mergeable;  // metric
  bool many_rows = false;                      // metric: may return several rows per interval and group
  bool deterministic = true;                   // metric: merging in any order gives the same bytes
  std::vector<Input> inputs;
  std::vector<Param> params;
  std::vector<Output> outputs;
  std::uint64_t state_revision = 1;  // metric
  std::string state_shape;           // metric: 16 hex digits
  std::vector<std::string> writes;   // decoder: columns it can fill
  nlohmann::json document;           // as parsed

  // corrupt: not a descriptor (docs/formats/descriptor.md); the message contains the path of the invalid field.
  static Result<Descriptor> parse(std::string_view text);
  static Result<Descriptor> from_json(const nlohmann::json& document);

  const Input* input(std::string_view role) const;
  bool development() const { return version.ends_with("-dev"); }  // keys contain the digest of the .so
};

// The column an input role is bound to.
struct Binding {
  std::string column;  // "bytes"
  std::string unit;    // "B"
  std::string type;    // "u64"
};

// Returns the value of every declared parameter: the given value, checked, or the default. invalid: unknown name, wrong type, out
// of range; the message quotes the parameter's doc line.
Result<nlohmann::json> resolve_params(const Descriptor&, const nlohmann::json& given);

// Returns the result columns for the bindings, which are keyed by role. "flows" roles have no binding and "context" roles may be
// unbound. invalid: a "rows" role is unbound, a role is unknown, or a bound column is not numeric or has the wrong unit.
Result<std::vector<Output>> resolve_outputs(const Descriptor&, const std::map<std::string, Binding>&);

}  // namespace mole
