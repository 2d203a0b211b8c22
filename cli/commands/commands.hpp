// One function a command (or family): adds it to the parser. When the command line was parsed, `action` of the shell is
// what the user asked for.
#pragma once

#include "cli/context.hpp"

#include <CLI/CLI.hpp>

#include <functional>

namespace mole::cli {

using Action = std::function<Result<Exit>(Context&)>;

// The parser under construction and what it found.
struct Shell {
  CLI::App& app;
  Action action;

  // Adds a command below `parent`. `bind` is called after its options were read; what it throws (CLI::ParseError) is a
  // usage error.
  template <class Args>
  CLI::App* add(CLI::App& parent, std::string name, std::string about, std::shared_ptr<Args> args,
                Result<Exit> (*run)(Context&, const Args&)) {
    CLI::App* command = parent.add_subcommand(std::move(name), std::move(about));
    command->fallthrough();  // global options may stand behind the command
    command->callback([this, args, run] { action = [args, run](Context& context) { return run(context, *args); }; });
    return command;
  }
};

void add_run(Shell& shell);
void add_plan(Shell& shell);
void add_results(Shell& shell);
void add_plot(Shell& shell);
void add_why(Shell& shell);
void add_explain(Shell& shell);
void add_status(Shell& shell);
void add_request(Shell& shell);
void add_archive(Shell& shell);
void add_simulate(Shell& shell, CLI::App& family);  // below `archive`
void add_plugin(Shell& shell);
void add_manifest(Shell& shell);
void add_flows(Shell& shell);
void add_state(Shell& shell);

}  // namespace mole::cli
