#include "nodes/daemon/staging_process.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <utility>

namespace mole::nodes {

Result<std::unique_ptr<StagingProcess>> StagingProcess::start(Command command, const Watch& watch) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return transient(
        "cannot connect a worker with its files: no file descriptor is free; raise the limit on open files (ulimit -n)");
  std::unique_ptr<StagingProcess> out(new StagingProcess);
  out->worker_end_ = runtime::Pin(ends[1]);
  command.handover = ends[0];
  std::promise<Result<ExitStatus>> ended;
  out->ended_ = ended.get_future();
  auto watched = watch;
  watched.cancel = &out->cancel_;
  out->thread_ = std::jthread([command = std::move(command), watched, ended = std::move(ended)]() mutable {
    const runtime::Pin own_end(command.handover);  // closed when the process has ended, so that the worker notices
    ended.set_value(run_child(command, watched));
  });
  return out;
}

StagingProcess::~StagingProcess() { cancel_.request(); }

Result<ExitStatus> StagingProcess::end(std::chrono::seconds grace) {
  worker_end_ = runtime::Pin();
  if (ended_.wait_for(grace) != std::future_status::ready) cancel_.request();
  return ended_.get();
}

}  // namespace mole::nodes
