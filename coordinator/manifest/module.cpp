#include "coordinator/manifest/sections.hpp"
#include "sdk/model/flow_columns.hpp"

#include <algorithm>
#include <regex>

namespace mole::coordinator::manifest {
namespace {

// Whether `word` is written like the name of an information element: dnsName, cert:payload, 9/12232, 9/12232:string. Whether
// there is one of this name is checked with the inputs.
bool is_element_name(const std::string& word) {
  static const std::regex form("cert:[a-z][A-Za-z0-9]*|[a-z][a-z0-9]*[A-Z][A-Za-z0-9]*|[0-9]+/[0-9]+(:[A-Za-z0-9]+)?");
  return std::regex_match(word, form);
}

// Dimensions whose members are all present in every interval, so that they can be added up to the member "all".
const std::vector<std::string> closed_dimensions = {"router", "direction", "protocol_class"};

const std::vector<std::string> dimensions = [] {
  auto all = closed_dimensions;
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
    if (is_dimension_column(c)) all.emplace_back(flow_column_name(c));
  return all;
}();

void read_archive_input(Reader& reader, const YamlNode& node, Input& input) {
  const auto* map = reader.map(&node, "\"input\"", {"archive", "where", "as", "scale"});
  if (!map) return;
  input.archive = reader.require_text(*map, "archive", "name the archive, or use \"inputs\" for a module's columns");
  read_name(reader, *map, "scale", input.scale, "unknown scale");
  if (const auto* as = map->find("as")) input.as = reader.text(as, "\"as\"");
  const auto* where = map->find("where");
  if (!where) return;
  if (const auto* members = reader.map(where, "\"where\"", {"router"})) {
    if (const auto* router = members->find("router")) {
      input.routers = reader.strings_or_integers(router, "\"router\"");
      std::sort(input.routers.begin(), input.routers.end());
      input.routers.erase(std::unique(input.routers.begin(), input.routers.end()), input.routers.end());
      if (input.routers.empty()) reader.fail(router->where, "\"router\" is empty; leave it out for all routers");
    }
  }
}

// MODULE.COLUMN
void read_column(Reader& reader, const YamlNode& node, const std::string& role, Input& input) {
  const auto text = reader.text(&node, "\"" + role + "\"");
  const auto dot = text.find('.');
  if (dot == 0 || dot == std::string::npos || dot + 1 == text.size())
    reader.fail(node.where, "\"" + text + "\" must be MODULE.COLUMN, such as traffic.bytes");
  input.module = text.substr(0, dot);
  if (dot != std::string::npos) input.column = text.substr(dot + 1);
}

// {column: MODULE.COLUMN, where: {rank: 1}}
void read_column_input(Reader& reader, const YamlNode& node, const std::string& role, Input& input) {
  if (!reader.map(&node, "the input \"" + role + "\"", {"column", "where"})) return;
  read_column(reader, *node.find("column"), role, input);
  const auto* where = reader.any_keys(node.find("where"), "\"where\"");
  if (!where) return;
  if (where->entries.empty())
    reader.fail(where->where, "\"where\" is empty; give the values of the row to read, such as {rank: 1}");
  for (const auto& [column, value] : where->entries)
    input.where_columns.push_back({column.text, reader.constant(&value, "\"" + column.text.substr(0, 60) + "\"")});
}

void read_inputs(Reader& reader, const YamlNode& map, Module& module) {
  const auto* one = map.find("input");
  const auto* many = map.find("inputs");
  if (one && many) return reader.fail(many->where, "\"input\" and \"inputs\" cannot be used together; put both into \"inputs\"");
  if (!one && !many)
    return reader.fail(module.where, "the module \"" + module.name +
                                         "\" has no input; add \"input: {archive: NAME}\" or \"inputs: {ROLE: MODULE.COLUMN}\"");
  if (one) {
    module.inputs.emplace_back().where = one->where;
    return read_archive_input(reader, *one, module.inputs.back());
  }
  const auto* roles = reader.names(many, "\"inputs\"");
  if (!roles) return;
  for (const auto& [role, from] : roles->entries) {
    auto& input = module.inputs.emplace_back();
    input.role = role.text;
    input.where = from.where;
    if (from.find("column"))
      read_column_input(reader, from, role.text, input);
    else if (from.kind == YamlNode::Kind::map)
      read_archive_input(reader, from, input);
    else
      read_column(reader, from, role.text, input);
  }
  if (module.inputs.empty()) reader.fail(many->where, "\"inputs\" is empty; bind at least one role");
}

void read_execution(Reader& reader, const YamlNode& map, Module& module) {
  if (const auto* interval = map.find("interval")) {
    module.interval = reader.duration(interval, "\"interval\"");
    if (*module.interval <= 0) reader.fail(interval->where, "\"interval\" must be greater than zero, such as 15m");
  }
  if (const auto* window = map.find("window")) module.window = reader.duration(window, "\"window\"");
  if (const auto* warmup = map.find("warmup")) module.warmup = reader.duration(warmup, "\"warmup\"");
  if (const auto* since = map.find("since")) module.since = reader.time(since, "\"since\"");
  if (const auto* by = map.find("by"))
    module.by = reader.choices(by, "\"by\"", dimensions, "is not a dimension", is_element_name);
  if (const auto* totals = map.find("totals"))
    module.totals = reader.choices(totals, "\"totals\"", closed_dimensions,
                                   "is not a closed dimension, all of whose members are known; chain or add a module that is not "
                                   "grouped by it, or leave it out");
  if (const auto* filter = map.find("filter")) {
    module.filter = reader.text(filter, "\"filter\"");
    module.filter_where = filter->where;
  }
  if (const auto* scale = map.find("scale")) {
    read_name(reader, map, "scale", module.scale.emplace(), "unknown scale");
    module.scale_where = scale->where;
  }
  read_name(reader, map, "load", module.load, "unknown load scheme");
  if (module.load == Load::proportional)
    reader.fail(map.find("load")->where, "\"load: proportional\" is not available in this version; choose start or end");
  if (const auto* keep = map.find("keep_states")) {
    module.keep_states = reader.text(keep, "\"keep_states\"");
    if (module.keep_states != "all")
      reader.fail(keep->where, "\"keep_states: " + module.keep_states +
                                   "\" is not available in this version, which keeps every state; leave it out or write all");
  }
}

}  // namespace

Module read_module(Reader& reader, const YamlNode& key, const YamlNode& node) {
  static const std::vector<std::string> keys = {"plugin", "params", "input", "inputs", "interval", "by",          "totals",
                                                "window", "filter", "load",  "warmup", "since",    "keep_states", "scale"};
  Module module;
  module.name = key.text;
  module.where = module.plugin_where = module.params_where = module.filter_where = key.where;
  const auto* map = reader.map(&node, "the module \"" + key.text + "\"", keys);
  if (!map) return module;
  const auto* plugin = reader.require(*map, "plugin", "name the metric, such as traffic");
  module.plugin = reader.text(plugin, "\"plugin\"");
  if (plugin) module.plugin_where = plugin->where;
  if (const auto* params = map->find("params")) {
    module.params = reader.object(params, "\"params\"");
    module.params_where = params->where;
  }
  read_inputs(reader, *map, module);
  read_execution(reader, *map, module);
  return module;
}

}  // namespace mole::coordinator::manifest
