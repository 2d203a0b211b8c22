// Runs a worker process: starts it, watches it, keeps the last bytes it prints, kills it when it exceeds a limit.
//
// The child has its own process group, an empty signal mask, default signal actions and a clean environment; stdin is
// /dev/null, stdout and stderr a pipe that is copied into its log as it arrives, so that printing never blocks the child and
// never fills the disk, descriptor 3 the handover, 4 its files, and no other descriptor is open. Memory, file size, descriptors
// and core dumps are limited. Processes that it leaves in its group are killed, and with namespaces or a cgroup all that it has
// started.
#pragma once

#include "nodes/process/cgroup.hpp"
#include "sdk/model/time.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace mole::nodes {

// What separates a child from the rest of the machine, besides its limits (docs/decisions/0214).
struct Sandbox {
  bool namespaces = false;  // of its own: sees no other process, mount or shared memory
  bool network = true;
  // Landlock: nothing else can be read, executed or written. Both empty: no restriction.
  std::vector<std::filesystem::path> read = {}, write = {};
  std::shared_ptr<Cgroups> groups =
      nullptr;                    // it runs in one of them, limited to its address space; null: in that of this process
  std::uint64_t write_limit = 0;  // bytes that it may write to disks, looked at ten times a second; 0: any
};

struct Command {
  std::filesystem::path launcher;  // mole-launch (launch.cpp): sets the limits, kills the child when this process dies
  std::filesystem::path program;
  std::vector<std::string> arguments;
  std::filesystem::path folder;               // working directory; its scratch/ is HOME and TMPDIR
  std::filesystem::path log;                  // stdout and stderr, appended; the last BoundedLog::max_bytes of them
  int handover = -1;                          // becomes descriptor 3; -1: none
  int files = -1;                             // becomes descriptor 4, only with a handover; -1: none
  std::uint64_t address_space = 0;            // bytes; 0: unlimited
  std::vector<std::string> environment = {};  // "NAME=value", besides PATH, LANG, TZ, HOME and TMPDIR
  Sandbox sandbox = {};
};

// Cancels a child from any thread, even before it is started. One per attempt.
class Cancellation {
 public:
  Cancellation();
  ~Cancellation();
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;
  void request();
  bool requested() const { return requested_; }
  // Waits for at most `time`; returns whether cancellation was requested.
  bool wait(Micros time) const;
  int descriptor() const { return event_; }

 private:
  int event_;
  std::atomic<bool> requested_{false};
};

struct Watch {
  Micros wall_limit = 0;                    // 0: none
  Micros stall_limit = 0;                   // 0: none
  std::function<std::uint64_t()> progress;  // changes as long as the child makes progress
  const Cancellation* cancel = nullptr;     // may be null
};

struct ExitStatus {
  enum class Kind { exited, killed, timed_out, stalled, cancelled, wrote_too_much };
  Kind kind = Kind::exited;
  int value = 0;               // exit code, or signal
  bool out_of_memory = false;  // its group needed more memory than it may use

  bool clean() const { return kind == Kind::exited && value == 0; }
};

// Runs a child until it ends. It is killed if the calling thread ends first (PR_SET_PDEATHSIG).
// transient: it cannot be started now; invalid: there is no such program.
Result<ExitStatus> run_child(const Command& command, const Watch& watch);

}  // namespace mole::nodes
