// mole status, explain, why, state dump: show the state of the coordinator and the origin of results.
#include "cli/check/node_folder.hpp"
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/result_files.hpp"
#include "cli/export/export.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"
#include "coordinator/state_check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mole::cli {
namespace {

using coordinator::ClientApi;

constexpr std::uint32_t rows_per_page = 1000;

struct StatusArgs {
  bool map = false;
};
struct ExplainArgs {
  std::string job, what_if;
};
struct WhyArgs {
  std::string module, column, time, what_if;
  std::vector<std::string> where;
};
struct CollectArgs {
  bool dry_run = false;
  std::string keep_requests;
  std::optional<std::uint64_t> max_requests;
};
struct CheckArgs {
  bool repair = false;
  std::string node;
};
struct DumpArgs {
  std::string table, format = "ndjson";
};

Result<Exit> status(Context& context, const StatusArgs& args) {
  MOLE_TRY(auto session, context.connect(context.options, Need::read));
  MOLE_TRY(const auto status, session->api().status());
  print(context, status, status_text(status, args.map, context.out_style) + (args.map ? "" : cache_text(*session)));
  return Exit::done;
}

Result<Exit> explain(Context& context, const ExplainArgs& args) {
  return show(
      context,
      [&](ClientApi& api) -> Result<coordinator::JobExplanation> {
        const auto at = args.job.rfind('@');
        MOLE_TRY(const auto module, full_module_name(api, args.job.substr(0, at)));
        auto explained = api.explain(module + args.job.substr(at), args.what_if);
        if (explained && !explained->note.empty()) context.err << "note: " << printable(explained->note) << '\n';
        return explained;
      },
      [&](const auto& explained) { return explain_text(explained, context.out_style, coordinator_options(context.options)); });
}

Result<std::string> parse_job(std::string_view text) {
  const auto at = text.rfind('@');
  if (at != std::string::npos && at > 0 && parse_time(text.substr(at + 1))) return std::string(text);
  return invalid(
      fmt::format("'{}' is not a job; write MODULE@TIME or PIPELINE/MODULE@TIME, such as mean@2007-09-22T18:00:00Z", text));
}

// Reads the traced column and the standard columns of the interval's rows that `where` selects; empty if the module has no rows
// there.
Result<nlohmann::json> values_of(Session& session, const coordinator::Lineage& why, const std::vector<GroupFilter>& where) {
  if (why.rows_blob.empty()) return nlohmann::json::array();
  BlobFiles blobs(session);
  MOLE_TRY(const auto file, blobs.path(why.rows_blob));
  const std::vector<std::string> columns{why.column, "coverage", "flows_lost", "flows_late", "files_*"};
  const auto loaded = load_results({{file}, {why.interval.from, why.interval.to}, columns, 0, 0, where});
  if (!loaded && loaded.error().code == Code::invalid) return missing(loaded.error().message);  // unknown column or group
  if (!loaded) return loaded.error();
  return rows_json(loaded->rows);
}

// Returns the routers that `where` selects; empty: all of them.
std::vector<std::string> routers_of(const std::vector<GroupFilter>& where) {
  const auto found = std::ranges::find(where, "router", &GroupFilter::column);
  if (found == where.end() || std::ranges::find(found->values, "all") != found->values.end()) return {};
  return found->values;
}

Result<Exit> why(Context& context, const WhyArgs& args) {
  MOLE_TRY(auto session, context.connect(context.options, Need::read));
  MOLE_TRY(const auto module, full_module_name(session->api(), args.module));
  MOLE_TRY(const auto traced, session->api().why(module, args.column, *parse_time(args.time), args.what_if));
  MOLE_TRY(const auto where, parse_where(args.where));
  MOLE_TRY(const auto values, values_of(*session, traced, where));
  nlohmann::json document = traced;
  document["values"] = values;
  if (!traced.note.empty()) context.err << "note: " << printable(traced.note) << '\n';
  print(context, document, why_text(traced, values, context.out_style, routers_of(where)));
  return Exit::done;
}

// Prints the rows of a table of the control store.
Result<Exit> dump(Context& context, const DumpArgs& args) {
  MOLE_TRY(auto session, context.connect(context.options, Need::read));
  auto all = nlohmann::json::array();
  std::string from;
  do {
    MOLE_TRY(const auto page, session->api().dump(args.table, from, rows_per_page));
    for (const auto& row : page.rows) {
      if (context.options.json)
        all.push_back(row);
      else
        context.out << row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    }
    from = page.next;
  } while (!from.empty() && context.out);
  if (context.options.json) print_json(context.out, all);
  return Exit::done;
}

std::string check_text(const coordinator::StateCheck& found) {
  std::string text = fmt::format("{} rows, {} blobs ({} B), {} of them unclaimed\n", found.rows, found.blobs, found.blob_bytes,
                                 found.unclaimed_blobs);
  if (found.lost_changes > 0)
    text +=
        fmt::format("{} acknowledged changes were damaged or lost, and kept as far as they could be read\n", found.lost_changes);
  if (!found.lost_requests.empty()) text += fmt::format("these requests are lost: {}\n", fmt::join(found.lost_requests, " "));
  for (const auto& table : found.tables)
    text += fmt::format("table {}: {}{}\n", table.name,
                        table.complete ? std::to_string(table.unreadable) + " rows cannot be read" : "blocks cannot be read",
                        table.repaired ? ", removed" : "");
  if (!found.database.empty()) text += "database: " + found.database + "\n";
  const auto listed = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) text += fmt::format("{} {}: {}\n", names.size(), what, fmt::join(names, " "));
  };
  listed("damaged blobs", found.damaged_blobs);
  listed("missing blobs", found.missing_blobs);
  if (found.results_dropped > 0)
    text += fmt::format("{} results are lost{}\n", found.results_dropped,
                        found.repair ? "; the next request computes them again" : "");
  listed("wrong files", found.wrong_links);
  if (found.scrub)
    text +=
        fmt::format("the coordinator's own check was last complete at {}: {} B read, {}\n", format_time(found.scrub->finished),
                    found.scrub->bytes, found.scrub->found_damage() ? "damage found, see its events" : "no damage found");
  if (!found.repair && found.has_damage()) text += "mole state check --repair removes what is damaged\n";
  return text + (found.has_damage() ? "" : "no damage is left\n");
}

