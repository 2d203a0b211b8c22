#include "runtime/task/lineage.hpp"

#include "sdk/model/flow_columns.hpp"

#include <algorithm>
#include <map>

namespace mole::runtime {
namespace {

using nlohmann::json;

json plugin_of(const task::PluginUse& use) {
  return {{"name", use.name}, {"version", use.version}, {"library", use.library.hex()}, {"params", use.params}};
}

json archive_of(const task::Archive& archive) {
  json downloader = {
      {"name", archive.downloader.name},
      {"version", archive.downloader.version}};  // without its parameters, which determine the location, not the content
  json decoders = json::array();
  for (const auto& decoder : archive.candidates()) decoders.push_back(plugin_of(decoder));
  json out = {{"name", archive.name},         {"decoders", std::move(decoders)},     {"downloader", downloader},
              {"damage", archive.damage},     {"duplicates", archive.duplicates},    {"covers", archive.covers},
              {"lateness", archive.lateness}, {"export_delay", archive.export_delay}};
  out["max_content"] = archive.max_content;
  if (archive.export_time != ExportTime::header) out["export_time"] = archive.export_time;
  return out;
}

bool concerns(const task::Step& step, const task::File& file) {
  return step.routers.empty() || std::find(step.routers.begin(), step.routers.end(), file.router) != step.routers.end();
}

json file_of(const task::File& file, const task::FileReport& report, const std::vector<int>& absent) {
  json out = {{"id", file.id},         {"router", file.router},          {"sequence", file.sequence}, {"covers", file.covers},
              {"size", report.size},   {"digest", report.digest.hex()},  {"revision", file.revision}, {"state", report.state},
              {"flows", report.flows}, {"flows_lost", report.flows_lost}};
  if (report.flows_lost_in_damage > 0) out["flows_lost_in_damage"] = report.flows_lost_in_damage;
  if (report.flows_repeated > 0) out["flows_repeated"] = report.flows_repeated;
  if (!report.decoder.empty()) out["decoder"] = report.decoder;
  if (!report.lost_compressed.empty()) out["lost_compressed"] = report.lost_compressed;
  if (!report.lost_content.empty()) out["lost_content"] = report.lost_content;
  for (const int column : absent) out["columns_absent"].push_back(flow_column_name(column));
  return out;
}

// Returns how the counters were converted, in numbers of flows.
json sampling_of(const StepRun& run) {
  const auto& summary = run.scale_summary();
  json out = json::object();
  const auto add = [&](const char* name, std::uint64_t flows) {
    if (flows > 0) out[name] = flows;
  };
  if (run.scale() == Scale::sampling) {
    for (const auto source : {SamplingSource::record, SamplingSource::options, SamplingSource::manifest, SamplingSource::none})
      out["flows"][name_of(source)] = summary.flows[static_cast<std::size_t>(source)];
    add("unscaled", summary.unscaled);
    add("manifest_differs", summary.manifest_differs);
    add("saturated", summary.inexact);
  } else {
    add("not_divisible", summary.inexact);
  }
  add("scaled_by_collector", summary.was_scaled);
  return out;
}

// Returns the columns that the step reads and some files do not have, with the number of these files by decoder.
json columns_absent(const json& files) {
  std::map<std::pair<std::string, std::string>, std::uint64_t> count;
  for (const auto& file : files)
    for (const auto& column : file.value("columns_absent", json::array())) ++count[{column, file.value("decoder", "")}];
  json out = json::array();
  for (const auto& [absent, number] : count)
    out.push_back({{"column", absent.first}, {"decoder", absent.second}, {"files", number}});
  return out;
}

json elements_of(const StepRun& run) {
  json out = json::array();
  for (const auto& element : run.absent().elements())
    out.push_back({{"name", flow_column_name(element.column)}, {"flows", element.flows}, {"with_value", element.with_value}});
  return out;
}

}  // namespace

json lineage_of(const StepRun& run, const task::Spec& spec, const std::vector<task::FileReport>& files) {
  const task::Step& step = run.step();
  json out = {{"format", 1},
              {"pipeline", step.pipeline},
              {"module", step.module},
              {"plugin", plugin_of(step.plugin)},
              {"block", spec.block},
              {"interval", step.interval},
              {"window", step.window},
              {"by", step.by},
              {"filter", run.filter().canonical()},
              {"load", step.load}};
  if (!step.totals.empty()) out["totals"] = step.totals;
  if (step.warmup > 0) out["warmup"] = step.warmup;
  if (run.reads_flows() && spec.archive) {
    out["archive"] = archive_of(*spec.archive);
    out["scale"] = run.scale();
    if (auto sampling = sampling_of(run); run.converts_counters() && !sampling.empty()) out["sampling"] = std::move(sampling);
    if (run.scale() == Scale::sampling && !spec.archive->sampling.empty()) out["archive"]["sampling"] = spec.archive->sampling;
    if (std::find(step.by.begin(), step.by.end(), "direction") != step.by.end())
      out["archive"]["home"] = {{"source", spec.archive->home.source}, {"destination", spec.archive->home.destination}};
    std::map<std::string, const task::FileReport*> by_id;
    for (const auto& report : files) by_id[report.id] = &report;
    json read = json::array(), absent = json::array();
    for (const auto& file : spec.files) {
      if (!concerns(step, file)) continue;
      const auto found = by_id.find(file.id);
      if (file.present && found != by_id.end())
        read.push_back(file_of(file, *found->second, run.absent().of(file.id)));
      else
        absent.push_back({{"router", file.router}, {"sequence", file.sequence}, {"covers", file.covers}});
    }
    if (auto absent_columns = columns_absent(read); !absent_columns.empty()) out["columns_absent"] = std::move(absent_columns);
    if (auto elements = elements_of(run); !elements.empty()) out["elements"] = std::move(elements);
    out["files"] = std::move(read);
    out["missing"] = std::move(absent);
    json routes = json::array();
    for (const auto& table : step.routes) {
      routes.push_back({{"used", table.used}, {"name", table.name}, {"digest", table.blob.hex()}, {"format", table.format}});
      if (table.stale) routes.back()["stale"] = true;
      if (table.unusable_lines > 0) routes.back()["unusable_lines"] = table.unusable_lines;
    }
    if (!routes.empty()) out["routes"] = std::move(routes);
  }
  json upstream = json::array();
  for (const auto& input : step.inputs) {
    if (input.kind == InputKind::flows) continue;
    json one = {{"role", input.role}, {"module", input.module}, {"column", input.column}, {"rows", json::array()}};
    for (const auto& ref : input.rows) one["rows"].push_back({{"block", ref.block}, {"blob", ref.blob.hex()}});
    if (input.step) one["step"] = *input.step;
    upstream.push_back(std::move(one));
  }
  out["upstream"] = std::move(upstream);
  json states = json::array();
  for (const auto& ref : step.states) states.push_back({{"block", ref.block}, {"blob", ref.blob.hex()}});
  out["states"] = std::move(states);
  return out;
}

}  // namespace mole::runtime
