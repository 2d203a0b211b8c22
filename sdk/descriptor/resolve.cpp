// Applies a manifest's parameters and input bindings to a descriptor.
#include "sdk/descriptor/descriptor.hpp"

#include "sdk/model/flow_columns.hpp"
#include "sdk/model/unit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

namespace mole {
namespace {

using nlohmann::json;

std::string describe(const Param& p) { return "'" + p.name + "' (" + p.doc + ")"; }

std::string number_text(double value) {
  const bool whole = std::abs(value) < 1e15 && value == std::trunc(value);
  return whole ? std::to_string(static_cast<std::int64_t>(value)) : json(value).dump();
}

const char* expected(const Param& p) {
  if (p.format == "columns") return "a mapping from columns to names";
  if (p.type == "u64") return "a whole number, 0 or more";
  if (p.type == "i64") return "a whole number";
  if (p.type == "f64") return "a number";
  if (p.type == "bool") return "true or false";
  return "a string";
}

// A mapping from flow columns, information elements, `duration` and `received` to strings as lines of KEY=VALUE, sorted by key;
// aliases and earlier names are replaced by the names that decoders are asked for.
Result<json> resolve_columns(const Param& p, const json& map) {
  std::map<std::string, std::string> names;
  for (const auto& [key, value] : map.items()) {
    if (key != "duration" && key != "received" && !find_element(key) && flow_column_named(key) < 0)
      return invalid("parameter " + describe(p) + " has " + key + ", which is no flow column or information element" +
                     nearest_columns(key));
    if (key.empty() || !value.is_string() || (key + value.get<std::string>()).find_first_of("\n=") != std::string::npos)
      return invalid("parameter " + describe(p) + " has " + key + ": " + value.dump() +
                     "; give strings without line breaks and =, in quotes if they are numbers");
    const auto column = flow_column_named(key);
    const auto [at, fresh] = names.emplace(column < 0 ? key : std::string(flow_column_name(column)), value.get<std::string>());
    if (!fresh) return invalid("parameter " + describe(p) + " has " + at->first + " twice, once as " + key + "; give one name");
  }
  std::string lines;
  for (const auto& [key, name] : names) lines += key + "=" + name + "\n";
  return json(lines);
}

Result<json> resolve_param(const Param& p, const json& value) {
  if (p.format == "columns" && value.is_object()) return resolve_columns(p, value);
  if (!p.accepts(value)) return invalid("parameter " + describe(p) + " is " + value.dump() + "; give " + expected(p));
  if (p.range && value.is_number()) {
    const double x = value.get<double>();
    if (!(x >= p.range->first && x <= p.range->second))
      return invalid("parameter " + describe(p) + " is " + value.dump() + "; give a value from " + number_text(p.range->first) +
                     " to " + number_text(p.range->second));
  }
  if (!p.choices.empty() && std::find(p.choices.begin(), p.choices.end(), value.get<std::string>()) == p.choices.end()) {
    std::string all;
    for (const auto& text : p.choices) all += (all.empty() ? "" : ", ") + text;
    return invalid("parameter " + describe(p) + " is " + value.dump() + "; give one of " + all);
  }
  if (p.type == "u64") return json(value.get<std::uint64_t>());
  return p.type == "f64" ? json(value.get<double>()) : value;
}

constexpr std::array<std::string_view, 7> standard_columns{"interval_start", "interval_end",   "coverage",     "flows_lost",
                                                           "flows_late",     "files_expected", "files_present"};

using Bindings = std::map<std::string, Binding>;

std::string bound_unit(const Binding& b) { return b.unit.empty() ? "1" : b.unit; }

// Returns the unit of a template; "" if it depends on an unbound role.
Result<std::string> resolve_unit(const std::string& unit, const Bindings& bindings) {
  const auto open = unit.find('(');
  if (open == std::string::npos) return unit;
  const auto found = bindings.find(unit.substr(open + 1, unit.size() - open - 2));
  if (found == bindings.end()) return std::string();
  const auto base = bound_unit(found->second);
  if (unit.starts_with("square")) return square_unit(base);
  if (unit.starts_with("per_second")) return per_second_unit(base);
  return base;
}

Result<> check_binding(const Descriptor& d, const Input& in, const Bindings& bindings) {
  const auto found = bindings.find(in.role);
  if (found == bindings.end()) {
    if (in.kind != InputKind::rows) return {};
    return invalid(d.name + ": input '" + in.role + "' (" + in.doc + ") is not bound; bind it to a column of another module");
  }
  const auto& b = found->second;
  if (b.type != "u64" && b.type != "i64" && b.type != "f64")
    return invalid(d.name + ": input '" + in.role + "' requires numbers, but column '" + b.column + "' has type " + b.type +
                   "; bind it to a column of type u64, i64 or f64");
  if (in.unit == "any") {
    if (is_unit(bound_unit(b))) return {};
    return invalid(d.name + ": column '" + b.column + "' has the unknown unit '" + b.unit + "'; bind a different column");
  }
  MOLE_TRY(const auto unit, resolve_unit(in.unit, bindings));
  if (unit == bound_unit(b)) return {};
  return invalid(d.name + ": input '" + in.role + "' (" + in.doc + ") requires unit " + (unit.empty() ? in.unit : unit) +
                 ", but column '" + b.column + "' has unit " + bound_unit(b) + "; bind it to a column of that unit");
}

// "{values}_mean" -> "bytes_mean".
Result<std::string> resolve_name(const Descriptor& d, const std::string& name, const Bindings& bindings) {
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const auto open = name.find('{', at);
    out += name.substr(at, open - at);
    if (open == std::string::npos) break;
    const auto close = name.find('}', open);
    const auto role = name.substr(open + 1, close - open - 1);
    const auto found = bindings.find(role);
    if (close == std::string::npos || found == bindings.end())
      return invalid(d.name + ": the column '" + name + "' is named after input '" + role + "', which is not bound; bind it");
    out += found->second.column;
    at = close + 1;
  }
  return out;
}

}  // namespace

