// mole plugin: lists and describes installed plugins. Reads sidecars and loads no plugin.
#include "cli/commands/commands.hpp"
#include "cli/format/documents.hpp"

namespace mole::cli {
namespace {

struct ListArgs {
  std::string kind;
};
struct InspectArgs {
  std::string name, kind;
};

Result<Exit> list(Context& context, const ListArgs& args) {
  const auto catalogue = PluginCatalogue::load(plugin_search_path(context.options));
  std::vector<const CataloguedPlugin*> plugins;
  for (const auto* plugin : catalogue.all())
    if (args.kind.empty() || name_of(plugin->descriptor.kind) == args.kind) plugins.push_back(plugin);
  auto documents = nlohmann::json::array();
  for (const auto* plugin : plugins) documents.push_back(plugin_json(*plugin));
  print(context, documents, plugins_text(plugins, context.out_style));
  for (const auto& problem : catalogue.problems()) print_error(context, {Code::unsupported, problem});
  return catalogue.problems().empty() ? Exit::done : Exit::refused;
}

Result<Exit> inspect(Context& context, const InspectArgs& args) {
  const auto catalogue = PluginCatalogue::load(plugin_search_path(context.options));
  const auto kind = from_name<PluginKind>(args.kind);
  MOLE_TRY(const auto found, kind ? catalogue.find(*kind, args.name) : catalogue.find(args.name));
  if (auto valid = found->sidecar.verify(found->library); !valid) print_error(context, valid.error());
  print(context, plugin_json(*found), plugin_page(*found, context.out_style));
  return Exit::done;
}

}  // namespace

void add_plugin(Shell& shell) {
  auto* group = shell.app.add_subcommand("plugin", "Show installed plugins from their descriptors, without loading plugin code")
                    ->require_subcommand(1)
                    ->fallthrough();
  const auto kinds = CLI::IsMember({"metric", "decoder", "downloader"});
  const auto [all, list_args] = shell.add(*group, "list", "List plugins, one per line", list);
  all->add_option("--kind", list_args->kind, "metric, decoder or downloader")->check(kinds);
  const auto [command, args] = shell.add(*group, "inspect", "Describe a plugin: inputs, parameters, columns, binary", inspect);
  command->add_option("plugin", args->name, "name of the plugin")->required()->type_name("PLUGIN");
  command->add_option("--kind", args->kind, "needed if plugins of several kinds have this name")->check(kinds);
}

}  // namespace mole::cli
