#include "sdk/descriptor/sidecar.hpp"

#include <mole/abi.h>

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "sdk/model/durable_file.hpp"

namespace mole {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;
constexpr std::uint64_t schema = 1;
constexpr std::uint64_t sidecar_limit = 16u << 20;

Error unusable(const std::string& why) { return corrupt("plugin sidecar: " + why + "; regenerate it with mole-describe"); }

}  // namespace

Result<Sidecar> Sidecar::parse(std::string_view text) {
  const auto j = json::parse(text, nullptr, false);
  if (!j.is_object()) return unusable("it is not a JSON object");
  try {
    if (j.at("schema").get<std::uint64_t>() != schema) return unusable("its schema is " + j.at("schema").dump() + ", expected 1");
    Sidecar s;
    s.text = text;
    s.library = j.at("library").get<std::string>();
    if (s.library.empty() || fs::path(s.library).filename() != s.library) return unusable("'library' is not a file name");
    auto digest = Digest::from_hex(j.at("digest").get<std::string>());
    if (!digest) return unusable(digest.error().message);
    s.digest = *digest;
    s.abi_major = j.at("abi").at("major").get<std::uint32_t>();
    s.abi_minor = j.at("abi").at("minor").get<std::uint32_t>();
    s.compiler = j.value("compiler", "");
    for (const auto& item : j.at("plugins")) {
      MOLE_TRY(auto d, Descriptor::from_json(item));
      s.plugins.push_back(std::move(d));
    }
    return s;
  } catch (const json::exception& e) {
    return unusable(e.what());
  }
}

Result<Sidecar> Sidecar::read(const fs::path& path) {
  MOLE_TRY(auto text, read_file(path, sidecar_limit));
  return prefixed(path.string() + ": ", parse(text));
}

Result<> Sidecar::verify(const fs::path& library_path) const {
  if (abi_major != MOLE_ABI_MAJOR || abi_minor > MOLE_ABI_MINOR)
    return unsupported(library_path.string() + " is built for plugin ABI " + std::to_string(abi_major) + "." +
                       std::to_string(abi_minor) + ", but this host has " + std::to_string(MOLE_ABI_MAJOR) + "." +
                       std::to_string(MOLE_ABI_MINOR) + "; rebuild the plugin with this SDK");
  MOLE_TRY(auto found, digest_of_file(library_path));
  if (found != digest)
    return invalid(library_path.string() + " has digest " + found.hex() + ", but its sidecar states " + digest.hex() +
                   "; rebuild the plugin, or copy both files together");
  return {};
}

const Descriptor* Sidecar::find(PluginKind kind, std::string_view name) const {
  for (const auto& d : plugins)
    if (d.kind == kind && d.name == name) return &d;
  return nullptr;
}

PluginCatalogue PluginCatalogue::load(const std::vector<fs::path>& folders) {
  PluginCatalogue out;
  for (const auto& folder : folders) {
    std::error_code failed;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
      const auto& path = it->path();
      if (path.string().ends_with(".plugin.json")) files.push_back(path);
      auto sidecar = path;
      std::error_code unreadable;  // reported as missing
      if (path.extension() == ".so" && !fs::exists(sidecar.replace_extension(".plugin.json"), unreadable))
        out.problems_.push_back(path.filename().string() + " has no " + sidecar.filename().string() +
                                " beside it (build it with mole_add_plugin, or run mole-describe " + path.string() +
                                " to see the error)");
    }
    if (failed && failed != std::errc::no_such_file_or_directory)
      out.problems_.push_back("cannot list " + folder.string() + ": " + failed.message());
    out.folders_.push_back(folder);
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      auto sidecar = Sidecar::read(file);
      if (!sidecar) {
        out.problems_.push_back(sidecar.error().message);
        continue;
      }
      const auto library = file.parent_path() / sidecar->library;
      for (const auto& d : sidecar->plugins) {
        CataloguedPlugin plugin;
        plugin.descriptor = d;
        plugin.sidecar = *sidecar;
        plugin.library = library;
        plugin.sidecar_path = file;
        out.plugins_[{d.kind, d.name}] = std::move(plugin);
      }
    }
  }
  return out;
}

