// The coordinator in this process, and a node beside it (decision 22).
#pragma once

#include "cli/session/session.hpp"

namespace mole::cli {

// Opens the state in options.state. For `work` it is also served on the Unix socket `socket`, and a mole-node works on
// it with its folder in STATE/node and its log in STATE/node.log. missing: `look` and there is no state.
Result<std::unique_ptr<Session>> open_embedded(const Options& options, Need need, const std::string& socket);

// Where the coordinator of a state folder listens: an absolute path, or a relative one where that is too long for a
// socket.
std::string socket_of(const std::filesystem::path& state);

}  // namespace mole::cli