std::string node_check_text(const NodeCheck& found, bool repair) {
  std::string text = fmt::format("{} files ({} B)\n", found.files, found.bytes);
  for (const auto& file : found.damaged) text += fmt::format("{}: damaged{}\n", file, repair ? ", removed" : "");
  if (found.damaged.empty()) return text + "no damage found\n";
  return text +
         (repair ? "the node fetches or computes again what it needs\n" : "mole state check --repair removes what is damaged\n");
}

Result<Exit> check(Context& context, const CheckArgs& args) {
  if (!args.node.empty()) {
    MOLE_TRY(const auto found, check_node_folder(args.node, args.repair));
    print(context, found, node_check_text(found, args.repair));
    return found.damaged.empty() || args.repair ? Exit::done : Exit::failed;
  }
  if (!context.options.coordinator.empty())
    return invalid("a state is checked in its folder, while no coordinator uses it; give --state instead of --coordinator");
  MOLE_TRY(const auto found, coordinator::check_state(context.options.state, args.repair));
  print(context, found, check_text(found));
  return found.has_damage() ? Exit::failed : Exit::done;
}

Result<Exit> collect(Context& context, const CollectArgs& args) {
  coordinator::CollectOptions options;
  options.dry_run = args.dry_run;
  if (!args.keep_requests.empty()) options.keep_requests = *parse_duration(args.keep_requests);
  options.max_requests = args.max_requests;
  MOLE_TRY(auto session, context.connect(context.options, Need::read));
  MOLE_TRY(const auto collected, session->api().collect_garbage(options));
  std::string text;
  for (const auto& [kind, count, bytes] : collected.kinds)
    text += fmt::format("{:>10} {:<16} {}\n", count, kind, human_bytes(bytes));
  print(context, collected,
        text.empty() ? "nothing to remove\n" : (collected.dry_run ? "would be removed:\n" : "removed:\n") + text);
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
      shell.add(shell.app, "explain", "Explain why a job ran (which part of its key changed) or why it waits", explain);
  command
      ->add_option("job", args->job,
                   "MODULE@TIME or PIPELINE/MODULE@TIME, a time in the block, such as mean@2007-09-22T18:00:00Z")
      ->required()
      ->type_name("JOB")
      ->check(parsed_by(parse_job));
  add_what_if_option(*command, args->what_if);
}

void add_why(Shell& shell) {
  const auto [command, args] =
      shell.add(shell.app, "why", "Trace one value to files, byte ranges, gaps and the plugin binary", why);
  command->add_option("module", args->module, "MODULE, or PIPELINE/MODULE")->required()->type_name("MODULE");
  command->add_option("column", args->column, "a column of the module")->required()->type_name("COLUMN");
  command->add_option("time", args->time, "a time in the interval of the value")
      ->required()
      ->type_name("TIME")
      ->check(parsed_by(parse_time, "TIME"));
  add_what_if_option(*command, args->what_if);
  add_where_option(*command, args->where);
}

void add_state(Shell& shell) {
  auto* group =
      shell.app.add_subcommand("state", "Inspect and check the coordinator's state")->require_subcommand(1)->fallthrough();
  const auto [command, args] =
      shell.add(*group, "dump", "Print the rows of one table from a snapshot, one JSON object per line", dump);
  command->add_option("table", args->table, "requests, files, catalogue, ...")->required()->type_name("TABLE");
  command->add_option("--format", args->format, "ndjson")->check(CLI::IsMember({"ndjson"}));
  const auto [collect_command, collect_args] = shell.add(
      *group, "gc", "Remove what no result, request or node needs any more; mole-coordinator does this every hour", collect);
  collect_command->add_flag("--dry-run", collect_args->dry_run, "only print what would be removed");
  collect_command
      ->add_option(
          "--keep-requests", collect_args->keep_requests,
          "how long requests and their folders are kept after their end; 0s: for ever (default: that of the coordinator)")
      ->type_name("DURATION")
      ->check(parsed_by(parse_duration));
  collect_command
      ->add_option("--max-requests", collect_args->max_requests,
                   "how many requests that have ended are kept at most; 0: any number (default: that of the coordinator)")
      ->type_name("N");
  const auto [check_command, check_args] = shell.add(
      *group, "check",
      "Verify all rows, blobs and links of a state that no coordinator uses; exit code 1 if some are damaged or lost", check);
  check_command->add_flag("--repair", check_args->repair,
                          "Accept the loss of what cannot be read, so that the coordinator starts and computes results again");
  check_command
      ->add_option("--node", check_args->node,
                   "Verify the folder of a stopped node instead (its --dir): cache, states, plugins, tables, unsent results")
      ->type_name("DIR");
}

}  // namespace mole::cli
