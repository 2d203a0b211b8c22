// The embedded mode: a coordinator in this process and a node as its child.
#pragma once

#include "cli/session/session.hpp"

namespace mole::cli {

// Opens the state in options.state. For `work` it also listens on the Unix socket `socket` and starts a mole-node with its
// folder in STATE/node and its log in STATE/node.log. missing: `read` and there is no state.
Result<std::unique_ptr<Session>> open_embedded(const Options& options, Need need, const std::string& socket);

// Returns the socket path of a state folder: an absolute path, or a relative one if the absolute path is too long.
std::string socket_of(const std::filesystem::path& state);

}  // namespace mole::cli
