// mole plot: columns over time as SVG, gaps drawn as gaps.
#include "cli/plot/plot.hpp"
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/plot_sources.hpp"
#include "sdk/model/durable_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace mole::cli {
namespace {

struct PlotArgs {
  std::string module, out, title, panels = "column", overlay;
  std::vector<std::string> columns, where, bands, marks, shades;
  RangeArgs range;
  bool log = false, rate = false;
  int across = 0, width = 800, height = 0;
  std::optional<double> pale_below;
};

// "LOW,HIGH"
std::optional<std::pair<std::string, std::string>> band_of(const std::string& text) {
  const auto comma = text.find(',');
  if (comma == 0 || comma == std::string::npos || comma + 1 == text.size()) return std::nullopt;
  return std::pair(text.substr(0, comma), text.substr(comma + 1));
}

// "flows_low", "flows_high" -> "flows_low to high".
std::string band_name(const std::string& low, const std::string& high) {
  const auto differ = std::mismatch(low.begin(), low.end(), high.begin(), high.end()).first;
  const auto word = low.find_last_of("_.", static_cast<std::size_t>(differ - low.begin()));
  return low + " to " +
         (word == std::string::npos || word > high.size() || low.compare(0, word + 1, high, 0, word + 1) != 0
              ? high
              : high.substr(word + 1));
}

// "LABEL@TIME/LENGTH", or "LABEL@TIME/TIME".
Result<Shade> shade_of(const std::string& text) {
  const auto at = text.find('@'), slash = text.rfind('/');
  if (at == std::string::npos || slash == std::string::npos || slash < at)
    return invalid(fmt::format("'{}' is no shade; write LABEL@TIME/LENGTH, as scan@2007-09-23T10:00/2h", text));
  const auto from = parse_time(text.substr(at + 1, slash - at - 1));
  if (!from) return from.error();
  const auto last = text.substr(slash + 1);
  const auto length = parse_duration(last);
  const auto to = length ? Result<Micros>(*from + *length) : parse_time(last);
  if (!to) return to.error();
  return Shade{text.substr(0, at), {*from, *to}};
}

Result<std::vector<Series>> lines_of(const PlotSources& sources, const PlotArgs& args) {
  std::vector<Series> lines;
  for (const auto& text : args.columns) {
    auto more = sources.series(Reference::of(text));
    if (!more) return more.error();
    lines.insert(lines.end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
  }
  for (const auto& text : args.bands) {
    const auto [low, high] = *band_of(text);
    const auto lows = sources.series(Reference::of(low)), highs = sources.series(Reference::of(high));
    if (!lows) return lows.error();
    if (!highs) return highs.error();
    if (auto done = add_band(lines, *lows, *highs, band_name(low, high)); !done) return done.error();
  }
  for (std::size_t m = 0; m < args.marks.size(); ++m) {
    const auto flags = sources.series(Reference::of(args.marks[m]));
    if (!flags) return flags.error();
    add_marks(lines, *flags, static_cast<unsigned>(m));
  }
  return lines;
}

PlotOptions options_of(const PlotArgs& args, const std::string& title) {
  PlotOptions options;
  options.title = args.title.empty() ? title : args.title;
  if (!args.range.from.empty() && !args.range.to.empty()) options.range = range_of(args.range);
  options.width = args.width;
  options.panel_height = args.height;
  options.across = args.across;
  options.log = args.log;
  options.overlay = args.overlay.empty() ? Cycle::none : args.overlay == "day" ? Cycle::day : Cycle::week;
  options.marks = args.marks;
  for (const auto& shade : args.shades) options.shades.push_back(*shade_of(shade));
  for (const auto& [name, value] : {std::pair("column", PanelOf::column), std::pair("group", PanelOf::group),
                                    std::pair("each", PanelOf::each), std::pair("all", PanelOf::all)})
    if (args.panels == name) options.panel_of = value;
  return options;
}

Result<std::string> drawn(Context& context, Session& session, const PlotArgs& args, std::vector<GroupFilter> where) {
  PlotSources sources(session, range_of(args.range), std::move(where), args.pale_below, args.rate);
  if (auto done = sources.open(args.module); !done) return done.error();
  for (const auto& column : args.columns) sources.need(Reference::of(column));
  for (const auto& mark : args.marks) sources.need(Reference::of(mark));
  for (const auto& band : args.bands) {
    const auto [low, high] = *band_of(band);
    sources.need(Reference::of(low));
    sources.need(Reference::of(high));
  }
  const auto told = [](const Error& error) { return error.code == Code::invalid ? missing(error.message) : error; };
  if (auto done = sources.load(); !done) return told(done.error());
  const auto lines = lines_of(sources, args);
  if (!lines) return told(lines.error());
  if (args.rate && std::none_of(lines->begin(), lines->end(), [](const Series& line) { return is_rate(line.unit); }))
    return told(no_rate(sources.counted()));
  for (const auto& note : sources.notes()) context.err << "note: " << note << '\n';
  return plot_svg(*lines, options_of(args, sources.title()));
}

Result<Exit> plot(Context& context, const PlotArgs& args) {
  auto where = parse_where(args.where);
  if (!where) {
    print_error(context, where.error());
    return Exit::usage;
  }
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  const auto svg = drawn(context, **session, args, std::move(*where));
  if (!svg) return svg.error();
  if (args.out.empty()) {
    context.out << *svg;
  } else {
    if (auto written = durable_write(args.out, *svg); !written) return written.error();
    context.out << args.out << '\n';
  }
  return Exit::done;
}

CLI::Validator checked(std::string (*wrong)(const std::string&)) {
  return CLI::Validator([wrong](std::string& text) { return wrong(text); }, "");
}

}  // namespace

void add_plot(Shell& shell) {
  auto args = std::make_shared<PlotArgs>();
  auto* command = shell.add(shell.app, "plot", "Draw columns of a module over time; gaps are drawn as gaps", args, plot);
  command->add_option("module", args->module, "MODULE, or PIPELINE/MODULE")->required()->type_name("MODULE");
  command
      ->add_option("columns", args->columns,
                   "columns to draw; * matches anything; OTHER.COLUMN is of another module of the pipeline")
      ->required()
      ->type_name("COLUMN");
  add_range_options(*command, args->range, Range::optional, false);
  add_where_option(*command, args->where);
  command
      ->add_option("--panels", args->panels,
                   "a panel for each column (lines are groups), group (lines are columns), each line, or all in one")
      ->check(CLI::IsMember({"column", "group", "each", "all"}))
      ->capture_default_str();
  command->add_option("--across", args->across, "panels side by side; 0: as many as make a figure of fair shape")
      ->check(CLI::Range(0, 12));
  add_rate_option(*command, args->rate);
  command->add_flag("--log", args->log, "values by their logarithm");
  command->add_option("--overlay", args->overlay, "days or weeks (from Monday) over each other, a line each")
      ->check(CLI::IsMember({"day", "week"}));
  command
      ->add_option("--band", args->bands,
                   "shade from column LOW to HIGH, around the first column of their unit that has no band (repeatable)")
      ->type_name("LOW,HIGH")
      ->allow_extra_args(false)
      ->check(checked(
          [](const std::string& text) { return band_of(text) ? std::string() : "'" + text + "' is no band; write LOW,HIGH"; }));
  command
      ->add_option("--mark", args->marks,
                   "ring the points of a panel's first column where this one is true, or not zero; of neighbours a frame with "
                   "their number (repeatable)")
      ->type_name("COLUMN")
      ->allow_extra_args(false);
  command->add_option("--shade", args->shades, "shade a stretch of time and name it (repeatable)")
      ->type_name("LABEL@TIME/LENGTH")
      ->allow_extra_args(false)
      ->check(checked([](const std::string& text) {
        const auto shade = shade_of(text);
        return shade ? std::string() : shade.error().message;
      }));
  command
      ->add_option("--pale-below", args->pale_below,
                   "draw lighter where the coverage is lower; otherwise 1, and 0 for a module with a window")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("COVERAGE");
  command->add_option("--title", args->title, "otherwise the module and the groups of --where");
  command->add_option("--width", args->width, "of the figure, in pixels")->check(CLI::Range(300, 10'000))->capture_default_str();
  command->add_option("--height", args->height, "of a panel, in pixels; 0: by the number of panels")->check(CLI::Range(0, 5'000));
  command->add_option("-o,--output", args->out, "the SVG file; otherwise to stdout")->type_name("FILE.svg");
}

}  // namespace mole::cli
