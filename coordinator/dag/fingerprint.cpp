#include "coordinator/dag/resolve.hpp"

namespace mole::coordinator::dag {
namespace {

using nlohmann::json;

constexpr int key_format = 1;

std::string identity(const task::PluginUse& plugin) {
  const bool development = plugin.version.ends_with("-dev");
  return plugin.name + " " + plugin.version + (development ? " " + plugin.library.hex() : "");
}

// The location of the files (the downloader and its parameters) is left out, because an archive may move. State keys hold the
// size and index revision of each file, which stand for the content.
json archive_parts(const Graph& graph, const Archive& archive, const Module& module) {
  json parts = {
      {"archive", graph.full_name(archive)},           {"files", archive.files},   {"covers", format_duration(archive.covers)},
      {"lateness", format_duration(archive.lateness)}, {"damage", archive.damage}, {"decoder", identity(archive.decoder)},
      {"decoder_params", archive.decoder.params},      {"routers", module.routers}};
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
  }
  return parts;
}

}  // namespace

void set_fingerprints(Graph& graph) {
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
  }
}

}  // namespace mole::coordinator::dag
