#include "coordinator/dag/graph.hpp"

#include "sdk/model/flow_columns.hpp"

#include <algorithm>
#include <map>

// A time or null.
template <>
struct nlohmann::adl_serializer<std::optional<mole::Micros>> {
  static void to_json(json& j, const std::optional<mole::Micros>& time) { j = time ? json(*time) : json(nullptr); }
  static void from_json(const json& j, std::optional<mole::Micros>& time) {
    time = j.is_null() ? std::nullopt : std::optional(j.get<mole::Micros>());
  }
};

namespace mole::coordinator::dag {

using nlohmann::json;

constexpr int key_format = 3;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Input, role, kind, source, column, type, unit, where)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Column, name, type, unit, doc)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Place, downloader, params)
// to_json(const Graph&) writes the other fields: `home` as a list, `sampling`, `scale`, `totals`, `routes`, `many_rows` and
// `elements` if they are set.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Archive, name, downloader, decoders, files, covers, lateness, max_late, export_delay,
                                   has_export_delay, damage, duplicates, zone, routers, block_length, block_origin, horizon,
                                   decode, max_content, identity, index)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Module, name, plugin, execution, interval, window, warmup, since, by, filter, load,
                                   keep_states, routers, inputs, outputs, archive, fingerprint, parts)

static void to_json(json& j, const RoutingTable& t) {
  j = json::array({t.from, t.digest, t.name});
  if (t.unusable.count > 0) j.push_back({t.unusable.count, t.unusable.first});
}
static void from_json(const json& j, RoutingTable& t) {
  t = {j.at(0), j.at(1), j.at(2), {}};
  if (j.size() > 3) t.unusable = {j[3].at(0), j[3].at(1)};
}
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Resource, name, files, format, valid, tables)

namespace {

std::string dimension_type(const std::string& by) {
  if (by == "router" || by == "direction" || by == "protocol_class") return "text";
  return flow_column_type(flow_column_named(by)).kind == FlowColumnKind::number ? "u64" : "text";
}

std::optional<std::uint32_t> find_name(const auto& items, std::string_view name) {
  const auto found = std::ranges::find(items, name, [](const auto& item) { return std::string_view(item.name); });
  return found == items.end() ? std::nullopt : std::optional(static_cast<std::uint32_t>(found - items.begin()));
}

// ---- fingerprints

std::string identity(const task::PluginUse& plugin) {
  const bool development = plugin.version.ends_with("-dev");
  return plugin.name + " " + plugin.version + (development ? " " + plugin.library.hex() : "");
}

// State keys contain the size and index revision of each file, which identify its content.
json archive_parts(const Graph& graph, const Archive& archive, const Module& module) {
  json parts = {{"archive", graph.full_name(archive)},
                {"place", archive.identity},
                {"files", archive.files},
                {"covers", format_duration(archive.covers)},
                {"lateness", format_duration(archive.lateness)},
                {"export_delay", archive.export_delay},
                {"damage", archive.damage},
                {"duplicates", archive.duplicates},
                {"zone", archive.zone},
                {"router_names", archive.routers},
                {"max_content", archive.max_content},
                {"routers", module.routers}};
  if (archive.decoders.size() == 1) {
    parts["decoder"] = identity(archive.decoders.front());
    parts["decoder_params"] = archive.decoders.front().params;
  } else {
    for (const auto& decoder : archive.decoders) parts["decoders"].push_back({identity(decoder), decoder.params});
  }
  // Results of earlier versions count flows of files that do not have a column (docs/decisions/0204).
  if (archive.decoders.size() > 1 || !module.elements.empty()) parts["absent_columns"] = "missing";
  if (scale_of(module) == Scale::sampling) {
    parts["scale"] = Scale::sampling;
    parts["sampling"] = archive.sampling;
  }
  if (archive.export_time != ExportTime::header) parts["export_time"] = archive.export_time;
  if (by_direction(module.by)) parts["home"] = {archive.home.source, archive.home.destination};
  return parts;
}

json input_parts(const Graph& graph, const Module& module, const Input& input) {
  json parts = {{"role", input.role}, {"kind", input.kind}};
  if (input.kind == InputKind::flows) {
    parts.update(archive_parts(graph, graph.archives[input.source], module));
    if (module.routes) {  // the tables themselves are part of the state key
      const auto& routes = graph.resources[*module.routes];
      parts["as"] = {{"files", routes.files}, {"valid", format_duration(routes.valid)}, {"format", routes.format}};
    }
  } else {
    const auto& upstream = graph.modules[input.source];
    parts.update(json{{"module", upstream.name}, {"column", input.column}, {"fingerprint", upstream.fingerprint.hex()}});
    if (!input.where.empty()) parts["where"] = input.where;
  }
  return parts;
}

}  // namespace

