// mole plot: draws columns over time as SVG.
#include "cli/plot/plot.hpp"
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/plot_sources.hpp"
#include "sdk/model/durable_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace mole::cli {
namespace {

std::map<std::string, PanelOf> panel_kinds() {
  return {{"column", PanelOf::column}, {"group", PanelOf::group}, {"each", PanelOf::each}, {"all", PanelOf::all}};
}
std::map<std::string, Cycle> cycles() { return {{"day", Cycle::day}, {"week", Cycle::week}}; }

struct Band {
  std::string low, high;
};

struct PlotArgs {
  std::string module, out, title, panels = "column", overlay;
  std::vector<std::string> columns, where, marks;
  std::vector<Band> bands;
  std::vector<Shade> shades;
  RangeArgs range;
  bool log = false, rate = false;
  int across = 0, width = 800, height = 0;
  std::optional<double> pale_below;
};

// Parses "LOW,HIGH".
Result<Band> parse_band(std::string_view text) {
  const auto comma = text.find(',');
  if (comma == 0 || comma == std::string_view::npos || comma + 1 == text.size())
    return invalid(fmt::format("'{}' is not a band; write LOW,HIGH", text));
  return Band{std::string(text.substr(0, comma)), std::string(text.substr(comma + 1))};
}

// Returns "flows_low to high" for "flows_low" and "flows_high".
std::string band_name(const std::string& low, const std::string& high) {
  const auto difference = std::mismatch(low.begin(), low.end(), high.begin(), high.end()).first;
  const auto word = low.find_last_of("_.", static_cast<std::size_t>(difference - low.begin()));
  return low + " to " +
         (word == std::string::npos || word > high.size() || low.compare(0, word + 1, high, 0, word + 1) != 0
              ? high
              : high.substr(word + 1));
}

// Parses "LABEL@TIME/LENGTH" or "LABEL@TIME/TIME".
Result<Shade> parse_shade(std::string_view text) {
  const auto at = text.find('@'), slash = text.rfind('/');
  if (at == std::string_view::npos || slash == std::string_view::npos || slash < at)
    return invalid(fmt::format("'{}' is not a shade; write LABEL@TIME/LENGTH, such as scan@2007-09-23T10:00/2h", text));
  const auto from = parse_time(text.substr(at + 1, slash - at - 1));
  if (!from) return from.error();
  const auto last = text.substr(slash + 1);
  const auto length = parse_duration(last);
  const auto to = length ? Result<Micros>(*from + *length) : parse_time(last);
  if (!to) return to.error();
  return Shade{std::string(text.substr(0, at)), {*from, *to}};
}

Result<std::vector<Series>> lines_of(const PlotSources& sources, const PlotArgs& args) {
  std::vector<Series> lines;
  for (const auto& text : args.columns) {
    auto more = sources.series(text);
    if (!more) return more.error();
    lines.insert(lines.end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
  }
  for (const auto& [low, high] : args.bands) {
    const auto lows = sources.series(low), highs = sources.series(high);
    if (!lows) return lows.error();
    if (!highs) return highs.error();
    if (auto done = add_band(lines, *lows, *highs, band_name(low, high)); !done) return done.error();
  }
  for (std::size_t m = 0; m < args.marks.size(); ++m) {
    const auto flags = sources.series(args.marks[m]);
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
  if (!args.overlay.empty()) options.overlay = cycles().at(args.overlay);
  options.marks = args.marks;
  options.shades = args.shades;
  options.panel_of = panel_kinds().at(args.panels);
  return options;
}

Result<std::string> draw(Context& context, Session& session, const PlotArgs& args) {
  PlotSources sources(session, range_of(args.range), *parse_where(args.where), args.pale_below, args.rate);
  if (auto done = sources.open(args.module); !done) return done.error();
  for (const auto& column : args.columns) sources.need(column);
  for (const auto& mark : args.marks) sources.need(mark);
  for (const auto& [low, high] : args.bands) sources.need(low), sources.need(high);
  // A column or group that does not exist has exit code "not found".
  const auto not_found = [](const Error& error) { return error.code == Code::invalid ? missing(error.message) : error; };
  if (auto done = sources.load(); !done) return not_found(done.error());
  const auto lines = lines_of(sources, args);
  if (!lines) return not_found(lines.error());
  if (args.rate && std::none_of(lines->begin(), lines->end(), [](const Series& line) { return is_rate(line.unit); }))
    return not_found(no_rate(sources.counted()));
  for (const auto& note : sources.notes()) context.err << "note: " << note << '\n';
  return plot_svg(*lines, options_of(args, sources.title()));
}

Result<Exit> plot(Context& context, const PlotArgs& args) {
  auto session = context.connect(context.options, Need::read);
  if (!session) return session.error();
  const auto svg = draw(context, **session, args);
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
  const auto [command, args] =
      shell.add(shell.app, "plot", "Draw columns of a module over time, with gaps where data is missing", plot);
  command->add_option("module", args->module, "MODULE, or PIPELINE/MODULE")->required()->type_name("MODULE");
  command
      ->add_option("columns", args->columns,
                   "columns to draw; * matches anything; OTHER.COLUMN is a column of another module of the pipeline")
      ->required()
      ->type_name("COLUMN");
  add_range_options(*command, args->range, Range::optional, false);
  add_where_option(*command, args->where);
  command
      ->add_option("--panels", args->panels,
                   "one panel per column (lines are groups), per group (lines are columns), for each line, or all in one panel")
      ->check(CLI::IsMember(panel_kinds()))
      ->capture_default_str();
  command->add_option("--across", args->across, "panels side by side; 0: chosen by the number of panels")
      ->check(CLI::Range(0, 12));
  add_rate_option(*command, args->rate);
  command->add_flag("--log", args->log, "logarithmic value axis");
  command->add_option("--overlay", args->overlay, "draw days or weeks (from Monday) over each other, one line each")
      ->check(CLI::IsMember(cycles()));
  add_repeatable(
      *command, "--band", args->bands, "LOW,HIGH", parse_band,
      "shade the area between columns LOW and HIGH, around the first column of their unit without a band (repeatable)");
  command
      ->add_option("--mark", args->marks,
                   "ring the points of a panel's first column where this column is true or not zero; neighbouring points share a "
                   "frame with their number (repeatable)")
      ->type_name("COLUMN")
      ->allow_extra_args(false);
  add_repeatable(*command, "--shade", args->shades, "LABEL@TIME/LENGTH", parse_shade,
                 "shade a time range and label it (repeatable)");
  command
      ->add_option("--pale-below", args->pale_below,
                   "draw points with lower coverage lighter; default: 1, or 0 for a module with a window")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("COVERAGE");
  command->add_option("--title", args->title, "default: the module and the groups of --where");
  command->add_option("--width", args->width, "of the figure, in pixels")->check(CLI::Range(300, 10'000))->capture_default_str();
  command->add_option("--height", args->height, "of a panel, in pixels; 0: chosen by the number of panels")
      ->check(CLI::Range(0, 5'000));
  command->add_option("-o,--output", args->out, "the SVG file; default: stdout")->type_name("FILE.svg");
}

}  // namespace mole::cli
