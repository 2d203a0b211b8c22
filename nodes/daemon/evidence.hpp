// What a worker leaves behind for its daemon: the record of its last plugin call, and its log.
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace mole::nodes {

// The call that the worker was about to make, from the 64 bytes in which it records it (docs/formats/call_record.md).
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

// Returns the last whole lines of a log, at most 64 KiB. Control bytes and bytes that are not UTF-8 are written as \xNN, so
// that a log cannot send escape sequences to the reader's terminal. Empty if there is no log.
std::string log_tail(const std::filesystem::path& log);

}  // namespace mole::nodes
