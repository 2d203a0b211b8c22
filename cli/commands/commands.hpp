// Each add_ function adds a command or group of commands to the parser. After parsing, Shell::action runs the chosen command.
#pragma once

#include "cli/context.hpp"

#include <CLI/CLI.hpp>

#include <functional>

namespace mole::cli {

// The parser and the action of the parsed command.
struct Shell {
  CLI::App& app;
  std::function<Result<Exit>(Context&)> action;

  // Adds a command under `parent`; if the user chooses it, `action` calls `run` with the parsed arguments. Returns the command
  // and its arguments, which live as long as the command.
  template <class Args>
  std::pair<CLI::App*, Args*> add(CLI::App& parent, std::string name, std::string about,
                                  Result<Exit> (*run)(Context&, const Args&)) {
    auto args = std::make_shared<Args>();
    auto* command = parent.add_subcommand(std::move(name), std::move(about))->fallthrough();  // global options may follow it
    command->callback([this, args, run] { action = [args, run](Context& context) { return run(context, *args); }; });
    return {command, args.get()};
  }
};

// Fetches a document from the coordinator and prints it: `fetch(ClientApi&)` returns the document, `text(document)` formats it.
template <class Fetch, class Text>
Result<Exit> show(Context& context, Fetch fetch, Text text) {
  MOLE_TRY(auto session, context.connect(context.options, Need::read));
  MOLE_TRY(const auto document, fetch(session->api()));
  print(context, document, context.options.json ? std::string() : text(document));
  return Exit::done;
}

void add_run(Shell& shell);
void add_plan(Shell& shell);
void add_results(Shell& shell);
void add_plot(Shell& shell);
void add_why(Shell& shell);
void add_explain(Shell& shell);
void add_status(Shell& shell);
void add_request(Shell& shell);
void add_archive(Shell& shell);
void add_archive_check(Shell& shell, CLI::App& group);
void add_tape_library(Shell& shell, CLI::App& archive);
void add_plugin(Shell& shell);
void add_manifest(Shell& shell);
void add_manifest_init(Shell& shell, CLI::App& group);
void add_flows(Shell& shell);
void add_state(Shell& shell);

}  // namespace mole::cli
