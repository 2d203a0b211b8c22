// mole results: prints or exports the rows of a module.
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/result_files.hpp"
#include "cli/export/export.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

namespace mole::cli {
namespace {

struct ResultsArgs {
  std::string module, what_if, format, out;
  RangeArgs range;
  std::vector<std::string> columns, where;
  std::uint64_t rows = 0;
  std::optional<std::size_t> width;
  bool rate = false;
};

// Returns the width of the terminal on stdout; 0 if there is none.
std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

Result<Exit> results(Context& context, const ResultsArgs& args) {
  const auto format = export_format(args.format, args.out, context.options.json ? ExportFormat::ndjson : ExportFormat::table);
  if (!format) return usage_error(context, format.error());
  if (is_binary(*format) && args.out.empty() && is_terminal(STDOUT_FILENO)) return usage_error(context, no_terminal(*format));
  MOLE_TRY(auto session, context.connect(context.options, Need::read));
  MOLE_TRY(const auto module, full_module_name(session->api(), args.module));
  BlobFiles blobs(*session);
  const auto range = range_of(args.range);
  MOLE_TRY(const auto found, results_of(*session, blobs, module, range, args.what_if));
  if (const auto note = note_on(found.document); !note.empty()) context.err << "note: " << note << '\n';
  context.out.flush();
  const auto out = args.out.empty() ? std::nullopt : std::optional<std::filesystem::path>(args.out);
  const auto width = args.width.value_or(out ? 0 : terminal_width());
  const auto rates = args.rate ? std::optional(counted_over(found.document)) : std::nullopt;
  const bool scaled = found.document.scale == Scale::sampling;
  const std::string caption = scaled ? "bytes and packets are multiplied by the sampling rate" : "";
  const auto rows = export_results({found.files, range, args.columns, args.rows, width, *parse_where(args.where), rates, caption},
                                   *format, out);
  if (!rows && rows.error().code == Code::cancelled) return Exit::done;                   // the reader closed the pipe
  if (!rows && rows.error().code == Code::invalid) return missing(rows.error().message);  // unknown column or group
  if (!rows) return rows.error();
  return Exit::done;
}

}  // namespace

void add_results(Shell& shell) {
  const auto [command, args] =
      shell.add(shell.app, "results", "Print the rows of a module, as a table or for another program", results);
  command->add_option("module", args->module, "MODULE, or PIPELINE/MODULE")->required()->type_name("MODULE");
  add_range_options(*command, args->range, Range::optional, true);
  command
      ->add_option("--columns", args->columns,
                   "print only these columns, comma-separated; * is a wildcard: 'entropy_*,flows' (repeatable)")
      ->delimiter(',')
      ->allow_extra_args(false);
  add_what_if_option(*command, args->what_if);
  add_where_option(*command, args->where);
  add_rate_option(*command, args->rate);
  command
      ->add_option("--format", args->format,
                   "csv, tsv, ndjson, json, parquet, arrow or table; default: from the ending of the output file, or table")
      ->check(CLI::IsMember(all_names<ExportFormat>()));
  command->add_option("-o,--output", args->out, "write to this file; compressed if it ends in .gz")->type_name("FILE");
  command->add_option("--width", args->width,
                      "table: maximum width; a wider table is transposed; 0: unlimited; default: the width of the terminal");
  command->add_option("--rows", args->rows, "table: number of rows to show; 0: all")->capture_default_str();
}

}  // namespace mole::cli
