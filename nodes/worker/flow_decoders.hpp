// The decoder plugins of `mole flows`.
//
//   auto found = find_flow_decoders(folders, "");          // all that are installed
//   FlowDecoders decoders(*found);                         // one for each thread
//   auto choice = decoders.choose(std::move(content));
#pragma once

#include "runtime/task/decoders.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace mole::nodes {

struct FoundDecoders {
  std::vector<std::filesystem::path> folders;  // of their libraries
  std::vector<task::PluginUse> candidates;     // by name
};

// Returns the decoder of this name, or all if it is empty. `folders`: searched before all others, in this order. `params`: of the
// decoder; null: its defaults. missing: there is none. invalid: it has no such parameter.
Result<FoundDecoders> find_flow_decoders(const std::vector<std::filesystem::path>& folders, const std::string& name,
                                         const nlohmann::json& params = {});

// Not thread-safe: use from one thread at a time.
class FlowDecoders {
 public:
  explicit FlowDecoders(const FoundDecoders& found)
      : record_(runtime::CallRecord::in_memory()), plugins_(found.folders, *record_), decoders_(plugins_, found.candidates) {}
  FlowDecoders(const FlowDecoders&) = delete;
  FlowDecoders& operator=(const FlowDecoders&) = delete;

  // See Decoders::choose. The choice is valid as long as this object.
  Result<runtime::Decoders::Choice> choose(std::unique_ptr<runtime::ContentSource> content) {
    return decoders_.choose(std::move(content));
  }

 private:
  const std::unique_ptr<runtime::CallRecord> record_;
  const runtime::PluginSet plugins_;
  runtime::Decoders decoders_;
};

}  // namespace mole::nodes
