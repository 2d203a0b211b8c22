// Reads the 64 bytes in which a worker records the plugin call it is about to make (docs/formats/call_record.md).
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace mole::nodes {

struct PluginCall {
  std::string call;                   // "add"
  std::optional<std::uint32_t> step;  // empty: a decoder or downloader
  std::uint64_t batch = 0;
  std::uint64_t progress = 0;  // changes while the call makes progress
  std::string module;          // as the worker writes it: "traffic", "decoder netflow5"
  bool in_plugin = false;      // false: the worker was in its own code
};

// Returns nullopt if there is no record yet or the file is not a record.
std::optional<PluginCall> read_call(const std::filesystem::path& path);

}  // namespace mole::nodes
