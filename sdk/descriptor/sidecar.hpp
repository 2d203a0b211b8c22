// Sidecar: <name>.plugin.json beside a plugin library, written when the plugin is built. PluginCatalogue: all sidecars of a list
// of folders. Reading a sidecar runs no plugin code. JSON layout: docs/formats/descriptor.md.
#pragma once

#include "sdk/descriptor/descriptor.hpp"
#include "sdk/model/digest.hpp"

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mole {

struct Sidecar {
  std::string library;  // file name of the .so
  Digest digest;        // of the .so
  std::uint32_t abi_major = 0, abi_minor = 0;
  std::string compiler;
  std::vector<Descriptor> plugins;
  std::string text;  // the file as read

  static Result<Sidecar> parse(std::string_view text);
  static Result<Sidecar> read(const std::filesystem::path& path);

  // Checks that this host supports the ABI and that the file has this digest; otherwise unsupported, invalid or missing.
  Result<> verify(const std::filesystem::path& library_path) const;
  const Descriptor* find(PluginKind kind, std::string_view name) const;
};

// A plugin found in a folder.
struct CataloguedPlugin {
  Descriptor descriptor;
  Sidecar sidecar;
  std::filesystem::path library;  // the .so
  std::filesystem::path sidecar_path;

  // Like Sidecar::verify. Once it has succeeded, neither this object nor its copies check again.
  Result<> verify() const;

 private:
  std::shared_ptr<std::atomic<bool>> verified_ = std::make_shared<std::atomic<bool>>(false);
};

// All plugins in a list of folders. Immutable once loaded.
class PluginCatalogue {
 public:
  // A plugin in a later folder replaces one of the same kind and name. Missing folders are skipped; unusable sidecars are listed
  // in problems().
  static PluginCatalogue load(const std::vector<std::filesystem::path>& folders);

  // missing: the message lists the folders searched, the plugins found and the unusable sidecars.
  Result<const CataloguedPlugin*> find(PluginKind kind, std::string_view name) const;
  Result<const CataloguedPlugin*> find(std::string_view name) const;  // of any kind; invalid: the name is ambiguous
  std::vector<const CataloguedPlugin*> all() const;                   // sorted by kind and name
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  Error not_found(std::string_view what) const;

  std::vector<std::filesystem::path> folders_;
  std::map<std::pair<PluginKind, std::string>, CataloguedPlugin> plugins_;
  std::vector<std::string> problems_;
};

// Caches the catalogue of some folders until a file in them changes. Thread-safe.
class CurrentPlugins {
 public:
  explicit CurrentPlugins(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}
  std::shared_ptr<const PluginCatalogue> get();

 private:
  const std::vector<std::filesystem::path> folders_;
  std::mutex mutex_;  // guards the members below
  std::string stamp_;
  std::shared_ptr<const PluginCatalogue> catalogue_;
};

// Returns the folders to search, lowest precedence first: <exe>/../lib/mole/plugins, MOLE_PLUGIN_PATH (its first folder last),
// `given` (its first folder last).
std::vector<std::filesystem::path> plugin_folders(const std::vector<std::filesystem::path>& given = {});

}  // namespace mole
