#include "sdk/descriptor/descriptor.hpp"

#include "sdk/model/unit.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace mole {
namespace {

using nlohmann::json;

// Thrown while parsing and caught in from_json. `path` is the position in the document.
struct BadField {
  std::string path, problem;
};

const json& member(const json& object, const std::string& path, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) throw BadField{path + "/" + name, "is missing"};
  return *found;
}

std::string text(const json& object, const std::string& path, const char* name) {
  const auto& value = member(object, path, name);
  if (!value.is_string()) throw BadField{path + "/" + name, "is not a string"};
  return value.get<std::string>();
}

std::string text_or(const json& object, const std::string& path, const char* name) {
  return object.contains(name) ? text(object, path, name) : std::string();
}

const json& list(const json& object, const std::string& path, const char* name) {
  const auto& value = member(object, path, name);
  if (!value.is_array() || value.size() > 10'000) throw BadField{path + "/" + name, "is not a list of at most 10000 elements"};
  return value;
}

template <std::size_t N>
std::string one_of(const json& object, const std::string& path, const char* name,
                   const std::array<std::string_view, N>& allowed) {
  auto value = text(object, path, name);
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return value;
  std::string words;
  for (const auto word : allowed) words += (words.empty() ? "" : ", ") + std::string(word);
  throw BadField{path + "/" + name, "is '" + value + "', not one of " + words};
}

bool is_name(std::string_view name, std::string_view more) {
  if (name.empty() || name.size() > 200) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || more.find(c) != std::string_view::npos;
  });
}

std::string name(const json& object, const std::string& path, const char* key, std::string_view more = "") {
  auto value = text(object, path, key);
  if (!is_name(value, more)) throw BadField{path + "/" + key, "'" + value + "' is not a name (a-z 0-9 _)"};
  return value;
}

std::vector<std::string> names(const json& object, const std::string& path, const char* key) {
  std::vector<std::string> out;
  for (const auto& item : list(object, path, key)) {
    if (!item.is_string() || !is_name(item.get<std::string>(), ""))
      throw BadField{path + "/" + key, "contains an element that is not a name (a-z 0-9 _)"};
    out.push_back(item.get<std::string>());
  }
  return out;
}

// "same(values)" -> {"same", "values"}. A plain unit has an empty role.
std::pair<std::string, std::string> split_rule(const std::string& unit) {
  const auto open = unit.find('(');
  if (open == std::string::npos || !unit.ends_with(')')) return {unit, ""};
  return {unit.substr(0, open), unit.substr(open + 1, unit.size() - open - 2)};
}

void check_unit(const Descriptor& d, const std::string& unit, const std::string& path) {
  const auto [rule, role] = split_rule(unit);
  if (role.empty() ? is_unit(unit) : (rule == "same" || rule == "square" || rule == "per_second") && d.input(role)) return;
  throw BadField{path + "/unit", "'" + unit + "' is neither a unit nor derived from an input"};
}

// 0 and 0.0 of an f64 are the same value and must have the same text.
json canonical(const json& value, std::string_view type) { return type == "f64" ? json(value.get<double>()) : value; }

template <Named E>
E one_of(const json& object, const std::string& path, const char* name) {
  const auto value = text(object, path, name);
  if (const auto known = from_name<E>(value)) return *known;
  std::string words;
  for (const auto& word : all_names<E>()) words += (words.empty() ? "" : ", ") + word;
  throw BadField{path + "/" + name, "is '" + value + "', not one of " + words};
}

std::map<std::string, std::string> read_elements(const json& j, const std::string& path) {
  static constexpr std::array<std::string_view, 7> types{"u64", "i64", "f64", "bool", "time", "addr", "text"};
  std::map<std::string, std::string> out;
  if (!j.contains("elements")) return out;
  const auto& elements = j.at("elements");
  if (!elements.is_object() || elements.size() > 100)
    throw BadField{path + "/elements", "is not an object of at most 100 members"};
  for (const auto& [name, type] : elements.items()) out[name] = one_of(elements, path + "/elements", name.c_str(), types);
  return out;
}

Input read_input(const json& j, const std::string& path) {
  static constexpr std::array<std::string_view, 1> types{"number"};
  Input in;
  in.role = name(j, path, "role");
  in.kind = one_of<InputKind>(j, path, "kind");
  if (in.kind == InputKind::flows) {
    in.elements = read_elements(j, path);
    for (const auto& item : list(j, path, "reads")) {
      const auto read = item.is_string() ? item.get<std::string>() : std::string();
      if (!is_name(read, "") && !in.elements.contains(read))
        throw BadField{path + "/reads", "contains neither a name (a-z 0-9 _) nor one of \"elements\""};
      in.reads.push_back(read);
    }
    return in;
  }
  in.type = one_of(j, path, "type", types);
  in.unit = text(j, path, "unit");
  in.doc = text_or(j, path, "doc");
  return in;
}

