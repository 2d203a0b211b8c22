// mole status: the whole in one screen.
#include "cli/format/status.hpp"
#include "cli/commands/commands.hpp"

namespace mole::cli {
namespace {

struct StatusArgs {
  bool map = false;
};

Result<Exit> status(Context& context, const StatusArgs& args) {
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  const auto now = (*session)->api().status();
  if (!now) return now.error();
  if (context.options.json)
    print_json(context.out, *now);
  else
    context.out << status_text(*now, args.map, context.out_style);
  return Exit::done;
}

}  // namespace

void add_status(Shell& shell) {
  auto args = std::make_shared<StatusArgs>();
  auto* command = shell.add(shell.app, "status", "A go/no-go strip of each module's timeline; nodes and requests", args, status);
  command->add_flag("--map", args->map, "only the strips");
}

}  // namespace mole::cli
