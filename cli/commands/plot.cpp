// mole plot: draws columns over time as SVG, PNG or PDF.
#include "cli/plot/plot.hpp"
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/figure_file.hpp"
#include "cli/commands/result_files.hpp"
#include "cli/export/export.hpp"
#include "cli/plot/load_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace mole::cli {
namespace {

const GroupFilter* filter_of(const std::vector<GroupFilter>& where, const std::string& column) {
  const auto found = std::find_if(where.begin(), where.end(), [&](const auto& f) { return f.column == column; });
  return found == where.end() ? nullptr : &*found;
}

// Returns the columns whose values name a line: groups and filtered columns, unless the filter has a single value.
std::vector<std::string> shown_groups(const std::vector<std::string>& by, const std::vector<GroupFilter>& where) {
  std::vector<std::string> shown;
  for (const auto& name : by)
    if (const auto* filter = filter_of(where, name); !filter || filter->values.size() != 1) shown.push_back(name);
  for (const auto& filter : where)
    if (filter.values.size() > 1 && std::find(by.begin(), by.end(), filter.column) == by.end()) shown.push_back(filter.column);
  return shown;
}

// Splits "MODULE.COLUMN" into module and column; the module is empty for a column of the command's module.
std::pair<std::string, std::string> split(const std::string& text) {
  const auto dot = text.rfind('.');
  if (dot == std::string::npos) return {"", text};
  return {text.substr(0, dot), text.substr(dot + 1)};
}

// The rows of a figure.
struct PlotSelection {
  std::string module;  // "pipeline/module"
  TimeRange range;
  std::vector<GroupFilter> where;
  double pale_below = 1;  // points with less coverage are drawn lighter
  std::string what_if;    // of --what-if
  bool rates = false;     // convert counts of bytes, packets and flows to rates
};

// Loads the rows of one or more modules, each once, and builds the lines of a figure from them. A column is given as "bytes", or
// as "mean.bytes_mean" for a column of another module of the pipeline; a glob selects several columns.
class PlotSources {
 public:
  PlotSources(Session& session, PlotSelection selection) : session_(session), blobs_(session), selection_(std::move(selection)) {}

  void require(const std::string& column) {
    const auto [module, glob] = split(column);
    globs_[module].push_back(glob);
  }

  // Reads the required columns. For dimensions with totals that `where` does not mention, reads only the rows of `all`.
  Result<> load() {
    for (const auto& [module, globs] : globs_) {
      auto columns = globs;
      columns.insert(columns.end(), {"interval_end", "coverage"});
      for (const auto& filter : selection_.where)
        if (filter.values.size() > 1) columns.push_back(filter.column);  // part of the line names
      MOLE_TRY(auto found, results_of(session_, blobs_, full_name(module), selection_.range, selection_.what_if));
      auto where = selection_.where;
      for (const auto& total : found.document.totals)
        if (!filter_of(where, total)) where.push_back({total, {"all"}});
      auto counted = selection_.rates ? counted_over(found.document) : CountDurations{};
      MOLE_TRY(auto rows, load_results({found.files, selection_.range, columns, 0, 0, where, counted}));
      loaded_.emplace(module,
                      LoadedModule{std::move(rows), std::move(where), std::move(found.files), std::move(counted),
                                   what_if(found.document), note_on(found.document), found.document.scale == Scale::sampling});
    }
    return {};
  }

  // Returns the lines of the columns. invalid: an interval and group has several rows; the message suggests a filter.
  Result<std::vector<Series>> series(const std::string& columns) const {
    const auto [module, glob] = split(columns);
    const auto& loaded = loaded_.at(module);
    const auto& rows = loaded.results.rows;
    const auto shown = shown_groups(loaded.results.by, loaded.where);
    std::vector<std::string> names;
    for (const auto& column : rows.columns)
      if (is_numeric(column) || column.name == glob) names.push_back(column.name);
    MOLE_TRY(const auto matched, matching({glob}, names));
    if (!one_row_per_group(rows, shown)) return several_rows(full_name(module), loaded, shown);
    auto lines = series_of(rows, shown, matched);
    if (!lines) return lines;
    for (auto& line : *lines) {
      line.pale_below = selection_.pale_below;
      line.scaled = loaded.scaled && depends_on_scale(line.unit);
      if (!module.empty()) line.column = module + "." + line.column;
    }
    return lines;
  }

