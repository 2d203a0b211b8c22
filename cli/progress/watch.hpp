// Waiting for a request.
#pragma once

#include "cli/progress/progress.hpp"
#include "coordinator/wire/client_api.hpp"

#include <functional>

namespace mole::cli {

// ^C (and SIGTERM), caught while this lives: the first asks politely, a second one ends the process at once. One at a
// time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  bool asked() const;
};

// Everything the wait needs from outside; tests give their own.
struct Watch {
  std::function<bool()> stop = [] { return false; };
  std::function<Result<>()> check = [] { return Result<>(); };  // an error ends the wait
  std::function<void(double)> pause;                            // sleeps so many seconds; may return early
  std::function<double()> now;                                  // seconds
};
Watch system_watch(const Interrupt& interrupt);

// True if the request will not go on by itself: it ended, or only waits for data the archive does not have yet.
bool at_rest(const nlohmann::json& request);

// Polls the request until it is at rest and returns its document. cancelled: `stop` said so. An unreachable coordinator
// is tried again for half a minute.
Result<nlohmann::json> watch_request(coordinator::ClientApi& api, const std::string& id, Progress& progress, const Watch& watch);

}  // namespace mole::cli
