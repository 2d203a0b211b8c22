#include "nodes/worker/flow_decoders.hpp"

#include "sdk/descriptor/sidecar.hpp"

#include <algorithm>

namespace mole::nodes {

Result<FoundDecoders> find_flow_decoders(const std::vector<std::filesystem::path>& folders, const std::string& name,
                                         const nlohmann::json& params) {
  const auto catalogue = PluginCatalogue::load(plugin_folders(folders));
  std::vector<const CataloguedPlugin*> plugins;
  if (name.empty()) {
    plugins = catalogue.all();
    std::erase_if(plugins, [](const auto* plugin) { return plugin->descriptor.kind != PluginKind::decoder; });
  } else {
    MOLE_TRY(const auto* named, catalogue.find(PluginKind::decoder, name));
    plugins = {named};
  }
  if (plugins.empty())
    return missing("no decoder plugin is installed; set MOLE_PLUGIN_PATH or --plugins to a folder with decoders");
  FoundDecoders found;
  for (const auto* plugin : plugins) {
    MOLE_TRY(auto resolved, resolve_params(plugin->descriptor, params));
    found.folders.push_back(plugin->library.parent_path());
    found.candidates.push_back(
        {plugin->descriptor.name, plugin->descriptor.version, plugin->sidecar.digest, plugin->sidecar.text, std::move(resolved)});
  }
  return found;
}

}  // namespace mole::nodes
