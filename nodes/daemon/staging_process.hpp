// The process that stages the files of an attempt: it has the cache, the downloaders and the network, the worker with the metric
// plugins has none of them and gets open files through a socket (docs/decisions/0238).
#pragma once

#include "nodes/process/child.hpp"
#include "runtime/staging/cache.hpp"

#include <future>
#include <memory>
#include <optional>
#include <thread>

namespace mole::nodes {

class StagingProcess {
 public:
  // Starts it. `command`: without the descriptors, which are set here. transient: no descriptor is free.
  static Result<std::unique_ptr<StagingProcess>> start(Command command, const Watch& watch);
  ~StagingProcess();
  StagingProcess(const StagingProcess&) = delete;

  // The worker's end of the socket. Valid until `end`.
  int worker_end() const { return worker_end_.get(); }
  // Call when the worker has ended. The process then ends by itself, or is killed after `grace`.
  Result<ExitStatus> end(std::chrono::seconds grace);

 private:
  StagingProcess() = default;

  runtime::Pin worker_end_;
  Cancellation cancel_;
  std::future<Result<ExitStatus>> ended_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace mole::nodes