  // Returns the loaded columns that count bytes, packets or flows.
  CountDurations counted() const {
    CountDurations all;
    for (const auto& [module, loaded] : loaded_) all.insert(loaded.counted.begin(), loaded.counted.end());
    return all;
  }

  // Returns "border-traffic/traffic, direction in": the module, groups with a single value, and overrides.
  std::string title() const {
    auto text = selection_.module;
    const auto loaded = loaded_.find("");
    for (const auto& filter : loaded == loaded_.end() ? selection_.where : loaded->second.where)
      if (filter.compare != GroupFilter::Compare::equal)
        text += ", " + filter.comparison();
      else if (filter.values.size() == 1)
        text += fmt::format(", {} {}", filter.column, filter.values.front());
    constexpr std::size_t max_length = 60;  // of the overrides; the note contains all of them
    if (loaded != loaded_.end() && !loaded->second.what_if.empty())
      text += ", with " + (loaded->second.what_if.size() > max_length ? "--set" : loaded->second.what_if);
    return text;
  }

  // Returns notes for the user, on results of a what-if run and on dimensions of which only the total is drawn.
  std::vector<std::string> notes() const {
    std::vector<std::string> notes;
    for (const auto& [module, loaded] : loaded_)
      if (!loaded.note.empty()) notes.push_back(loaded.note);
    if (auto totals = totals_note(); !totals.empty()) notes.push_back(std::move(totals));
    return notes;
  }

 private:
  struct LoadedModule {
    LoadedResults results;
    std::vector<GroupFilter> where;  // including totals
    std::vector<std::filesystem::path> files;
    CountDurations counted;
    std::string what_if, note;
    bool scaled;
  };

  // A module name without a pipeline refers to the pipeline of the command's module.
  std::string full_name(const std::string& module) const {
    if (module.empty()) return selection_.module;
    if (module.find('/') != std::string::npos) return module;
    return selection_.module.substr(0, selection_.module.find('/') + 1) + module;
  }

  // Returns a note on the dimensions of which only the total is drawn; "" if there are none.
  std::string totals_note() const {
    std::vector<std::string> columns;
    std::vector<std::pair<std::string, std::string>> parts;
    const auto found = loaded_.find("");
    if (found == loaded_.end()) return "";
    const auto& where = found->second.where;
    for (auto i = selection_.where.size(); i < where.size(); ++i) {
      columns.push_back(where[i].column);
      if (!parts.empty()) continue;
      for (const auto& value : found->second.results.seen[i])
        if (value != "all") parts.emplace_back(where[i].column, value);
    }
    if (parts.empty()) return "";
    return fmt::format("only the total of {} is drawn; draw the parts with --where {}", listed(columns), where_argument(parts));
  }

  // Reads all columns of one block to find those that distinguish the rows.
  Error several_rows(const std::string& module, const LoadedModule& loaded, const std::vector<std::string>& shown) const {
    const auto cause = fmt::format("{} has several rows per interval and group, which do not form a line", module);
    const auto remedy = fmt::format("see them with mole results {}", module);
    for (const auto& file : loaded.files) {
      const auto all = load_results({{file}, selection_.range, {}, 0, 0, loaded.where});
      if (!all) continue;  // the block has none of these groups
      const auto columns = distinguishing_columns(all->rows, shown);
      if (columns.empty()) continue;
      std::vector<std::pair<std::string, std::string>> choice;
      for (const auto& name : columns) choice.emplace_back(name, value_text(*all->rows.find(name), 0));
      return invalid(fmt::format("{}; {} distinguish{} them: choose with --where, such as --where {}, or {}", cause,
                                 listed(columns), columns.size() == 1 ? "es" : "", where_argument(choice), remedy));
    }
    return invalid(cause + "; " + remedy);
  }

