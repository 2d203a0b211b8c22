// Finds the plugins of a task by digest and loads them.
#pragma once

#include "runtime/host/call_record.hpp"
#include "sdk/descriptor/descriptor.hpp"
#include "sdk/model/task.hpp"

#include <mole/abi.h>
#include <mole/result.hpp>

#include <filesystem>
#include <vector>

namespace mole::runtime {

struct LoadedPlugin {
  const mole_plugin* plugin = nullptr;
  Descriptor descriptor;
};

class PluginSet {
 public:
  // Each folder is searched for <digest>.so (in a node's folder) and then <name>.so (in a build tree).
  PluginSet(std::vector<std::filesystem::path> folders, CallRecord& record) : folders_(std::move(folders)), record_(record) {}

  // missing: not in any folder. Also returns the errors of PluginLibrary::load.
  Result<LoadedPlugin> load(const task::PluginUse& use, PluginKind kind) const;

  CallRecord& record() const { return record_; }

 private:
  std::vector<std::filesystem::path> folders_;
  CallRecord& record_;
};

}  // namespace mole::runtime