std::string text_of(const Place& place) {
  return place.downloader + " " + place.params.dump(-1, ' ', false, json::error_handler_t::replace);
}

Scale scale_of(const Module& module) {
  const auto flows = std::ranges::find(module.inputs, InputKind::flows, &Input::kind);
  return flows == module.inputs.end() ? Scale::none : flows->scale;
}

bool reads_scaled(const Graph& graph, const Module& module) {
  return std::ranges::any_of(module.inputs, [&](const Input& input) {
    return input.kind == InputKind::flows ? input.scale == Scale::sampling : reads_scaled(graph, graph.modules[input.source]);
  });
}

bool by_direction(const std::vector<std::string>& by) { return std::ranges::find(by, "direction") != by.end(); }

std::optional<std::uint32_t> Graph::find_module(std::string_view name) const { return find_name(modules, name); }
std::optional<std::uint32_t> Graph::find_archive(std::string_view name) const { return find_name(archives, name); }

Graph prune(const Graph& graph, const std::vector<std::uint32_t>& modules) {
  std::vector<bool> needed(graph.modules.size()), read(graph.archives.size());
  for (const auto m : modules) needed[m] = true;
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
  out.require_sandbox = graph.require_sandbox;
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
  json out = {{"schema", 1}, {"pipeline", graph.pipeline}, {"archives", graph.archives}, {"modules", graph.modules}};
  if (!graph.resources.empty()) out["resources"] = graph.resources;
  if (!graph.require_sandbox.empty()) out["require_sandbox"] = graph.require_sandbox;
  for (std::size_t a = 0; a < graph.archives.size(); ++a) {
    const auto& archive = graph.archives[a];
    out["archives"][a]["home"] = {archive.home.source, archive.home.destination};
    if (!archive.sampling.empty()) out["archives"][a]["sampling"] = archive.sampling;
    if (archive.export_time != ExportTime::header) out["archives"][a]["export_time"] = archive.export_time;
    if (!archive.tiers.empty()) out["archives"][a]["tiers"] = archive.tiers;
    if (archive.minimum_size > 0) out["archives"][a]["minimum_size"] = archive.minimum_size;
    if (archive.drives != manifest::Drives())
      out["archives"][a]["drives"] = {{"usual", archive.drives.usual}, {"at_times", archive.drives.at_times}};
  }
  for (std::size_t m = 0; m < graph.modules.size(); ++m) {
    const auto& module = graph.modules[m];
    for (std::size_t i = 0; i < module.inputs.size(); ++i)
      if (module.inputs[i].scale != Scale::none) out["modules"][m]["inputs"][i]["scale"] = module.inputs[i].scale;
    if (!module.totals.empty()) out["modules"][m]["totals"] = module.totals;
    if (module.routes) out["modules"][m]["routes"] = *module.routes;
    if (module.many_rows) out["modules"][m]["many_rows"] = true;
    if (!module.elements.empty()) out["modules"][m]["elements"] = module.elements;
  }
  return out;
}