Error PluginCatalogue::not_found(std::string_view what) const {
  std::string text = "there is no " + std::string(what) + " in";
  for (const auto& folder : folders_) text += " " + folder.string();
  if (folders_.empty()) text += " any folder";
  text += "; found:";
  for (const auto& [key, plugin] : plugins_) text += " " + key.second;
  if (plugins_.empty()) text += " none";
  for (const auto& problem : problems_) text += "; unusable: " + problem;
  return missing(text + "; build or install it, or name its folder with --plugins or MOLE_PLUGIN_PATH");
}

Result<const CataloguedPlugin*> PluginCatalogue::find(PluginKind kind, std::string_view name) const {
  const auto found = plugins_.find({kind, std::string(name)});
  if (found == plugins_.end()) return not_found(std::string(name_of(kind)) + " plugin '" + std::string(name) + "'");
  return &found->second;
}

Result<const CataloguedPlugin*> PluginCatalogue::find(std::string_view name) const {
  const CataloguedPlugin* only = nullptr;
  for (const auto& [key, plugin] : plugins_) {
    if (key.second != name) continue;
    if (only)
      return invalid("'" + std::string(name) + "' is both a " + name_of(only->descriptor.kind) + " and a " + name_of(key.first) +
                     "; specify the kind");
    only = &plugin;
  }
  if (!only) return not_found("plugin '" + std::string(name) + "'");
  return only;
}

std::vector<const CataloguedPlugin*> PluginCatalogue::all() const {
  std::vector<const CataloguedPlugin*> out;
  for (const auto& [key, plugin] : plugins_) out.push_back(&plugin);
  return out;
}

Result<> CataloguedPlugin::verify() const {
  if (*verified_) return {};
  auto done = sidecar.verify(library);
  if (done) *verified_ = true;
  return done;
}

namespace {

// Returns a string that changes whenever a file in the folders is written, derived from change times. Empty while a file is so
// new that a later write could have the same change time.
std::string stamp_of(const std::vector<fs::path>& folders) {
  constexpr std::time_t settled_after = 2;  // seconds
  const auto now = std::time(nullptr);
  bool settled = true;
  std::vector<std::string> parts;
  for (const auto& folder : folders) {
    std::error_code failed;
    for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
      struct stat st {};
      if (::stat(it->path().c_str(), &st) != 0) continue;
      settled = settled && st.st_ctim.tv_sec + settled_after <= now;
      parts.push_back(it->path().string() + "\n" + std::to_string(st.st_dev) + " " + std::to_string(st.st_ino) + " " +
                      std::to_string(st.st_size) + " " + std::to_string(st.st_ctim.tv_sec) + "." +
                      std::to_string(st.st_ctim.tv_nsec));
    }
    parts.push_back(folder.string() + "\n" + std::to_string(failed.value()));
  }
  std::sort(parts.begin(), parts.end());
  std::string stamp;
  for (const auto& part : parts) stamp += part + "\n";
  return settled ? stamp : std::string();
}

}  // namespace

std::shared_ptr<const PluginCatalogue> CurrentPlugins::get() {
  auto stamp = stamp_of(folders_);  // before reading, so that later changes are noticed next time
  const std::lock_guard lock(mutex_);
  if (stamp.empty() || stamp != stamp_) {
    catalogue_ = std::make_shared<const PluginCatalogue>(PluginCatalogue::load(folders_));
    stamp_ = std::move(stamp);
  }
  return catalogue_;
}

std::vector<fs::path> plugin_folders(const std::vector<fs::path>& given) {
  std::vector<fs::path> out;
  std::error_code failed;
  const auto exe = fs::read_symlink("/proc/self/exe", failed);
  if (!failed) out.push_back((exe.parent_path() / "../lib/mole/plugins").lexically_normal());
  std::vector<fs::path> named;
  if (const char* path = std::getenv("MOLE_PLUGIN_PATH")) {
    std::string_view rest = path;
    while (!rest.empty()) {
      const auto stop = rest.find(':');
      if (const auto one = rest.substr(0, stop); !one.empty()) named.emplace_back(one);
      rest.remove_prefix(stop == std::string_view::npos ? rest.size() : stop + 1);
    }
  }
  out.insert(out.end(), named.rbegin(), named.rend());
  out.insert(out.end(), given.rbegin(), given.rend());
  return out;
}

}  // namespace mole
