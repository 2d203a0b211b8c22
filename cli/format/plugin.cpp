#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

std::string section(const std::string& heading, const Table& table, const Style& style) {
  return table.rows() ? "\n" + style.paint(Paint::cyan, heading) + "\n" + table.text(style, "  ") : std::string();
}

std::string inputs_section(const Descriptor& d, const Style& style) {
  Table table({"role", "kind", "reads", "unit", ""});
  for (const auto& i : d.inputs)
    table.row({printable(i.role), name_of(i.kind), i.kind == InputKind::flows ? printable_list(i.reads) : printable(i.type),
               printable(i.unit), printable(i.doc)});
  return section("Inputs", table, style);
}

std::string params_section(const Descriptor& d, const Style& style) {
  Table table({"name", "type", "default", "range", "unit", ""});
  for (const auto& p : d.params)
    table.row({printable(p.name), p.type, text_of(p.default_value),
               p.range ? fmt::format("{} .. {}", p.range->first, p.range->second) : "", printable(p.unit), printable(p.doc)});
  return section("Parameters", table, style);
}

std::string outputs_section(const Descriptor& d, const Style& style) {
  Table table({"name", "type", "unit", ""});
  for (const auto& o : d.outputs)
    table.row({printable(o.name), o.type + (o.nullable ? " or null" : ""), printable(o.unit), printable(o.doc)});
  return section("Columns", table, style);
}

}  // namespace

std::string plugins_text(const std::vector<const CataloguedPlugin*>& plugins, const Style& style) {
  if (plugins.empty()) return "no plugins found; set the plugin folder with --plugins or MOLE_PLUGIN_PATH\n";
  Table table({"kind", "name", "version", "execution", ""});
  for (const auto* p : plugins) {
    const auto& d = p->descriptor;
    table.row({name_of(d.kind), style.paint(Paint::bold, printable(d.name)), printable(d.version),
               d.kind == PluginKind::metric ? name_of(d.execution) : "", printable(d.summary)});
  }
  return table.text(style);
}

std::string plugin_page(const CataloguedPlugin& plugin, const Style& style) {
  const auto& d = plugin.descriptor;
  std::string out = fmt::format("{} {}  {}\n  {}\n", style.paint(Paint::bold, printable(d.name)), printable(d.version),
                                name_of(d.kind), printable(d.summary));
  if (d.kind == PluginKind::metric) {
    out += fmt::format("\n{}\n  {}, {}\n", style.paint(Paint::cyan, "Execution"), name_of(d.execution),
                       d.deterministic ? "the result does not depend on the merge order" : "merged in file order");
    if (!d.state_shape.empty()) out += fmt::format("  state revision {}, shape {}\n", d.state_revision, d.state_shape);
  }
  out += inputs_section(d, style) + params_section(d, style) + outputs_section(d, style);
  if (!d.writes.empty()) out += "\n" + style.paint(Paint::cyan, "Writes") + "\n  " + printable_list(d.writes) + "\n";
  const auto& s = plugin.sidecar;
  return out + fmt::format("\n{}\n  {}\n  digest {}, ABI {}.{}, {}\n", style.paint(Paint::cyan, "Binary"),
                           plugin.library.string(), s.digest.hex(), s.abi_major, s.abi_minor, printable(s.compiler));
}

nlohmann::json plugin_json(const CataloguedPlugin& plugin) {
  auto document = plugin.descriptor.document;
  document["library"] = plugin.library.string();
  document["digest"] = plugin.sidecar.digest.hex();
  document["abi"] = {{"major", plugin.sidecar.abi_major}, {"minor", plugin.sidecar.abi_minor}};
  document["compiler"] = plugin.sidecar.compiler;
  return document;
}

}  // namespace mole::cli
