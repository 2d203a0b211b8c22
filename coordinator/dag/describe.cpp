#include "coordinator/dag/describe.hpp"

namespace mole::coordinator::dag {
namespace {

std::string source_name(const Graph& graph, const Input& input) {
  return input.kind == InputKind::flows ? graph.archives[input.source].name : graph.modules[input.source].name;
}

std::string decoders_text(const Archive& archive) {
  std::string out;
  for (const auto& decoder : archive.decoders) out += (out.empty() ? "" : ", ") + decoder.name;
  return out;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

PipelineDescription describe(const Graph& graph) {
  PipelineDescription out;
  out.pipeline = graph.pipeline;
  for (const auto& m : graph.modules) {
    auto& module = out.modules.emplace_back(PipelineModule{.module = m.name,
                                                           .plugin = m.plugin.name,
                                                           .version = m.plugin.version,
                                                           .interval = m.interval,
                                                           .window = m.window > 0 ? std::optional(m.window) : std::nullopt,
                                                           .by = m.by,
                                                           .totals = m.totals,
                                                           .inputs = {},
                                                           .outputs = {},
                                                           .execution = name_of(m.execution),
                                                           .fingerprint = m.fingerprint});
    for (const auto& c : m.outputs)
      module.outputs.push_back({.name = c.name, .type = c.type, .unit = c.unit, .doc = c.doc, .counted_over = {}});
    for (const auto& i : m.inputs) {
      const auto from = source_name(graph, i);
      module.inputs.push_back({.role = i.role, .kind = name_of(i.kind), .from = from, .column = i.column, .unit = i.unit});
      out.edges.push_back({.from = from, .to = m.name, .role = i.role, .column = i.column, .kind = name_of(i.kind)});
    }
  }
  for (const auto& a : graph.archives)
    out.archives.push_back({a.name, a.downloader.name, decoders_text(a), a.files, a.covers, a.block_length});
  return out;
}

std::string to_dot(const PipelineDescription& pipeline) {
  std::string out = "digraph " + quote(pipeline.pipeline) + " {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const auto& a : pipeline.archives)
    out += "  " + quote("archive:" + a.archive) + " [shape=cylinder, label=" + quote(a.archive) + "];\n";
  for (const auto& m : pipeline.modules)
    out += "  " + quote(m.module) + " [label=" + quote(m.module + "\n" + m.plugin + " " + m.version) + "];\n";
  for (const auto& e : pipeline.edges) {
    const bool flows = e.kind == name_of(InputKind::flows);
    out += "  " + quote((flows ? "archive:" : "") + e.from) + " -> " + quote(e.to) +
           " [label=" + quote(flows ? e.role : e.column) + (e.kind == name_of(InputKind::context) ? ", style=dashed" : "") +
           "];\n";
  }
  return out + "}\n";
}

}  // namespace mole::coordinator::dag