Graph graph_from_json(const json& document) {
  auto archives = document.at("archives");
  for (auto& archive : archives)  // stored before an archive could have several decoders
    if (!archive.contains("decoders")) archive["decoders"] = json::array({archive.at("decoder")});
  Graph graph{document.at("pipeline"), archives, document.at("modules"), document.value("resources", std::vector<Resource>{})};
  graph.require_sandbox = document.value("require_sandbox", std::vector<SandboxPart>{});
  for (std::size_t a = 0; a < graph.archives.size(); ++a) {
    const auto& home = document["archives"][a].at("home");
    graph.archives[a].home = {home.at(0), home.at(1)};
    graph.archives[a].sampling = document["archives"][a].value("sampling", task::Sampling());
    graph.archives[a].export_time = document["archives"][a].value("export_time", ExportTime::header);
    graph.archives[a].tiers = document["archives"][a].value("tiers", std::vector<task::PluginUse>{});
    graph.archives[a].minimum_size = document["archives"][a].value("minimum_size", std::uint64_t{0});
    if (const auto& archive = document["archives"][a]; archive.contains("drives"))
      graph.archives[a].drives = {archive["drives"].at("usual"), archive["drives"].at("at_times")};
  }
  for (std::size_t m = 0; m < graph.modules.size(); ++m) {
    const auto& module = document["modules"][m];
    for (std::size_t i = 0; i < graph.modules[m].inputs.size(); ++i)
      graph.modules[m].inputs[i].scale = module["inputs"][i].value("scale", Scale::none);
    graph.modules[m].totals = module.value("totals", std::vector<std::string>{});
    graph.modules[m].many_rows = module.value("many_rows", false);
    graph.modules[m].elements = module.value("elements", std::vector<std::string>{});
    if (module.contains("routes")) graph.modules[m].routes = module["routes"].get<std::uint32_t>();
  }
  return graph;
}

std::vector<Column> result_columns(const Module& module) {
  std::vector<Column> columns = {{"interval_start", "time", "", "start of the interval, UTC"},
                                 {"interval_end", "time", "", "end of the interval (exclusive), UTC"}};
  for (const auto& by : module.by) columns.push_back({by, dimension_type(by), "", "group"});
  columns.insert(columns.end(), module.outputs.begin(), module.outputs.end());
  columns.insert(columns.end(), {{"coverage", "f64", "1", "share of the expected input that was present, 0..1"},
                                 {"flows_lost", "u64", "flow", "flows lost between exporter and archive, by sequence number"},
                                 {"flows_late", "u64", "flow", "flows that arrived too late for their interval, not counted"},
                                 {"files_expected", "u64", "1", "files expected for the interval, present or not"},
                                 {"files_present", "u64", "1", "expected files with at least one readable byte"}});
  return columns;
}

std::optional<Micros> counted_over(const Graph& graph, const Module& module, std::string_view output) {
  constexpr std::string_view counted[] = {"B", "packet", "flow"};
  const auto column = std::ranges::find(module.outputs, output, &Column::name);
  if (column == module.outputs.end() || std::ranges::find(counted, column->unit) == std::end(counted)) return std::nullopt;
  for (const auto& input : module.inputs) {
    if (input.kind == InputKind::flows) {
      const bool integer = column->type.starts_with('u') || column->type.starts_with('i');
      return integer ? std::optional(module.window > 0 ? module.window : module.interval) : std::nullopt;
    }
    if (input.unit == column->unit) return counted_over(graph, graph.modules[input.source], input.column);
  }
  return std::nullopt;
}

void set_fingerprints(Graph& graph) {
  std::map<Digest, int> modules_with;
  for (auto& module : graph.modules) {
    const auto& grid = graph.grid(module);
    json inputs = json::array();
    for (const auto& input : module.inputs) inputs.push_back(input_parts(graph, module, input));
    module.parts = {{"format", key_format},
                    {"plugin", identity(module.plugin)},
                    {"params", module.plugin.params},
                    {"filter", module.filter},
                    {"by", module.by},
                    {"interval", format_duration(module.interval)},
                    {"window", module.window > 0 ? format_duration(module.window) : ""},
                    {"load", module.load},
                    {"warmup", module.warmup > 0 ? format_duration(module.warmup) : ""},
                    {"since", module.since ? format_time(*module.since) : ""},
                    {"block", format_duration(grid.block_length) + " from " + format_duration(grid.block_origin)},
                    {"inputs", std::move(inputs)}};
    if (!module.totals.empty()) module.parts["totals"] = module.totals;
    module.fingerprint = digest_of(std::string_view(module.parts.dump()));
    // Modules that compute the same, such as with two forms of one filter, are computed and stored apart.
    if (const int copies = modules_with[module.fingerprint]++; copies > 0) {
      module.parts["copy"] = copies;
      module.fingerprint = digest_of(std::string_view(module.parts.dump()));
    }
  }
}

}  // namespace mole::coordinator::dag
