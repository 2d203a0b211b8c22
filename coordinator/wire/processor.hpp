// Turns a request frame into a reply frame: what a FrameServer (coordinator/wire/frame_server.hpp) calls.
#pragma once

#include "coordinator/wire/api.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mole::coordinator {

// Called from several threads at once. nullopt: the frame is not a request in our protocol; the connection is closed.
using FrameHandler = std::function<std::optional<std::string>(std::string_view frame)>;

// Serves the whole Api. `api` outlives the handler.
FrameHandler serve_coordinator(Api& api);

}  // namespace mole::coordinator
