// Waits for a request.
#pragma once

#include "cli/progress/progress.hpp"
#include "coordinator/wire/client_api.hpp"

#include <functional>

namespace mole::cli {

// Catches ^C and SIGTERM while it exists: the first signal sets a flag, the second ends the process at once. Only one instance
// may exist at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  bool requested() const;
};

// The dependencies of a wait; tests replace them.
struct Watch {
  std::function<bool()> stop = [] { return false; };
  std::function<Result<>()> check = [] { return Result<>(); };  // an error ends the wait
  std::function<void(double)> pause;                            // sleeps for up to this number of seconds
  std::function<double()> now;                                  // seconds
};
Watch system_watch(const Interrupt& interrupt);

// True if the request makes no further progress: it ended, or waits only for files the archive does not have yet.
bool is_settled(const coordinator::RequestStatus& request);

// Polls the request until it is settled and returns its document. cancelled: `stop` returned true. Retries for 30 seconds if the
// coordinator is unreachable.
Result<coordinator::RequestStatus> watch_request(coordinator::ClientApi& api, const std::string& id, Progress& progress,
                                                 const Watch& watch);

}  // namespace mole::cli