  Session& session_;
  BlobFiles blobs_;
  PlotSelection selection_;
  std::map<std::string, std::vector<std::string>> globs_;  // by module, as written on the command line
  std::map<std::string, LoadedModule> loaded_;
};

std::map<std::string, PanelOf> panel_kinds() {
  return {{"column", PanelOf::column}, {"group", PanelOf::group}, {"each", PanelOf::each}, {"all", PanelOf::all}};
}
std::map<std::string, Cycle> cycles() { return {{"day", Cycle::day}, {"week", Cycle::week}}; }

struct Band {
  std::string low, high;
};

struct PlotArgs {
  std::string module, what_if, out, panels = "column", overlay;
  std::vector<std::string> columns, where;
  std::vector<Band> bands;
  RangeArgs range;
  bool rate = false, cache = false;
  double pale_below = 1;
  PlotOptions options;
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
  const auto at = text.find('@');
  if (at == std::string_view::npos || text.find('/', at) == std::string_view::npos)
    return invalid(fmt::format("'{}' is not a shaded range; write LABEL@TIME/LENGTH, such as scan@2007-09-23T10:00/2h", text));
  MOLE_TRY(const auto range, parse_range(text.substr(at + 1)));
  return Shade{std::string(text.substr(0, at)), range};
}

Result<std::vector<Series>> lines_of(const PlotSources& sources, const PlotArgs& args) {
  std::vector<Series> lines;
  for (const auto& text : args.columns) {
    MOLE_TRY(auto more, sources.series(text));
    lines.insert(lines.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  for (const auto& [low, high] : args.bands) {
    MOLE_TRY(const auto lows, sources.series(low));
    MOLE_TRY(const auto highs, sources.series(high));
    if (auto done = add_band(lines, lows, highs, band_name(low, high)); !done) return done.error();
  }
  for (std::size_t m = 0; m < args.options.marks.size(); ++m) {
    MOLE_TRY(const auto flags, sources.series(args.options.marks[m]));
    add_marks(lines, flags, static_cast<unsigned>(m));
  }
  return lines;
}

PlotOptions options_of(const PlotArgs& args, const std::string& title) {
  auto options = args.options;
  if (options.title.empty()) options.title = title;
  if (!args.range.from.empty() && !args.range.to.empty()) options.range = range_of(args.range);
  if (!args.overlay.empty()) options.overlay = cycles().at(args.overlay);
  options.panel_of = panel_kinds().at(args.panels);
  return options;
}

Result<std::string> draw(Context& context, Session& session, const PlotArgs& args) {
  MOLE_TRY(const auto module, full_module_name(session.api(), args.module));
  PlotSources sources(session,
                      {module, range_of(args.range), *parse_where(args.where), args.pale_below, args.what_if, args.rate});
  for (const auto& column : args.columns) sources.require(column);
  for (const auto& mark : args.options.marks) sources.require(mark);
  for (const auto& [low, high] : args.bands) sources.require(low), sources.require(high);
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

// Draws what the nodes did over time.
Result<Exit> plot_cache(Context& context, const PlotArgs& args, PlotFormat format) {
  if (context.options.json && !args.out.empty())
    return usage_error(context, invalid("--json prints the samples and draws nothing; leave out --out, or --json"));
  MOLE_TRY(auto session, context.connect(context.options, Need::read));
  MOLE_TRY(const auto history, session->api().load_history(range_of(args.range)));
  if (context.options.json) {
    print_json(context.out, history);
    return Exit::done;
  }
  if (history.nodes.empty())
    return missing(
        "there are no samples in this range; nodes report them while they run: choose a different --from and --to, or start a "
        "node");
  return write_figure(context, plot_svg(load_lines(history), options_of(args, "caches, staging and decoding")), format, args.out);
}

// Returns what is missing, or what cannot be combined.
Result<> check(const PlotArgs& args) {
  if (!args.cache) {
    if (!args.columns.empty()) return {};
    return invalid("name a module and its columns, such as mole plot traffic bytes, or draw the caches with mole plot --cache");
  }
  const bool of_results = !args.what_if.empty() || !args.where.empty() || !args.bands.empty() || !args.options.marks.empty() ||
                          args.rate || args.pale_below != 1 || args.panels != "column";
  if (args.module.empty() && !of_results) return {};
  return invalid("--cache draws the nodes, not results: leave out " +
                 std::string(args.module.empty() ? "the options that select or mark results (--what-if, --where, --band, --mark, "
                                                   "--rate, --pale-below, --panels)"
                                                 : "the module and columns") +
                 ", or draw them by a command of their own");
}

Result<Exit> plot(Context& context, const PlotArgs& args) {
  const auto format = plot_format(args.out);
  if (!format) return usage_error(context, format.error());
  if (const auto good = check(args); !good) return usage_error(context, good.error());
  if (args.cache) return plot_cache(context, args, *format);
  MOLE_TRY(auto session, context.connect(context.options, Need::read));
  MOLE_TRY(const auto svg, draw(context, *session, args));
  return write_figure(context, svg, *format, args.out);
}

}  // namespace

void add_plot(Shell& shell) {
  const auto [command, args] =
      shell.add(shell.app, "plot", "Draw columns of a module over time, with gaps where data is missing", plot);
  command->add_option("module", args->module, "MODULE, or PIPELINE/MODULE")->type_name("MODULE");
  command
      ->add_option("columns", args->columns,
                   "columns to draw; * is a wildcard; OTHER.COLUMN is a column of another module of the pipeline")
      ->type_name("COLUMN");
  command->add_flag(
      "--cache", args->cache,
      "draw instead what is in the caches of the nodes, what they fetch, and what they decode; with --json: print it");
  add_range_options(*command, args->range, Range::optional, false);
  add_what_if_option(*command, args->what_if);
  add_where_option(*command, args->where);
  command
      ->add_option("--panels", args->panels,
                   "one panel per column (lines are groups), per group (lines are columns), per line, or all lines in one panel")
      ->check(CLI::IsMember(panel_kinds()))
      ->capture_default_str();
  command->add_option("--across", args->options.across, "number of panels side by side; 0: depends on the number of panels")
      ->check(CLI::Range(0, 12));
  add_rate_option(*command, args->rate);
  command->add_flag("--log", args->options.log, "logarithmic value axis");
  command->add_option("--overlay", args->overlay, "superimpose days or weeks (from Monday), one line each")
      ->check(CLI::IsMember(cycles()));
  add_repeatable(
      *command, "--band", args->bands, "LOW,HIGH", parse_band,
      "shade the area between columns LOW and HIGH, around the first column of their unit without a band (repeatable)");
  command
      ->add_option("--mark", args->options.marks,
                   "circle the points of a panel's first column where this column is true or not zero; neighbouring points share "
                   "an outline labelled with their count (repeatable)")
      ->type_name("COLUMN")
      ->allow_extra_args(false);
  add_repeatable(*command, "--shade", args->options.shades, "LABEL@TIME/LENGTH", parse_shade,
                 "shade a time range and label it (repeatable)");
  command->add_option("--pale-below", args->pale_below, "draw points with lower coverage lighter")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("COVERAGE")
      ->capture_default_str();
  command->add_option("--title", args->options.title, "title of the figure; default: the module and the groups of --where");
  command->add_option("--width", args->options.width, "width of the figure in pixels")
      ->check(CLI::Range(300, 10'000))
      ->capture_default_str();
  command->add_option("--height", args->options.panel_height, "height of a panel in pixels; 0: depends on the number of panels")
      ->check(CLI::Range(0, 5'000));
  command->add_option("-o,--output", args->out, "a file that ends in .svg, .png or .pdf; default: SVG to stdout")
      ->type_name("FILE");
}

}  // namespace mole::cli
