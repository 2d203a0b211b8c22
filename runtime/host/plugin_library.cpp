#include "runtime/host/plugin_library.hpp"

#include <boost/dll/library_info.hpp>
#include <boost/dll/shared_library.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

namespace mole::runtime {
namespace {

constexpr std::string_view entry_symbol = "mole_plugin_entry";
constexpr std::uint32_t max_plugins = 256;

struct KindSize {
  std::string_view kind;
  PluginKind descriptor_kind;
  std::size_t size;  // of the table in ABI 1.0
};
constexpr KindSize kinds[] = {{"mole.metric/1", PluginKind::metric, sizeof(mole_metric_v1)},
                              {"mole.decoder/1", PluginKind::decoder, sizeof(mole_decoder_v1)},
                              {"mole.downloader/1", PluginKind::downloader, offsetof(mole_downloader_v1, index_range)}};

// Reads the file without loading it.
Result<> check_symbols(const std::filesystem::path& path) {
  std::vector<std::string> symbols;
  try {
    boost::dll::library_info info(boost::dll::fs::path(path.string()));
    symbols = info.symbols();
  } catch (const std::exception& e) {
    return invalid(path.string() + " is not a shared library for this machine (" + e.what() +
                   "); build it again with mole_add_plugin");
  }
  std::erase_if(symbols, [](const std::string& s) { return s.empty() || s.starts_with("MOLE_PLUGIN_"); });  // version nodes
  const bool has_entry = std::find(symbols.begin(), symbols.end(), entry_symbol) != symbols.end();
  if (!has_entry)
    return invalid(
        path.string() +
        " does not export mole_plugin_entry, so it is not a plugin; add MOLE_PLUGINS(...) and build it with mole_add_plugin");
  for (const auto& symbol : symbols)
    if (symbol != entry_symbol)
      return invalid(path.string() + " exports '" + symbol +
                     "' in addition to mole_plugin_entry; build it with mole_add_plugin, which hides other symbols");
  return {};
}

// Checks magic and version.
Result<> check_version(const mole_entry& entry, std::string_view what) {
  const std::string name(what);
  if (entry.magic != MOLE_ABI_MAGIC)
    return invalid(name + ": its mole_plugin_entry has no Data Mole magic number; build it against the Data Mole SDK");
  const auto versions = "it was built for ABI " + std::to_string(entry.abi_major) + "." + std::to_string(entry.abi_minor) +
                        ", but this host has " + std::to_string(MOLE_ABI_MAJOR) + "." + std::to_string(MOLE_ABI_MINOR);
  if (entry.abi_major != MOLE_ABI_MAJOR) return unsupported(name + ": " + versions + "; rebuild it against this SDK");
  if (entry.abi_minor > MOLE_ABI_MINOR)
    return unsupported(name + ": " + versions + "; update Data Mole or rebuild it against the older SDK");
  return {};
}

}  // namespace

struct PluginLibrary::Code {
  boost::dll::shared_library library;
};

PluginLibrary::PluginLibrary(std::filesystem::path path, std::unique_ptr<Code> code)
    : path_(std::move(path)), code_(std::move(code)) {}
PluginLibrary::~PluginLibrary() = default;

Result<const PluginLibrary*> PluginLibrary::load(const std::filesystem::path& path, const Sidecar& sidecar, CallRecord& record) {
  // Libraries stay loaded: their code may still be on a stack, and unloading has no benefit.
  static std::mutex mutex;
  static auto& loaded = *new std::map<std::filesystem::path, std::unique_ptr<PluginLibrary>>;
  const std::lock_guard lock(mutex);
  if (const auto found = loaded.find(path); found != loaded.end()) return found->second.get();
  MOLE_TRY(auto library, open(path, sidecar, record));
  return loaded.emplace(path, std::move(library)).first->second.get();
}

Result<std::unique_ptr<PluginLibrary>> PluginLibrary::open(const std::filesystem::path& path, const Sidecar& sidecar,
                                                           CallRecord& record) {
  if (auto fits = sidecar.verify(path); !fits) return fits.error();
  if (auto fits = check_symbols(path); !fits) return fits.error();
  auto code = std::make_unique<Code>();
  boost::dll::fs::error_code problem;
  record.mark(Call::load_library, no_step, path.filename().string());
  code->library.load(boost::dll::fs::path(path.string()), problem,
                     boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  const bool found = !problem && code->library.has(entry_symbol.data());
  record.clear();
  if (problem)
    return invalid(path.string() + " cannot be loaded: " + problem.message() +
                   "; install the libraries it needs or rebuild it on this machine");
  if (!found) return invalid(path.string() + " has no mole_plugin_entry after loading; rebuild it");
  const auto* entry = &code->library.get<const mole_entry>(entry_symbol.data());
  auto library = std::unique_ptr<PluginLibrary>(new PluginLibrary(path, std::move(code)));
  record.mark(Call::load_library, no_step, path.filename().string());
  auto checked = library->check_entry(entry, sidecar);
  record.clear();
  if (!checked) {
    static auto& refused = *new std::vector<std::unique_ptr<PluginLibrary>>;  // not unloaded either
    refused.push_back(std::move(library));
    return checked.error();
  }
  return library;
}

Result<> PluginLibrary::check_entry(const mole_entry* entry, const Sidecar& sidecar) {
  if (auto fits = check_version(*entry, path_.string()); !fits) return fits;
  if (!entry->count || !entry->plugin)
    return invalid(path_.string() + ": its mole_plugin_entry lacks count or plugin; rebuild it");
  const std::uint32_t count = entry->count();
  if (count != sidecar.plugins.size() || count > max_plugins)
    return invalid(path_.string() + " has " + std::to_string(count) + " plugins, but its sidecar describes " +
                   std::to_string(sidecar.plugins.size()) + "; rebuild it to write a new sidecar");
  for (std::uint32_t i = 0; i < count; ++i) {
    const mole_plugin* plugin = entry->plugin(i);
    if (!plugin) return invalid(path_.string() + ": plugin " + std::to_string(i) + " is missing from its table; rebuild it");
    if (auto fits = check_plugin(plugin, sidecar); !fits) return fits;
  }
  return {};
}

Result<> PluginLibrary::check_plugin(const mole_plugin* plugin, const Sidecar& sidecar) {
  if (plugin->struct_size < sizeof(mole_plugin) || !plugin->kind || !plugin->descriptor || !plugin->vtable)
    return invalid(path_.string() + ": a plugin's table is shorter than in ABI 1.0; rebuild it against this SDK");
  const auto kind = std::find_if(std::begin(kinds), std::end(kinds), [&](const KindSize& k) { return k.kind == plugin->kind; });
  if (kind == std::end(kinds))
    return unsupported(path_.string() + " has a plugin of kind '" + plugin->kind +
                       "', but this host supports mole.metric/1, mole.decoder/1 and mole.downloader/1; update Data Mole");
  const auto size = *static_cast<const std::uint32_t*>(plugin->vtable);  // struct_size comes first in every vtable
  if (size < kind->size)
    return invalid(path_.string() + ": its " + plugin->kind + " table has " + std::to_string(size) +
                   " bytes, but this host needs " + std::to_string(kind->size) + "; rebuild it against this SDK");
  auto descriptor = Descriptor::parse(plugin->descriptor);
  if (!descriptor) return invalid(path_.string() + ": its descriptor cannot be read: " + descriptor.error().message);
  if (descriptor->kind != kind->descriptor_kind)
    return invalid(path_.string() + ": the descriptor of a plugin of kind '" + plugin->kind + "' describes a " +
                   name_of(descriptor->kind) + "; rebuild it");
  const Descriptor* expected = sidecar.find(descriptor->kind, descriptor->name);
  if (!expected || expected->document != descriptor->document)
    return invalid(path_.string() + ": the descriptor of '" + descriptor->name +
                   "' differs from the one in its sidecar; rebuild it to write a new sidecar");
  plugins_.push_back({plugin, plugin->kind, descriptor->name});
  return {};
}

const mole_plugin* PluginLibrary::find(std::string_view kind, std::string_view name) const {
  for (const auto& candidate : plugins_)
    if (candidate.kind == kind && candidate.name == name) return candidate.plugin;
  return nullptr;
}

}  // namespace mole::runtime
