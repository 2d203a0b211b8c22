// A plugin library: loaded after its file and its sidecar are checked, used after its entry is checked, never unloaded.
//
//   auto library = PluginLibrary::load(path, sidecar, record);
//   const mole_plugin* plugin = (*library)->find("mole.metric/1", "traffic");
//
// Checks, in this order: sidecar and digest, exported symbols (read from the file); then, with the code loaded, magic, version,
// sizes, kinds and descriptors.
#pragma once

#include "runtime/host/call_record.hpp"
#include "sdk/descriptor/sidecar.hpp"

#include <mole/abi.h>
#include <mole/result.hpp>

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

namespace mole::runtime {

class PluginLibrary {
 public:
  // Loads a library once per process and path; later calls return the same object, which lives until the process ends. Any
  // thread. invalid, unsupported, missing: the message states both values of a mismatch and the remedy.
  static Result<const PluginLibrary*> load(const std::filesystem::path& path, const Sidecar& sidecar, CallRecord& record);

  // `kind`: as in the ABI ("mole.metric/1"). Null if the library has no such plugin.
  const mole_plugin* find(std::string_view kind, std::string_view name) const;
  const std::filesystem::path& path() const { return path_; }

  ~PluginLibrary();

 private:
  struct Code;
  struct Plugin {
    const mole_plugin* plugin;
    std::string kind, name;
  };

  PluginLibrary(std::filesystem::path path, std::unique_ptr<Code> code);
  static Result<std::unique_ptr<PluginLibrary>> open(const std::filesystem::path& path, const Sidecar& sidecar,
                                                     CallRecord& record);
  Result<> check_entry(const mole_entry* entry, const Sidecar& sidecar);
  Result<> check_plugin(const mole_plugin* plugin, const Sidecar& sidecar);

  std::filesystem::path path_;
  std::unique_ptr<Code> code_;
  std::vector<Plugin> plugins_;
};

}  // namespace mole::runtime
