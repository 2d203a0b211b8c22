// mole why: traces one value to its origin.
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/result_files.hpp"
#include "cli/export/export.hpp"
#include "cli/format/texts.hpp"

namespace mole::cli {
namespace {

struct WhyArgs {
  std::string module, column, time;
};

// Reads the value and the standard columns of its rows; empty if the module has no rows there.
Result<nlohmann::json> values_of(Session& session, const coordinator::Lineage& why) {
  if (why.rows_blob.empty()) return nlohmann::json::array();
  BlobFiles blobs(session);
  const auto file = blobs.path(why.rows_blob);
  if (!file) return file.error();
  const auto loaded = load_results(
      {{*file}, {why.interval.from, why.interval.to}, {why.column, "coverage", "flows_lost", "flows_late", "files_*"}, 0});
  if (!loaded) return loaded.error();
  return rows_json(loaded->rows);
}

Result<Exit> why(Context& context, const WhyArgs& args) {
  auto session = context.connect(context.options, Need::read);
  if (!session) return session.error();
  const auto module = full_module_name((*session)->api(), args.module);
  if (!module) return module.error();
  const auto traced = (*session)->api().why(*module, args.column, *parse_time(args.time));
  if (!traced) return traced.error();
  const auto values = values_of(**session, *traced);
  if (!values) return values.error();
  nlohmann::json document = *traced;
  document["values"] = *values;
  print(context, document, why_text(*traced, *values, context.out_style));
  return Exit::done;
}

}  // namespace

void add_why(Shell& shell) {
  const auto [command, args] =
      shell.add(shell.app, "why", "Trace one value to files, byte ranges, gaps and the plugin binary", why);
  command->add_option("module", args->module, "MODULE, or PIPELINE/MODULE")->required()->type_name("MODULE");
  command->add_option("column", args->column, "a column of the module")->required()->type_name("COLUMN");
  command->add_option("time", args->time, "a time in the interval of the value")
      ->required()
      ->type_name("TIME")
      ->check(parsed_by(parse_time, "TIME"));
}

}  // namespace mole::cli
