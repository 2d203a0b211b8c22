// mole plugin: what is installed, and one page about each. Reads sidecars; loads no plugin.
#include "cli/format/plugin.hpp"
#include "cli/commands/commands.hpp"

namespace mole::cli {
namespace {

struct ListArgs {
  std::string kind;
};
struct InspectArgs {
  std::string name, kind;
};

void print_problems(Context& context, const PluginCatalogue& catalogue) {
  for (const auto& problem : catalogue.problems()) print_error(context, {Code::unsupported, problem});
}

Result<Exit> list(Context& context, const ListArgs& args) {
  const auto catalogue = PluginCatalogue::load(plugin_search_path(context.options));
  std::vector<const CataloguedPlugin*> plugins;
  for (const auto* plugin : catalogue.all())
    if (args.kind.empty() || plugin->descriptor.kind == args.kind) plugins.push_back(plugin);
  if (context.options.json) {
    auto documents = nlohmann::json::array();
    for (const auto* plugin : plugins) documents.push_back(plugin_json(*plugin));
    print_json(context.out, documents);
  } else {
    context.out << plugins_text(plugins, context.out_style);
  }
  print_problems(context, catalogue);
  return catalogue.problems().empty() ? Exit::done : Exit::refused;
}

Result<Exit> inspect(Context& context, const InspectArgs& args) {
  const auto catalogue = PluginCatalogue::load(plugin_search_path(context.options));
  const auto found = args.kind.empty() ? catalogue.find(args.name) : catalogue.find(args.kind, args.name);
  if (!found) return found.error();
  if (auto sound = (*found)->sidecar.verify((*found)->library); !sound) print_error(context, sound.error());
  if (context.options.json)
    print_json(context.out, plugin_json(**found));
  else
    context.out << plugin_page(**found, context.out_style);
  return Exit::done;
}

}  // namespace

void add_plugin(Shell& shell) {
  auto* family = shell.app.add_subcommand("plugin", "Installed plugins, from their descriptors: no plugin code is loaded");
  family->require_subcommand(1)->fallthrough();
  const auto kinds = CLI::IsMember({"metric", "decoder", "downloader"});
  auto list_args = std::make_shared<ListArgs>();
  shell.add(*family, "list", "One line each", list_args, list)
      ->add_option("--kind", list_args->kind, "metric, decoder or downloader")
      ->check(kinds);
  auto args = std::make_shared<InspectArgs>();
  auto* command = shell.add(*family, "inspect", "One page: inputs, parameters, columns, binary", args, inspect);
  command->add_option("plugin", args->name, "its name")->required()->type_name("PLUGIN");
  command->add_option("--kind", args->kind, "if several kinds have this name")->check(kinds);
}

}  // namespace mole::cli
