#include "cli/app.hpp"

#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/format/human.hpp"
#include "coordinator/manifest/manifest.hpp"
#include "nodes/process/cache_limit.hpp"
#include "sdk/model/program.hpp"
#include "sdk/model/size.hpp"

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

Exit usage_error(Context& context, const Error& error) {
  print_error(context, error);
  return Exit::usage;
}

namespace {

Result<std::uint64_t> parse_cache_limit(std::string_view text) {
  MOLE_TRY(const auto size, parse_size(text));
  if (size == 0) return invalid(nodes::no_cache_text);
  return size;
}

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
  app.add_option("--secret", options.secret,
                 "file with the secret of a coordinator on TCP (default: $MOLE_SECRET_FILE, else secret in --state)")
      ->envname("MOLE_SECRET_FILE")
      ->type_name("FILE");
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
  const auto set_cache = [&options](const std::string& text) { options.cache_limit = *parse_size(text); };
  app.add_option_function<std::string>(
         "--cache-limit", set_cache,
         "embedded node: largest size of its cache of files and columns (default: 10GiB, at most half of the free space)")
      ->type_name("SIZE")
      ->check(parsed_by(parse_cache_limit, "SIZE"));
  app.add_flag("!--no-column-cache", options.columns, "embedded node: decode every file again instead of caching columns");
  app.add_option("--stall-limit", options.stall_limit,
                 "embedded node: stop a worker after this time without progress (default: 2m)")
      ->type_name("DURATION")
      ->check(parsed_by(parse_duration, "DURATION"));
}

void add_all(Shell& shell, Options& options) {
  shell.app.get_formatter()->column_width(34);
  shell.app.set_version_flag("--version", version_of("mole"), "print the version and exit");
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

// Returns the names of the options of `command` and of the levels above it.
std::vector<std::string> options_of(const CLI::App* command) {
  std::vector<std::string> names;
  for (; command; command = command->get_parent())
    for (const auto* option : command->get_options())
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

// Returns the cause of a usage error. A misspelt command or option causes other errors, such as a missing command or a misplaced
// argument, so the words that the parser did not recognize are examined first.
std::string cause_of(const CLI::ParseError& error, const CLI::App& app, const CLI::App& deepest, const std::string& name) {
  using coordinator::manifest::suggestion;
  const auto commands = deepest.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
  for (const auto& word : app.remaining(true)) {
    if (word.size() > 1 && word[0] == '-' && word != "--") {
      const auto option = word.substr(0, word.find('='));
      const auto near = suggestion(option, options_of(&deepest));
      return fmt::format("{} has no option {}{}", name, option, near.starts_with("; did") ? near : "");
    }
    if (!commands.empty()) {
      std::vector<std::string> names;
      for (const auto* command : commands) names.push_back(command->get_name());
      return fmt::format("{} has no command \"{}\"{}", name, word, suggestion(word, names));
    }
  }
  return error.what();
}

Exit parse_error(Context& context, const CLI::ParseError& error, const CLI::App& app) {
  const CLI::App* deepest = &app;
  for (auto chosen = deepest->get_subcommands(); !chosen.empty(); chosen = deepest->get_subcommands()) deepest = chosen.back();
  std::string name = "mole";
  if (deepest != &app) {
    for (const auto* level = deepest; level != &app; level = level->get_parent()) name.insert(4, " " + level->get_name());
  }
  return usage_error(context, invalid(fmt::format("{}; see {} --help", cause_of(error, app, *deepest, name), name)));
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
  } catch (const CLI::CallForVersion& version) {
    context.out << version.what() << '\n';
    return Exit::done;
  } catch (const CLI::CallForHelp&) {
    context.out << app.help();
    return Exit::done;
  } catch (const CLI::ParseError& error) {
    return parse_error(context, error, app);
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
