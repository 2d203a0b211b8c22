#include "cli/app.hpp"

#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace mole::cli {
namespace {

// Global options as typed; converted to Options after parsing.
struct Globals {
  std::string state, coordinator, memory;
  std::vector<std::string> plugins;
};

void add_globals(CLI::App& app, Globals& globals, Options& options) {
  app.add_option("--state", globals.state, "folder of the embedded coordinator's state (default: $MOLE_STATE, else ./mole-state)")
      ->type_name("DIR");
  app.add_option("--coordinator", globals.coordinator, "use this service instead: unix:/path or tcp:127.0.0.1:PORT")
      ->type_name("ADDR");
  app.add_option("--plugins", globals.plugins, "search this folder for plugins first (repeatable; also $MOLE_PLUGIN_PATH)")
      ->type_name("DIR")
      ->allow_extra_args(false);
  app.add_flag("--json", options.json, "print JSON");
  app.add_option("--slots", options.slots, "embedded node: concurrent tasks")->check(CLI::Range(1, 1024));
  app.add_option("--threads", options.threads, "embedded node: threads per task; 0: all cores")->check(CLI::Range(0, 4096));
  app.add_option("--memory", globals.memory, "embedded node: memory limit of a worker, such as 4GiB")
      ->type_name("SIZE")
      ->check(parsed_by(parse_size, "SIZE"));
  app.add_flag("!--no-column-cache", options.columns, "embedded node: decode every file again instead of caching columns");
  app.add_option("--stall-limit", options.stall_limit, "embedded node: stop a worker after this time without progress")
      ->type_name("DURATION")
      ->check(parsed_by(parse_duration, "DURATION"));
}

void apply(const Globals& globals, Options& options) {
  const char* from_environment = std::getenv("MOLE_STATE");
  if (!globals.state.empty())
    options.state = globals.state;
  else if (from_environment && *from_environment)
    options.state = from_environment;
  options.coordinator = globals.coordinator;
  options.plugins.assign(globals.plugins.begin(), globals.plugins.end());
  if (!globals.memory.empty()) options.memory = *parse_size(globals.memory);
}

void add_commands(Shell& shell) {
  shell.app.require_subcommand(1);
  add_run(shell);
  add_plan(shell);
  add_request(shell);
  add_status(shell);
  add_explain(shell);
  add_results(shell);
  add_plot(shell);
  add_why(shell);
  add_archive(shell);
  add_plugin(shell);
  add_manifest(shell);
  add_flows(shell);
  add_state(shell);
}

const char* const about =
    "Data Mole: metrics over years of archived network flows.\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 done with incomplete coverage, 4 not found, 5 refused, 75 try later.";

Exit usage_error(Context& context, const CLI::ParseError& error, const CLI::App& app) {
  const CLI::App* deepest = &app;
  for (auto chosen = deepest->get_subcommands(); !chosen.empty(); chosen = deepest->get_subcommands()) deepest = chosen.back();
  std::string name = "mole";
  if (deepest != &app) {
    for (const auto* level = deepest; level != &app; level = level->get_parent()) name.insert(4, " " + level->get_name());
  }
  print_error(context, invalid(fmt::format("{}; see {} --help", error.what(), name)));
  return Exit::usage;
}

// Appends the help of all leaf commands under `app`, whose full name is `name`.
void append_reference(const CLI::App& app, const std::string& name, std::string& out) {
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    const auto full = name + " " + command->get_name();
    if (command->get_subcommands([](const CLI::App*) { return true; }).empty())
      out += fmt::format("## {}\n\n```\n{}```\n\n", full, command->help(name));
    else
      append_reference(*command, full, out);
  }
}

}  // namespace

Exit run_command_line(const std::vector<std::string>& arguments, Context& context) {
  CLI::App app(about, "mole");
  app.get_formatter()->column_width(34);
  Globals globals;
  add_globals(app, globals, context.options);
  Shell shell{app, {}};
  add_commands(shell);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    context.out << app.help();
    return Exit::done;
  } catch (const CLI::ParseError& error) {
    return usage_error(context, error, app);
  }
  apply(globals, context.options);
  const auto outcome = shell.action(context);
  context.out.flush();
  if (!outcome) {
    print_error(context, outcome.error());
    return exit_of(outcome.error().code);
  }
  return *outcome;
}

std::string command_reference() {
  CLI::App app(about, "mole");
  app.get_formatter()->column_width(34);
  Globals globals;
  Options options;
  add_globals(app, globals, options);
  Shell shell{app, {}};
  add_commands(shell);
  std::string out = "# Commands\n\nWritten by `mole --reference` from the texts of `--help`.\n\n```\n" + app.help() + "```\n\n";
  append_reference(app, "mole", out);
  out.pop_back();
  return out;
}

}  // namespace mole::cli
