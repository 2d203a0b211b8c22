#include "coordinator/requests/lineage.hpp"

#include <algorithm>
#include <map>

namespace mole::coordinator::requests {
namespace {

using nlohmann::json;

std::string name_of(const std::string& module, Micros from) { return module + "@" + format_time(from); }

json file_record(const task::File& file) {
  json out = {{"router", file.router}, {"from", format_time(file.covers.from)}, {"to", format_time(file.covers.to)}};
  if (!file.present) {
    out["missing"] = true;
    return out;
  }
  out["id"] = file.id;
  out["size"] = file.size;
  out["revision"] = file.revision;
  return out;
}

json plugin_record(const task::PluginUse& plugin) {
  return {{"name", plugin.name}, {"version", plugin.version}, {"digest", plugin.library.hex()}, {"params", plugin.params}};
}

// What the one decode found out, beside what was expected.
void add_reading(json& record, const task::FileReport& report) {
  record["state"] = report.state;
  record["digest"] = report.digest.empty() ? std::string{} : report.digest.hex();
  record["flows"] = report.flows;
  record["flows_lost"] = report.flows_lost;
  if (!report.lost_compressed.empty()) record["lost_compressed"] = report.lost_compressed;
  if (!report.lost_content.empty()) record["lost_content"] = report.lost_content;
}

json read_files(const Completion& completion, const task::Step& step) {
  std::map<std::string, const task::FileReport*> reports;
  for (const auto& report : completion.report.files) reports[report.id] = &report;
  json files = json::array();
  for (const auto& file : completion.spec.files) {
    if (!step.routers.empty() && std::find(step.routers.begin(), step.routers.end(), file.router) == step.routers.end()) continue;
    auto record = file_record(file);
    if (const auto found = reports.find(file.id); file.present && found != reports.end()) add_reading(record, *found->second);
    files.push_back(std::move(record));
  }
  return files;
}

// One comparable line for each thing a key depends on: part -> what it was.
std::map<std::string, std::string> flatten_inputs(const json& record) {
  std::map<std::string, std::string> out;
  if (!record.is_object()) return out;
  for (const auto& file : record.value("files", json::array())) {
    const bool gap = file.value("missing", false);
    const auto slot = file.value("router", "") + " " + file.value("from", "");
    if (gap) out["slot " + slot] = "missing";
    else out["file " + file.value("id", "")] = std::to_string(file.value("size", 0ull)) + " bytes, revision " + std::to_string(file.value("revision", 0ull));
  }
  for (const auto* kind : {"inputs", "states"})
    for (const auto& entry : record.value(kind, json::array()))
      if (const auto key = entry.value("key", ""); !key.empty()) out[(kind[0] == 'i' ? "result of " : "state of ") + entry.value("job", "")] = key;
  return out;
}

void flatten(const json& value, const std::string& path, std::map<std::string, std::string>& out) {
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) flatten(child, path.empty() ? key : path + "." + key, out);
  } else if (value.is_array() && !value.empty() && value[0].is_object()) {
    for (const auto& child : value) flatten(child, path + "." + child.value("role", "?"), out);
  } else {
    out[path] = value.is_string() ? value.get<std::string>() : value.dump();
  }
}

json differences(const std::map<std::string, std::string>& was, const std::map<std::string, std::string>& is, std::size_t limit) {
  json out = json::array();
  const auto add = [&](const std::string& part, const std::string& before, const std::string& after) {
    if (out.size() < limit) out.push_back({{"part", part}, {"was", before}, {"is", after}});
  };
  for (const auto& [part, value] : is) {
    const auto before = was.find(part);
    if (before == was.end()) {
      if (!part.starts_with("slot ")) add(part, "not there", value);
    } else if (before->second != value) {
      add(part, before->second, value);
    }
  }
  for (const auto& [part, value] : was)
    if (!is.contains(part) && !part.starts_with("slot ")) add(part, value, "not there");
  return out;
}

}  // namespace

json lineage_of(const Completion& completion, const task::StepReport& report) {
  const auto& spec = completion.spec;
  const auto& step = spec.steps[report.step];
  json out = {{"module", step.pipeline + "/" + step.module}, {"task", spec.id}, {"kind", spec.kind}, {"node", completion.node},
              {"plugin", plugin_record(step.plugin)}, {"worker", report.lineage}, {"interval", format_duration(step.interval)},
              {"window", step.window > 0 ? json(format_duration(step.window)) : json(nullptr)}};
  bool flows = false;
  json inputs = json::array(), states = json::array();
  for (const auto& input : step.inputs) {
    flows = flows || input.kind == "flows";
    for (const auto& rows : input.rows)
      inputs.push_back({{"role", input.role}, {"module", input.module}, {"column", input.column},
                        {"job", name_of(input.module, rows.block.from)}, {"blob", rows.blob}});
    if (input.step)
      inputs.push_back({{"role", input.role}, {"module", input.module}, {"column", input.column},
                        {"job", name_of(input.module, spec.block.from)}});
  }
  for (const auto& state : step.states)
    states.push_back({{"job", name_of(step.module, state.block.from)}, {"blob", state.blob}});
  if (flows && (step.window == 0 || step.make_state)) {
    out["files"] = read_files(completion, step);
    out["archive"] = spec.archive ? json{{"name", spec.archive->name}, {"decoder", plugin_record(spec.archive->decoder)}, {"damage", spec.archive->damage}} : json(nullptr);
  }
  out["inputs"] = std::move(inputs);
  out["states"] = std::move(states);
  return out;
}

json inputs_now(const jobs::Plan& plan, std::size_t m, std::int64_t block) {
  const auto& module = plan.graph->modules[m];
  json files = json::array(), inputs = json::array(), states = json::array();
  for (const auto& input : module.inputs) {
    if (input.kind == "flows") {
      for (const auto& file : plan.indexes[input.source]->reach(plan.routers(m), plan.reach(m, block))) files.push_back(file_record(file));
      continue;
    }
    const auto& upstream = plan.graph->modules[input.source];
    for (auto b = plan.inputs_from(m, input, block); b <= block; ++b)
      inputs.push_back({{"role", input.role}, {"job", name_of(upstream.name, plan.grid(input.source).start(b))},
                        {"key", plan.modules[input.source].result_key(b)}});
  }
  if (module.window > 0 || module.since)
    for (auto b = module.since ? std::max(block - 1, plan.modules[m].begin) : plan.window_from(m, block); b < block; ++b)
      states.push_back({{"job", name_of(module.name, plan.grid(m).start(b))}, {"key", plan.modules[m].state_key(b)}});
  return {{"files", files}, {"inputs", inputs}, {"states", states}};
}

json changed_inputs(const json& was, const json& is, std::size_t limit) { return differences(flatten_inputs(was), flatten_inputs(is), limit); }

json changed_parts(const json& was, const json& is) {
  std::map<std::string, std::string> before, after;
  flatten(was, "", before);
  flatten(is, "", after);
  return differences(before, after, 100);
}

std::string sentence_of(const json& changes) {
  std::string out;
  std::size_t shown = 0;
  for (const auto& change : changes) {
    if (shown++ == 3) {
      out += " and " + std::to_string(changes.size() - 3) + " more";
      break;
    }
    const auto part = change.value("part", "");
    const bool key = part.starts_with("result of ") || part.starts_with("state of ");
    out += (out.empty() ? "" : ", ") + part + (key ? " changed" : " " + change.value("was", "") + " -> " + change.value("is", ""));
  }
  return out;
}

}  // namespace mole::coordinator::requests
