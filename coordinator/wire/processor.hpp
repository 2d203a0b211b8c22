// Turns a request frame into a reply frame, for a FrameServer (coordinator/wire/frame_server.hpp).
#pragma once

#include "coordinator/wire/api.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mole::coordinator {

// Called from several threads concurrently. Returns nullopt, to close the connection, if the frame is not in our protocol.
using FrameHandler = std::function<std::optional<std::string>(std::string_view frame)>;

// Serves all calls of `api`, which must outlive the handler.
FrameHandler serve_coordinator(Api& api);

}  // namespace mole::coordinator
