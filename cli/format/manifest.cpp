#include "cli/format/manifest.hpp"

#include "cli/format/human.hpp"
#include "cli/format/table.hpp"

namespace mole::cli {
namespace {

std::string outputs_of(const coordinator::PipelineModule& module) {
  std::vector<std::string> columns;
  for (const auto& column : module.outputs)
    columns.push_back(column.name + (column.unit.empty() ? "" : " [" + column.unit + "]"));
  return printable_list(columns);
}

}  // namespace

std::string manifest_text(const coordinator::PipelineDescription& pipeline, const Style& style) {
  Table table({{"module"}, {"plugin"}, {"execution"}, {"interval"}, {"window"}, {"by"}, {"columns"}});
  for (const auto& m : pipeline.modules)
    table.row({printable(m.module), printable(m.plugin), printable(m.execution), format_duration(m.interval),
               m.window ? format_duration(*m.window) : "", printable_list(m.by), outputs_of(m)});
  return style.paint(Paint::bold, printable(pipeline.pipeline)) + " is valid\n\n" + table.text(style);
}

}  // namespace mole::cli
