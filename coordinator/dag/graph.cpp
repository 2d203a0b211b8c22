#include "coordinator/dag/graph.hpp"

#include <algorithm>

namespace mole::coordinator::dag {
namespace {

using nlohmann::json;

json opt(const std::optional<Micros>& t) { return t ? json(*t) : json(nullptr); }
std::optional<Micros> opt(const json& j) { return j.is_null() ? std::nullopt : std::optional<Micros>(j.get<Micros>()); }

json to_json_input(const Input& i) {
  return {{"role", i.role}, {"kind", i.kind}, {"source", i.source}, {"column", i.column}, {"type", i.type}, {"unit", i.unit}};
}

json to_json_column(const Column& c) { return {{"name", c.name}, {"type", c.type}, {"unit", c.unit}, {"doc", c.doc}}; }

json to_json_archive(const Archive& a) {
  return {{"name", a.name},
          {"downloader", a.downloader},
          {"decoder", a.decoder},
          {"files", a.files},
          {"covers", a.covers},
          {"lateness", a.lateness},
          {"damage", a.damage},
          {"block_length", a.block_length},
          {"block_origin", a.block_origin},
          {"horizon", opt(a.horizon)},
          {"home", {a.home.source, a.home.destination}},
          {"decode", a.decode}};
}

json to_json_resource(const Resource& r) {
  json tables = json::array();
  for (const auto& t : r.tables) tables.push_back({t.from, t.digest, t.name});
  return {{"name", r.name}, {"files", r.files}, {"format", r.format}, {"valid", r.valid}, {"tables", std::move(tables)}};
}

json to_json_module(const Module& m) {
  json inputs = json::array(), outputs = json::array();
  for (const auto& i : m.inputs) inputs.push_back(to_json_input(i));
  for (const auto& c : m.outputs) outputs.push_back(to_json_column(c));
  json out = {{"name", m.name},     {"plugin", m.plugin}, {"execution", m.execution},     {"interval", m.interval},
              {"window", m.window}, {"warmup", m.warmup}, {"since", opt(m.since)},        {"by", m.by},
              {"filter", m.filter}, {"load", m.load},     {"keep_states", m.keep_states}, {"routers", m.routers},
              {"inputs", inputs},   {"outputs", outputs}, {"archive", m.archive},         {"fingerprint", m.fingerprint.hex()},
              {"parts", m.parts}};
  if (!m.totals.empty()) out["totals"] = m.totals;
  if (m.routes) out["routes"] = *m.routes;
  return out;
}

Archive archive_from(const json& j) {
  Archive a;
  j.at("name").get_to(a.name);
  j.at("downloader").get_to(a.downloader);
  j.at("decoder").get_to(a.decoder);
  j.at("files").get_to(a.files);
  j.at("covers").get_to(a.covers);
  j.at("lateness").get_to(a.lateness);
  j.at("damage").get_to(a.damage);
  a.decode = j.value("decode", Bzip2Decoder::interleaved);
  j.at("block_length").get_to(a.block_length);
  j.at("block_origin").get_to(a.block_origin);
  a.horizon = opt(j.at("horizon"));
  if (j.contains("home")) a.home = {j.at("home").at(0).get<std::string>(), j.at("home").at(1).get<std::string>()};
  return a;
}

Resource resource_from(const json& j) {
  Resource r;
  j.at("name").get_to(r.name);
  j.at("files").get_to(r.files);
  j.at("format").get_to(r.format);
  j.at("valid").get_to(r.valid);
  for (const auto& t : j.at("tables")) r.tables.push_back({t.at(0), t.at(1), t.at(2)});
  return r;
}

Module module_from(const json& j) {
  Module m;
  j.at("name").get_to(m.name);
  j.at("plugin").get_to(m.plugin);
  j.at("execution").get_to(m.execution);
  j.at("interval").get_to(m.interval);
  j.at("window").get_to(m.window);
  j.at("warmup").get_to(m.warmup);
  m.since = opt(j.at("since"));
  j.at("by").get_to(m.by);
  m.totals = j.value("totals", std::vector<std::string>{});
  j.at("filter").get_to(m.filter);
  j.at("load").get_to(m.load);
  j.at("keep_states").get_to(m.keep_states);
  j.at("routers").get_to(m.routers);
  for (const auto& i : j.at("inputs"))
    m.inputs.push_back({i.at("role"), i.at("kind"), i.at("source"), i.at("column"), i.at("type"), i.at("unit")});
  for (const auto& c : j.at("outputs")) m.outputs.push_back({c.at("name"), c.at("type"), c.at("unit"), c.at("doc")});
  j.at("archive").get_to(m.archive);
  if (const auto routes = j.find("routes"); routes != j.end()) m.routes = routes->get<std::uint32_t>();
  j.at("fingerprint").get_to(m.fingerprint);
  m.parts = j.at("parts");
  return m;
}

std::string dimension_type(const std::string& by) {
  if (by == "router" || by == "protocol_class" || by == "src_addr" || by == "dst_addr") return "text";
  return "u64";
}

}  // namespace

bool by_direction(const std::vector<std::string>& by) { return std::find(by.begin(), by.end(), "direction") != by.end(); }

std::optional<std::uint32_t> Graph::find_module(std::string_view name) const {
  for (std::uint32_t i = 0; i < modules.size(); ++i)
    if (modules[i].name == name) return i;
  return std::nullopt;
}

std::optional<std::uint32_t> Graph::find_archive(std::string_view name) const {
  for (std::uint32_t i = 0; i < archives.size(); ++i)
    if (archives[i].name == name) return i;
  return std::nullopt;
}

Graph prune(const Graph& graph, const std::vector<std::uint32_t>& asked) {
  std::vector<bool> needed(graph.modules.size()), read(graph.archives.size());
  for (const auto m : asked) needed[m] = true;
  for (std::size_t m = graph.modules.size(); m-- > 0;) {
    if (!needed[m]) continue;
    read[graph.modules[m].archive] = true;
    for (const auto& input : graph.modules[m].inputs) {
      if (input.kind == InputKind::flows)
        read[input.source] = true;
      else
        needed[input.source] = true;
    }
  }
  Graph out;
  out.pipeline = graph.pipeline;
  out.resources = graph.resources;
  std::vector<std::uint32_t> archive_at(graph.archives.size()), module_at(graph.modules.size());
  for (std::size_t a = 0; a < graph.archives.size(); ++a) {
    archive_at[a] = static_cast<std::uint32_t>(out.archives.size());
    if (read[a]) out.archives.push_back(graph.archives[a]);
  }
  for (std::size_t m = 0; m < graph.modules.size(); ++m) {
    module_at[m] = static_cast<std::uint32_t>(out.modules.size());
    if (!needed[m]) continue;
    auto module = graph.modules[m];
    module.archive = archive_at[module.archive];
    for (auto& input : module.inputs)
      input.source = input.kind == InputKind::flows ? archive_at[input.source] : module_at[input.source];
    out.modules.push_back(std::move(module));
  }
  return out;
}

json to_json(const Graph& graph) {
  json archives = json::array(), modules = json::array();
  for (const auto& a : graph.archives) archives.push_back(to_json_archive(a));
  for (const auto& m : graph.modules) modules.push_back(to_json_module(m));
  json out = {{"schema", 1}, {"pipeline", graph.pipeline}, {"archives", archives}, {"modules", modules}};
  for (const auto& r : graph.resources) out["resources"].push_back(to_json_resource(r));
  return out;
}

Graph graph_from_json(const json& document) {
  Graph graph;
  document.at("pipeline").get_to(graph.pipeline);
  for (const auto& a : document.at("archives")) graph.archives.push_back(archive_from(a));
  for (const auto& m : document.at("modules")) graph.modules.push_back(module_from(m));
  if (const auto resources = document.find("resources"); resources != document.end())
    for (const auto& r : *resources) graph.resources.push_back(resource_from(r));
  return graph;
}

std::vector<Column> result_columns(const Module& module) {
  std::vector<Column> columns = {{"interval_start", "time", "", "first instant of the interval, UTC"},
                                 {"interval_end", "time", "", "first instant after the interval"}};
  for (const auto& by : module.by) columns.push_back({by, dimension_type(by), "", "group"});
  columns.insert(columns.end(), module.outputs.begin(), module.outputs.end());
  columns.push_back({"coverage", "f64", "1", "share of the expected input that was there, 0..1"});
  columns.push_back({"flows_lost", "u64", "flow", "flows lost between exporter and archive, by sequence number"});
  columns.push_back({"flows_late", "u64", "flow", "flows that came after their interval was closed"});
  columns.push_back({"files_expected", "u64", "1", "files the interval should have"});
  columns.push_back({"files_present", "u64", "1", "of those, files with readable bytes"});
  return columns;
}

std::optional<Micros> counted_over(const Graph& graph, const Module& module, std::string_view output) {
  constexpr std::string_view counted[] = {"B", "packet", "flow"};
  const auto column =
      std::find_if(module.outputs.begin(), module.outputs.end(), [&](const Column& c) { return c.name == output; });
  if (column == module.outputs.end() || std::find(std::begin(counted), std::end(counted), column->unit) == std::end(counted))
    return std::nullopt;
  for (const auto& input : module.inputs) {
    if (input.kind == InputKind::flows) {
      const bool whole = column->type.starts_with('u') || column->type.starts_with('i');
      return whole ? std::optional(module.window > 0 ? module.window : module.interval) : std::nullopt;
    }
    if (input.unit == column->unit) return counted_over(graph, graph.modules[input.source], input.column);
  }
  return std::nullopt;
}

}  // namespace mole::coordinator::dag
