#include "coordinator/requests/lineage_shape.hpp"

namespace mole::coordinator::requests {
namespace {

using nlohmann::json;

// An example of every field. [0, 0] is a range of two numbers; any other list holds any number of elements like its first one.
constexpr const char* example_text = R"({
  "format": 1, "pipeline": "", "module": "",
  "plugin": {"name": "", "version": "", "library": "", "params": {}},
  "block": [0, 0], "interval": 0, "window": 0, "warmup": 0, "by": [""], "totals": [""], "filter": "", "load": "",
  "archive": {"name": "", "damage": "", "duplicates": "", "covers": 0, "lateness": 0, "max_content": 0, "export_time": "",
              "export_delay": {"start": [{"delay": 0, "share": 0.5}], "end": [{"delay": 0, "share": 0.5}]},
              "decoders": [{"name": "", "version": "", "library": "", "params": {}}],
              "downloader": {"name": "", "version": ""}, "home": {"source": "", "destination": ""},
              "sampling": {"rate": 0, "routers": [{"router": "", "rate": 0}]}},
  "scale": "",
  "sampling": {"flows": {"record": 0, "options": 0, "manifest": 0, "none": 0}, "unscaled": 0, "manifest_differs": 0,
               "saturated": 0, "not_divisible": 0, "scaled_by_collector": 0},
  "files": [{"id": "", "router": "", "sequence": 0, "covers": [0, 0], "size": 0, "digest": "", "revision": 0, "state": "",
             "decoder": "", "flows": 0, "flows_lost": 0, "flows_lost_in_damage": 0, "flows_repeated": 0,
             "lost_compressed": [{"from": 0, "to": 0, "reason": ""}], "lost_content": [{"from": 0, "to": 0, "reason": ""}],
             "columns_absent": [""]}],
  "columns_absent": [{"column": "", "decoder": "", "files": 0}],
  "elements": [{"name": "", "flows": 0, "with_value": 0}],
  "missing": [{"router": "", "sequence": 0, "covers": [0, 0]}],
  "routes": [{"used": [0, 0], "name": "", "digest": "", "format": "", "stale": true, "unusable_lines": 0}],
  "upstream": [{"role": "", "module": "", "column": "", "step": 0, "rows": [{"block": [0, 0], "blob": ""}]}],
  "states": [{"block": [0, 0], "blob": ""}]
})";

std::string kind_of(const json& value) {
  return value.is_number_integer() ? "a whole number" : value.is_array() ? "a list" : std::string("of type ") + value.type_name();
}

// Returns where `value` differs from the example, and how; empty if it does not.
std::string difference(const json& example, const json& value, const std::string& path) {
  const bool same = example.is_number_integer() ? value.is_number_integer() : value.type() == example.type();
  if (!same) return path + " must be " + kind_of(example) + " but is " + kind_of(value);
  if (example.is_array()) {
    const bool range = example[0].is_number();
    if (range && value.size() != example.size()) return path + " must be a range [from, to]";
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto found = difference(example[0], value[i], path + "[" + std::to_string(i) + "]"); !found.empty()) return found;
  } else if (example.is_object()) {
    for (const auto& [name, child] : example.items())
      if (const auto field = value.find(name); field != value.end())
        if (auto found = difference(child, *field, path.empty() ? name : path + "." + name); !found.empty()) return found;
  }
  return {};
}

}  // namespace

Result<> check_lineage(const json& lineage) {
  static const json example = json::parse(example_text);
  if (lineage.is_null()) return {};
  if (!lineage.is_object()) return invalid("the lineage is " + kind_of(lineage) + ", not an object; update the node");
  if (auto found = difference(example, lineage, ""); !found.empty())
    return invalid("the lineage does not have the expected form: " + found + "; update the node");
  return {};
}

}  // namespace mole::coordinator::requests
