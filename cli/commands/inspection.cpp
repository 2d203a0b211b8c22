// mole status, explain, state dump: show what the coordinator knows.
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/format/texts.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

using coordinator::ClientApi;

constexpr std::uint32_t rows_per_page = 1000;

struct StatusArgs {
  bool map = false;
};
struct ExplainArgs {
  std::string job;
};
struct DumpArgs {
  std::string table, format = "ndjson";
};

Result<Exit> status(Context& context, const StatusArgs& args) {
  return show(
      context, [](ClientApi& api) { return api.status(); },
      [&](const auto& status) { return status_text(status, args.map, context.out_style); });
}

Result<Exit> explain(Context& context, const ExplainArgs& args) {
  return show(
      context, [&](ClientApi& api) { return api.explain(args.job); },
      [&](const auto& explained) { return explain_text(explained, context.out_style); });
}

Result<std::string> parse_job(std::string_view text) {
  const auto at = text.rfind('@');
  if (at != std::string::npos && text.find('/') < at && parse_time(text.substr(at + 1))) return std::string(text);
  return invalid(
      fmt::format("'{}' is not a job: write PIPELINE/MODULE@TIME, such as border-traffic/mean@2007-09-22T18:00:00Z", text));
}

// Prints the rows of a table of the control store.
Result<Exit> dump(Context& context, const DumpArgs& args) {
  auto session = context.connect(context.options, Need::read);
  if (!session) return session.error();
  auto all = nlohmann::json::array();
  std::string from;
  do {
    const auto page = (*session)->api().dump(args.table, from, rows_per_page);
    if (!page) return page.error();
    for (const auto& row : page->rows) {
      if (context.options.json)
        all.push_back(row);
      else
        context.out << row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    }
    from = page->next;
  } while (!from.empty() && context.out);
  if (context.options.json) print_json(context.out, all);
  return Exit::done;
}

}  // namespace

void add_status(Shell& shell) {
  const auto [command, args] =
      shell.add(shell.app, "status", "Show the state of each module's timeline, the nodes and the requests", status);
  command->add_flag("--map", args->map, "only the timelines");
}

void add_explain(Shell& shell) {
  const auto [command, args] =
      shell.add(shell.app, "explain", "Why a job ran (which part of its key changed), or why it waits", explain);
  command->add_option("job", args->job, "pipeline/module@block, such as border-traffic/mean@2007-09-22T18:00:00Z")
      ->required()
      ->type_name("JOB")
      ->check(parsed_by(parse_job));
}

void add_state(Shell& shell) {
  auto* family = shell.app.add_subcommand("state", "Inspect the coordinator's store")->require_subcommand(1)->fallthrough();
  const auto [command, args] =
      shell.add(*family, "dump", "Print the rows of one table from a snapshot, one JSON object per line", dump);
  command->add_option("table", args->table, "requests, files, catalogue, ...")->required()->type_name("TABLE");
  command->add_option("--format", args->format, "ndjson")->check(CLI::IsMember({"ndjson"}));
}

}  // namespace mole::cli