Result<json> resolve_params(const Descriptor& d, const json& given) {
  if (!given.is_object() && !given.is_null()) return invalid(d.name + ": params is not a mapping; write params: {name: value}");
  json out = json::object();
  for (const auto& p : d.params) {
    const auto found = given.is_object() ? given.find(p.name) : given.end();
    if (!given.is_object() || found == given.end()) {
      out[p.name] = p.default_value;
      continue;
    }
    MOLE_TRY(out[p.name], prefixed(d.name + ": ", resolve_param(p, *found)));
  }
  for (const auto& item : given.items()) {
    if (out.contains(item.key())) continue;
    std::string known;
    for (const auto& p : d.params) known += (known.empty() ? "" : ", ") + describe(p);
    return invalid(d.name + ": there is no parameter '" + item.key() + "'; " +
                   (known.empty() ? "the plugin takes none" : "use one of " + known));
  }
  return out;
}

Result<std::vector<Output>> resolve_outputs(const Descriptor& d, const Bindings& bindings) {
  for (const auto& [role, binding] : bindings) {
    if (d.input(role)) continue;
    std::string roles;
    for (const auto& in : d.inputs) roles += (roles.empty() ? "" : ", ") + in.role;
    return invalid(d.name + ": there is no input '" + role + "'; " + (roles.empty() ? "it takes none" : "use one of " + roles));
  }
  for (const auto& in : d.inputs) {
    if (in.kind == InputKind::flows) continue;
    if (auto checked = check_binding(d, in, bindings); !checked) return checked.error();
  }
  std::vector<Output> out;
  std::set<std::string> taken(standard_columns.begin(), standard_columns.end());
  for (const auto& declared : d.outputs) {
    Output o = declared;
    MOLE_TRY(auto name, resolve_name(d, declared.name, bindings));
    MOLE_TRY(auto unit, resolve_unit(declared.unit, bindings));
    o.name = std::move(name);
    o.unit = unit.empty() ? "1" : std::move(unit);
    if (!taken.insert(o.name).second)
      return invalid(d.name + ": two result columns would be named '" + o.name + "'; bind a different column");
    out.push_back(std::move(o));
  }
  return out;
}

}  // namespace mole
