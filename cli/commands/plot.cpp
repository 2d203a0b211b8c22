// mole plot: columns over time as SVG, gaps drawn as gaps.
#include "cli/plot/plot.hpp"
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/result_files.hpp"
#include "cli/export/export.hpp"
#include "sdk/descriptor/durable_file.hpp"

namespace mole::cli {
namespace {

struct PlotArgs {
  std::string module, out;
  std::vector<std::string> columns;
  RangeArgs range;
};

Result<std::string> drawn(Session& session, const PlotArgs& args) {
  const auto module = full_module_name(session.api(), args.module);
  if (!module) return module.error();
  BlobFiles blobs(session);
  const auto range = range_of(args.range);
  const auto found = results_of(session, blobs, *module, range);
  if (!found) return found.error();
  const auto loaded = load_results({found->files, range, {}});
  if (!loaded) return loaded.error();
  const auto series = series_of(loaded->rows, loaded->by, args.columns);
  if (!series) return missing(series.error().message);
  PlotOptions options;
  options.title = *module;
  if (!args.range.from.empty() && !args.range.to.empty()) options.range = range;
  return plot_svg(*series, options);
}

Result<Exit> plot(Context& context, const PlotArgs& args) {
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  const auto svg = drawn(**session, args);
  if (!svg) return svg.error();
  if (args.out.empty()) {
    context.out << *svg;
  } else {
    if (auto written = durable_write(args.out, *svg); !written) return written.error();
    context.out << args.out << '\n';
  }
  return Exit::done;
}

}  // namespace

void add_plot(Shell& shell) {
  auto args = std::make_shared<PlotArgs>();
  auto* command =
      shell.add(shell.app, "plot", "Draw columns of a module over time; gaps are drawn as gaps", args, plot);
  command->add_option("module", args->module, "MODULE, or PIPELINE/MODULE")->required()->type_name("MODULE");
  command->add_option("columns", args->columns, "columns to draw, a panel each")->required()->type_name("COLUMN");
  add_range_options(*command, args->range, Range::optional, false);
  command->add_option("-o,--output", args->out, "the SVG file; otherwise to stdout")->type_name("FILE.svg");
}

}  // namespace mole::cli
