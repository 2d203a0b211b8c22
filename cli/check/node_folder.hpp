// Checks the files in the folder of a stopped node against their digests (mole state check --node).
#pragma once

#include "sdk/model/field_json.hpp"

#include <filesystem>

namespace mole::cli {

struct NodeCheck {
  std::uint64_t files = 0, bytes = 0;
  std::vector<std::string> damaged;

  static constexpr auto table = document(
      "NodeCheck", "What a check of a node's folder found.",  //
      field("files", &NodeCheck::files, "Files read: of the cache, states, plugins, routing tables, unsent results"),
      field("bytes", &NodeCheck::bytes, "Their size").unit("B"),
      field("damaged", &NodeCheck::damaged,
            "Files whose bytes do not have their digest, under the folder; a repair removes them"));
};

// `repair`: removes what is damaged, which the node fetches or computes again; of an unsent result the whole task. invalid: a
// node uses the folder. missing: it is not the folder of a node.
Result<NodeCheck> check_node_folder(const std::filesystem::path& folder, bool repair);

}  // namespace mole::cli