Param read_param(const json& j, const std::string& path) {
  static constexpr std::array<std::string_view, 5> types{"u64", "i64", "f64", "bool", "text"};
  Param p;
  p.name = name(j, path, "name", "-");
  p.type = one_of(j, path, "type", types);
  p.unit = text_or(j, path, "unit");
  p.format = text_or(j, path, "format");
  p.doc = text_or(j, path, "doc");
  const auto& given = member(j, path, "default");
  if (!p.accepts(given)) throw BadField{path + "/default", "is not of type " + p.type};
  p.default_value = canonical(given, p.type);
  if (j.contains("range")) {
    const auto& r = list(j, path, "range");
    if (r.size() != 2 || !r[0].is_number() || !r[1].is_number()) throw BadField{path + "/range", "is not a pair of numbers"};
    p.range = {r[0].get<double>(), r[1].get<double>()};
  }
  if (j.contains("choices")) {
    for (const auto& text : list(j, path, "choices")) {
      if (!text.is_string()) throw BadField{path + "/choices", "contains an element that is not a string"};
      p.choices.push_back(text.get<std::string>());
    }
    if (p.type != "text" || p.choices.empty())
      throw BadField{path + "/choices", "is empty, or not allowed for a parameter of type " + p.type};
  }
  return p;
}

Output read_output(const json& j, const std::string& path) {
  static constexpr std::array<std::string_view, 6> types{"u64", "i64", "f64", "bool", "text", "time"};
  Output o;
  o.name = name(j, path, "name", "{}");
  o.type = one_of(j, path, "type", types);
  o.unit = text(j, path, "unit");
  o.doc = text_or(j, path, "doc");
  if (const auto n = j.find("nullable"); n != j.end()) {
    if (!n->is_boolean()) throw BadField{path + "/nullable", "is not true or false"};
    o.nullable = n->get<bool>();
  }
  return o;
}

template <class T, class Read>
std::vector<T> read_all(const json& j, const char* key, Read read) {
  std::vector<T> out;
  const auto& items = list(j, "", key);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string path = std::string("/") + key + "/" + std::to_string(i);
    if (!items[i].is_object()) throw BadField{path, "is not an object"};
    out.push_back(read(items[i], path));
  }
  return out;
}

template <class T, class Key>
void check_unique(const std::vector<T>& items, Key key, const char* path) {
  std::set<std::string> seen;
  for (const auto& item : items)
    if (!seen.insert(key(item)).second) throw BadField{path, "contains '" + key(item) + "' twice"};
}

void read_metric(const json& j, Descriptor& d) {
  d.execution = one_of<Execution>(j, "", "execution");
  const auto& deterministic = member(j, "", "deterministic");
  if (!deterministic.is_boolean()) throw BadField{"/deterministic", "is not true or false"};
  d.deterministic = deterministic.get<bool>();
  d.inputs = read_all<Input>(j, "inputs", read_input);
  static constexpr std::array<std::string_view, 2> row_counts{"one", "many"};
  d.many_rows = j.contains("rows") && one_of(j, "", "rows", row_counts) == "many";
  d.outputs = read_all<Output>(j, "output", read_output);
  check_unique(
      d.inputs, [](const Input& i) { return i.role; }, "/inputs");
  check_unique(
      d.outputs, [](const Output& o) { return o.name; }, "/output");
  for (const auto& i : d.inputs)
    if (i.kind != InputKind::flows && i.unit != "any") check_unit(d, i.unit, "/inputs/" + i.role);
  for (const auto& o : d.outputs) check_unit(d, o.unit, "/output/" + o.name);
  if (d.outputs.empty()) throw BadField{"/output", "is empty"};
  const auto& state = member(j, "", "state");
  if (!state.is_object()) throw BadField{"/state", "is not an object"};
  const auto& revision = member(state, "/state", "revision");
  if (!revision.is_number_unsigned()) throw BadField{"/state/revision", "is not a whole number"};
  d.state_revision = revision.get<std::uint64_t>();
  d.state_shape = text(state, "/state", "shape");
  if (d.state_shape.size() != 16 || d.state_shape.find_first_not_of("0123456789abcdef") != std::string::npos)
    throw BadField{"/state/shape", "is not 16 hex digits"};
}

Descriptor read_descriptor(const json& j) {
  if (!j.is_object()) throw BadField{"/", "is not an object"};
  Descriptor d;
  d.kind = one_of<PluginKind>(j, "", "kind");
  d.name = name(j, "", "name", "-");
  d.version = name(j, "", "version", ".-+");
  d.summary = text(j, "", "summary");
  d.params = read_all<Param>(j, "params", read_param);
  check_unique(
      d.params, [](const Param& p) { return p.name; }, "/params");
  if (d.kind == PluginKind::metric) read_metric(j, d);
  if (d.kind == PluginKind::decoder) d.writes = names(j, "", "writes");
  d.document = j;
  return d;
}

}  // namespace

bool Param::accepts(const json& value) const {
  if (type == "u64") return value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
  if (type == "i64") return value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX);
  if (type == "f64") return value.is_number();
  if (type == "bool") return value.is_boolean();
  return value.is_string();
}

Result<Descriptor> Descriptor::from_json(const nlohmann::json& j) {
  try {
    return read_descriptor(j);
  } catch (const BadField& field) {
    return corrupt("plugin descriptor: " + field.path + " " + field.problem + "; rebuild the plugin with this SDK");
  } catch (const json::exception& e) {
    return corrupt(std::string("plugin descriptor: ") + e.what() + "; rebuild the plugin with this SDK");
  }
}

Result<Descriptor> Descriptor::parse(std::string_view bytes) {
  const auto j = json::parse(bytes, nullptr, false);
  if (j.is_discarded()) return corrupt("plugin descriptor: it is not JSON; rebuild the plugin with this SDK");
  return from_json(j);
}

const Input* Descriptor::input(std::string_view role) const {
  for (const auto& i : inputs)
    if (i.role == role) return &i;
  return nullptr;
}

}  // namespace mole
