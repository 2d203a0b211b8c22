#include "nodes/worker/flow_decoders.hpp"

#include "runtime/decode/content_source.hpp"

#include <algorithm>
#include <vector>

namespace mole::nodes {
namespace {

using namespace mole::runtime;

constexpr std::size_t head_bytes = 4096;

Result<std::string> head_of(const std::filesystem::path& path) {
  MOLE_TRY(auto content, open_content(path));
  std::string head;
  while (head.size() < head_bytes) {
    MOLE_TRY(auto chunk, content->next());
    if (!chunk || (chunk->gap && !head.empty())) break;
    const auto bytes = chunk->bytes;
    head.append(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), head_bytes - head.size()));
  }
  return head;
}

}  // namespace

FlowDecoders::FlowDecoders(const std::vector<std::filesystem::path>& folders)
    : catalogue_(PluginCatalogue::load(plugin_folders(folders))), record_(CallRecord::in_memory()) {}

Result<FlowDecoder> FlowDecoders::named(const std::string& name) {
  MOLE_TRY(auto found, catalogue_.find(PluginKind::decoder, name));
  return open(*found);
}

Result<FlowDecoder> FlowDecoders::for_file(const std::filesystem::path& path) {
  std::vector<const CataloguedPlugin*> all;
  for (const auto* plugin : catalogue_.all())
    if (plugin->descriptor.kind == PluginKind::decoder) all.push_back(plugin);
  if (all.empty()) return missing("no decoder plugin is installed; set MOLE_PLUGIN_PATH or --plugins to a folder with decoders");
  MOLE_TRY(auto head, head_of(path));
  for (const auto* plugin : all) {
    auto decoder = open(*plugin);
    if (!decoder) return decoder;
    const auto* vtable = decoder->module->vtable();
    if (vtable->recognises(reinterpret_cast<const std::uint8_t*>(head.data()), head.size()) == 1) return decoder;
  }
  if (all.size() == 1 || head.empty()) return open(*all.front());  // the start may be damaged, or all of it
  return invalid(path.string() + ": no installed decoder recognises it; name one with --decoder");
}

Result<FlowDecoder> FlowDecoders::open(const CataloguedPlugin& plugin) {
  const MutexLock lock(mutex_);
  auto& opened = opened_[plugin.descriptor.name];
  if (!opened) {
    const PluginSet plugins({plugin.library.parent_path()}, *record_);
    task::PluginUse use{plugin.descriptor.name, plugin.descriptor.version, plugin.sidecar.digest, plugin.sidecar.text,
                        nlohmann::json::object()};
    MOLE_TRY(auto module, DecoderModule::open(plugins, use));
    opened = std::move(module);
  }
  return FlowDecoder{plugin.descriptor.name, opened.get()};
}

}  // namespace mole::nodes
