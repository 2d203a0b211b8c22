#include "cli/app.hpp"

#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace mole::cli {

void print_json(std::ostream& out, const nlohmann::json& document) {
  out << document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void print(Context& context, const nlohmann::json& document, const std::string& text) {
  if (context.options.json)
    print_json(context.out, document);
  else
    context.out << text;
}

void print_error(Context& context, const Error& error) {
  context.err << context.err_style.paint(Paint::red, "mole:") << ' ' << printable(error.message) << '\n';
}

namespace {

void add_globals(CLI::App& app, Options& options) {
  if (const char* state = std::getenv("MOLE_STATE"); state && *state) options.state = state;
  const auto set_state = [&options](const std::string& folder) {
    if (!folder.empty()) options.state = folder;
  };
  app.add_option_function<std::string>("--state", set_state,
                                       "folder of the embedded coordinator's state (default: $MOLE_STATE, else ./mole-state)")
      ->type_name("DIR");
  app.add_option("--coordinator", options.coordinator, "use the coordinator at this address: unix:/path or tcp:127.0.0.1:PORT")
      ->type_name("ADDR");
  app.add_option("--plugins", options.plugins, "search this folder for plugins first (repeatable; also $MOLE_PLUGIN_PATH)")
      ->type_name("DIR")
      ->allow_extra_args(false);
  app.add_flag("--json", options.json, "print JSON");
  app.add_option("--slots", options.slots, "embedded node: concurrent tasks")->check(CLI::Range(1, 1024));
  app.add_option("--threads", options.threads, "embedded node: threads per task; 0: all cores")->check(CLI::Range(0, 4096));
  const auto set_memory = [&options](const std::string& text) { options.memory = *parse_size(text); };
  app.add_option_function<std::string>("--memory", set_memory, "embedded node: memory limit of a worker, such as 4GiB")
      ->type_name("SIZE")
      ->check(parsed_by(parse_size, "SIZE"));
  app.add_flag("!--no-column-cache", options.columns, "embedded node: decode every file again instead of caching columns");
  app.add_option("--stall-limit", options.stall_limit, "embedded node: stop a worker after this time without progress")
      ->type_name("DURATION")
      ->check(parsed_by(parse_duration, "DURATION"));
}

void add_all(Shell& shell, Options& options) {
  shell.app.get_formatter()->column_width(34);
  add_globals(shell.app, options);
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
    "Exit codes: 0 done, 1 failed, 2 usage error, 3 done with incomplete coverage, 4 not found, 5 refused, 75 try later.";

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
  Shell shell{app, {}};
  add_all(shell, context.options);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    context.out << app.help();
    return Exit::done;
  } catch (const CLI::ParseError& error) {
    return usage_error(context, error, app);
  }
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
  Options options;
  Shell shell{app, {}};
  add_all(shell, options);
  std::string out = "# Commands\n\nGenerated by `mole --reference` from `--help`.\n\n```\n" + app.help() + "```\n\n";
  append_reference(app, "mole", out);
  out.pop_back();
  return out;
}

}  // namespace mole::cli
