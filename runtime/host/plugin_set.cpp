#include "runtime/host/plugin_set.hpp"

#include "runtime/host/plugin_library.hpp"
#include "sdk/descriptor/sidecar.hpp"

namespace mole::runtime {

Result<LoadedPlugin> PluginSet::load(const task::PluginUse& use, PluginKind kind) const {
  MOLE_TRY(auto sidecar, Sidecar::parse(use.sidecar));
  const std::string what = std::string(name_of(kind)) + " plugin '" + use.name + "' " + use.version;
  const Descriptor* descriptor = sidecar.find(kind, use.name);
  if (!descriptor || descriptor->version != use.version)
    return invalid(what + " is not described by its sidecar; submit the manifest again");
  if (sidecar.digest != use.library) return invalid(what + ": its sidecar is from a different build; submit the manifest again");
  // Ignores any folder in the sidecar's file name.
  const auto file_name = std::filesystem::path(sidecar.library).filename();
  std::string searched;
  for (const auto& folder : folders_) {
    for (const auto& path : {folder / (use.library.hex() + ".so"), folder / file_name}) {
      std::error_code ignored;
      if (!std::filesystem::is_regular_file(path, ignored)) continue;
      if (path.filename() == file_name) {  // the name does not identify the build
        const auto digest = digest_of_file(path);
        if (!digest || *digest != use.library) continue;
      }
      MOLE_TRY(auto library, PluginLibrary::load(path, sidecar, record_));
      const auto* plugin = library->find(std::string("mole.") + name_of(kind) + "/1", use.name);
      if (!plugin) return invalid(what + " is not in " + path.string() + "; rebuild it");
      return LoadedPlugin{plugin, *descriptor};
    }
    searched += (searched.empty() ? "" : ", ") + folder.string();
  }
  return missing(what + " (digest " + use.library.hex() + ") is not in " + (searched.empty() ? "any plugin folder" : searched) +
                 "; install that build or submit the manifest again");
}

}  // namespace mole::runtime
