// The decoder plugins of `mole flows`.
#pragma once

#include "runtime/host/stream_modules.hpp"
#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/mutex.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mole::nodes {

struct FlowDecoder {
  std::string name;
  const runtime::DecoderModule* module;
};

// Opens each decoder once, when it is first needed. Any thread.
class FlowDecoders {
 public:
  // `folders`: searched before all others, in this order.
  explicit FlowDecoders(const std::vector<std::filesystem::path>& folders);

  Result<FlowDecoder> named(const std::string& name) MOLE_EXCLUDES(mutex_);
  // Returns the first decoder, by name, that recognises the file, or the only installed one.
  Result<FlowDecoder> for_file(const std::filesystem::path& path) MOLE_EXCLUDES(mutex_);

 private:
  Result<FlowDecoder> open(const CataloguedPlugin& plugin) MOLE_EXCLUDES(mutex_);

  const PluginCatalogue catalogue_;
  const std::unique_ptr<runtime::CallRecord> record_;
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<runtime::DecoderModule>> opened_ MOLE_GUARDED_BY(mutex_);
};

}  // namespace mole::nodes
