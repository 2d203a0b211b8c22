// mole why: where one number comes from.
#include "cli/format/why.hpp"

#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/result_files.hpp"
#include "cli/export/export.hpp"
#include "cli/format/document.hpp"

namespace mole::cli {
namespace {

struct WhyArgs {
  std::string module, column, time;
};

// The number itself and what stands beside it in its rows; nothing if the rows cannot be read.
Result<nlohmann::json> values_of(Session& session, const nlohmann::json& why, const std::string& column) {
  const auto from = parse_time(text_of(field(why, "interval"), "from")), to = parse_time(text_of(field(why, "interval"), "to"));
  const auto hex = text_of(why, "rows_blob");
  if (!from || !to || hex.empty()) return nlohmann::json::array();
  BlobFiles blobs(session);
  const auto file = blobs.path(hex);
  if (!file) return file.error();
  const auto loaded = load_results({{*file}, {*from, *to}, {column, "coverage", "flows_lost", "flows_late", "files_*"}, 0});
  if (!loaded) return loaded.error();
  return rows_json(loaded->rows);
}

Result<Exit> why(Context& context, const WhyArgs& args) {
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  const auto module = full_module_name((*session)->api(), args.module);
  if (!module) return module.error();
  auto traced = (*session)->api().why(*module, args.column, *parse_time(args.time));
  if (!traced) return traced.error();
  const auto values = values_of(**session, *traced, args.column);
  if (!values) return values.error();
  if (context.options.json) {
    if (traced->is_object()) (*traced)["values"] = *values;
    print_json(context.out, *traced);
  } else {
    context.out << why_text(*traced, *values, context.out_style);
  }
  return Exit::done;
}

}  // namespace

void add_why(Shell& shell) {
  auto args = std::make_shared<WhyArgs>();
  auto* command = shell.add(shell.app, "why", "Trace one number to files, byte ranges, gaps and the binary behind it", args, why);
  command->add_option("module", args->module, "MODULE, or PIPELINE/MODULE")->required()->type_name("MODULE");
  command->add_option("column", args->column, "a column of it")->required()->type_name("COLUMN");
  command->add_option("time", args->time, "an instant in the number's interval")
      ->required()
      ->type_name("TIME")
      ->check(time_validator());
}

}  // namespace mole::cli
