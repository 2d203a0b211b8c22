#include "cli/format/manifest.hpp"

#include "cli/format/document.hpp"
#include "cli/format/table.hpp"

namespace mole::cli {
namespace {

using nlohmann::json;

std::string joined(const json& texts) {
  std::string out;
  for (const auto& t : texts) out += (out.empty() ? "" : ", ") + text_of(t);
  return out;
}

std::string outputs_of(const json& module) {
  std::string out;
  for (const auto& column : field(module, "outputs")) {
    const auto unit = text_of(column, "unit");
    out += (out.empty() ? "" : ", ") + text_of(column, "name") + (unit.empty() ? "" : " [" + unit + "]");
  }
  return out;
}

}  // namespace

std::string manifest_text(const json& validated, const Style& style) {
  Table table({{"module"}, {"plugin"}, {"execution"}, {"interval"}, {"window"}, {"by"}, {"columns"}});
  for (const auto& m : field(validated, "modules"))
    table.row({text_of(m, "module"), text_of(m, "plugin"), text_of(m, "execution"), text_of(m, "interval"), text_of(m, "window"),
               joined(field(m, "by")), outputs_of(m)});
  return style.paint(Paint::bold, text_of(validated, "pipeline")) + " is sound\n\n" + table.text(style);
}

}  // namespace mole::cli
