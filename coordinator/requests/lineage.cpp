#include "coordinator/requests/lineage.hpp"

#include "coordinator/dag/routing_tables.hpp"

namespace mole::coordinator::requests {
namespace {

using nlohmann::json;

std::string name_of(const std::string& module, Micros from) { return module + "@" + format_time(from); }

std::string slot_value(const task::File& file) {
  return std::to_string(file.size) + " bytes, revision " + std::to_string(file.revision);
}

// Removes the range [from, to] called `name` from the object and returns it; null if there is none.
json take_range(json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array() || found->size() != 2) return nullptr;
  json range = std::move(*found);
  object.erase(name);
  return range;
}

// Replaces a range with two strings.
void write_times(json& object, const char* name) {
  const auto range = take_range(object, name);
  if (range.is_null()) return;
  object["from"] = format_time(range[0].get<Micros>());
  object["to"] = format_time(range[1].get<Micros>());
}

json job_of(const std::string& module, json ref) {
  if (const auto block = take_range(ref, "block"); !block.is_null()) ref["job"] = name_of(module, block[0].get<Micros>());
  return ref;
}

void rename_library(json& plugin) {
  if (!plugin.contains("library")) return;
  plugin["digest"] = plugin["library"];
  plugin.erase("library");
}

std::map<std::string, std::string> strings_of(const json& parts) {
  std::map<std::string, std::string> out;
  if (parts.is_object())
    for (const auto& [part, value] : parts.items())
      if (value.is_string()) out[part] = value.get<std::string>();
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

std::vector<KeyChange> differences(const std::map<std::string, std::string>& was, const std::map<std::string, std::string>& is,
                                   std::size_t limit) {
  std::vector<KeyChange> out;
  const auto add = [&](const std::string& part, const std::string& before, const std::string& after) {
    if (out.size() < limit) out.push_back({part, before, after});
  };
  for (const auto& [part, value] : is) {
    const auto before = was.find(part);
    if (before != was.end() && before->second != value) add(part, before->second, value);
    if (before == was.end() && !part.starts_with("slot ")) add(part, "absent", value);
  }
  for (const auto& [part, value] : was)
    if (!is.contains(part) && !part.starts_with("slot ")) add(part, value, "absent");
  return out;
}

json expanded(const json& record) {
  json out = record;
  const auto found = record.find("worker");
  if (found == record.end() || !found->is_object()) return out;
  const auto& worker = *found;
  const auto module = worker.value("module", "");
  out["module"] = worker.value("pipeline", "") + "/" + module;
  if (worker.contains("plugin")) rename_library(out["plugin"] = worker["plugin"]);
  out["interval"] = format_duration(worker.value("interval", Micros{0}));
  const auto window = worker.value("window", Micros{0});
  out["window"] = window > 0 ? json(format_duration(window)) : json(nullptr);
  if (worker.contains("archive")) {
    out["archive"] = worker["archive"];
    if (out["archive"].contains("decoders"))
      for (auto& decoder : out["archive"]["decoders"]) rename_library(decoder);
    if (out["archive"].contains("decoder")) rename_library(out["archive"]["decoder"]);  // stored by an earlier version
  }
  if (worker.contains("routes")) {
    out["routes"] = worker["routes"];
    for (auto& table : out["routes"]) write_times(table, "used");
  }
  json files = worker.value("files", json::array()), inputs = json::array(), states = json::array();
  for (auto gap : worker.value("missing", json::array())) {
    gap["missing"] = true;
    files.push_back(std::move(gap));
  }
  for (auto& file : files) write_times(file, "covers");
  for (const auto& input : worker.value("upstream", json::array()))
    for (const auto& rows : input.value("rows", json::array())) {
      auto one = job_of(input.value("module", ""), rows);
      one["role"] = input.value("role", "");
      one["column"] = input.value("column", "");
      inputs.push_back(std::move(one));
    }
  for (const auto& state : worker.value("states", json::array())) states.push_back(job_of(module, state));
  out["files"] = std::move(files);
  out["inputs"] = std::move(inputs);
  out["states"] = std::move(states);
  return out;
}

// Returns how the step's task read the flows of its files; null if the step reads none.
json flows_from(const Completion& completion, const task::StepReport& report) {
  if (!report.lineage.is_object() || !report.lineage.contains("archive")) return nullptr;
  std::map<std::string, std::uint64_t> files;
  for (const auto& file : completion.report.files)
    if (file.source != task::FlowSource::none) ++files[mole::name_of(file.source)];
  return files;
}

}  // namespace

json lineage_of(const Completion& completion, const task::StepReport& report) {
  json out = {
      {"task", completion.spec.id}, {"kind", completion.spec.kind}, {"node", completion.node}, {"worker", report.lineage}};
  if (auto from = flows_from(completion, report); !from.is_null()) out["flows_from"] = std::move(from);
  if (!completion.report.sandbox.empty()) out["sandbox"] = completion.report.sandbox;
  return out;
}

json expand(const json& record) {
  try {
    return expanded(record);
  } catch (const json::exception& e) {  // from a node of a different version
    json out = record;
    out["unreadable"] = e.what();
    return out;
  }
}

json inputs_now(const jobs::Plan& plan, std::size_t m, std::int64_t block) {
  const auto& module = plan.graph->modules[m];
  const auto& planned = plan.modules[m];
  json out = json::object();
  for (const auto& input : module.inputs) {
    if (input.kind == InputKind::flows) {
      const auto& index = *plan.indexes[input.source];
      for (const auto& router : plan.routers(m))
        index.slots(router, plan.reach(m, block), [&](std::uint32_t file, TimeRange covers) {
          if (file == jobs::ArchiveIndex::no_file)
            out["slot " + router + " " + format_time(covers.from)] = "missing";
          else
            out["file " + index.files()[file].file.id] = slot_value(index.files()[file].file);
        });
      continue;
    }
    const auto& upstream = plan.graph->modules[input.source];
    for (auto b = plan.inputs_from(m, input, block); b <= block; ++b)
      out["result of " + name_of(upstream.name, plan.grid(input.source).start(b))] =
          plan.modules[input.source].result_key(b).hex();
  }
  if (module.routes) {
    const auto range = plan.grid(m).block(block);
    for (const auto& piece : dag::routes_over(plan.graph->resources[*module.routes], {range.from - module.warmup, range.to}))
      out["routes from " + format_time(piece.used.from)] =
          piece.blob.empty() ? std::string("none") : piece.name + " (" + piece.blob.hex().substr(0, 12) + ")";
  }
  if (module.since && block > planned.begin && planned.covers(block - 1))
    out["state of " + name_of(module.name, plan.grid(m).start(block - 1))] = planned.state_key(block - 1).hex();
  if (module.window > 0) out["states its window reaches"] = planned.result_key(block).hex();
  return out;
}

std::vector<KeyChange> changed_inputs(const json& was, const json& is, std::size_t limit) {
  return differences(strings_of(was), strings_of(is), limit);
}

std::vector<KeyChange> changed_parts(const json& was, const json& is) {
  std::map<std::string, std::string> before, after;
  flatten(was, "", before);
  flatten(is, "", after);
  return differences(before, after, 100);
}

std::string sentence_of(const std::vector<KeyChange>& changes) {
  std::string out;
  std::size_t shown = 0;
  for (const auto& change : changes) {
    if (shown++ == 3) {
      out += " and " + std::to_string(changes.size() - 3) + " more";
      break;
    }
    const bool key = change.part.starts_with("result of ") || change.part.starts_with("state");
    out += (out.empty() ? "" : ", ") + change.part + (key ? " changed" : " " + change.was + " -> " + change.is);
  }
  return out;
}

}  // namespace mole::coordinator::requests
