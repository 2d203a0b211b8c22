// mole status: shows modules, nodes and requests on one screen.
#include "cli/format/status.hpp"
#include "cli/commands/commands.hpp"

namespace mole::cli {
namespace {

struct StatusArgs {
  bool map = false;
};

Result<Exit> status(Context& context, const StatusArgs& args) {
  return show(
      context, [](coordinator::ClientApi& api) { return api.status(); },
      [&](const auto& status) { return status_text(status, args.map, context.out_style); });
}

}  // namespace

void add_status(Shell& shell) {
  auto args = std::make_shared<StatusArgs>();
  auto* command =
      shell.add(shell.app, "status", "Show the state of each module's timeline, the nodes and the requests", args, status);
  command->add_flag("--map", args->map, "only the timelines");
}

}  // namespace mole::cli
