// Sidecar: <name>.plugin.json beside a plugin library, made when it was built; and the catalogue of all of them in some
// folders. Reading one runs no code of the plugin. JSON layout: docs/formats/descriptor.md.
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

  // The ABI fits this host and the file has the digest written here. unsupported / invalid / missing otherwise.
  Result<> verify(const std::filesystem::path& library_path) const;
  const Descriptor* find(std::string_view kind, std::string_view name) const;
};

// One plugin as found in a folder.
struct CataloguedPlugin {
  Descriptor descriptor;
  Sidecar sidecar;
  std::filesystem::path library;  // the .so
  std::filesystem::path sidecar_path;

  // sidecar.verify(library). What was sound once is believed, by copies too.
  Result<> verify() const;

 private:
  std::shared_ptr<std::atomic<bool>> sound_ = std::make_shared<std::atomic<bool>>(false);
};

// All plugins of a list of folders. Value; safe to share once loaded.
class PluginCatalogue {
 public:
  // Folders in rising precedence: a plugin of a later folder replaces one of the same kind and name. A folder that does
  // not exist is skipped; a sidecar that cannot be used becomes an entry of problems().
  static PluginCatalogue load(const std::vector<std::filesystem::path>& folders);

  // missing, naming the folders searched, what is there, and the sidecars that could not be used.
  Result<const CataloguedPlugin*> find(std::string_view kind, std::string_view name) const;
  Result<const CataloguedPlugin*> find(std::string_view name) const;  // of any kind; invalid if several kinds have it
  std::vector<const CataloguedPlugin*> all() const;                   // sorted by kind and name
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  Error not_found(std::string_view what) const;

  std::vector<std::filesystem::path> folders_;
  std::map<std::pair<std::string, std::string>, CataloguedPlugin> plugins_;
  std::vector<std::string> problems_;
};

// The catalogue of some folders for who asks often: read again only when a file there has changed. Thread-safe.
class CurrentPlugins {
 public:
  explicit CurrentPlugins(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}
  std::shared_ptr<const PluginCatalogue> get();

 private:
  const std::vector<std::filesystem::path> folders_;
  std::mutex mutex_;  // of what follows
  std::string stamp_;
  std::shared_ptr<const PluginCatalogue> catalogue_;
};

// Where programs look, in rising precedence: <exe>/../lib/mole/plugins, MOLE_PLUGIN_PATH (its first folder highest), `given`.
std::vector<std::filesystem::path> plugin_folders(const std::optional<std::filesystem::path>& given = {});

}  // namespace mole
