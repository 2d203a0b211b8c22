// Starts a program, watches it, ends it: everything the daemon does to a worker process.
//
// The child gets a process group of its own, an empty signal mask, a clean environment, /dev/null, its log, and nothing else
// open but descriptor 3; limits on memory, files and core. What it leaves in its group dies with it.
#pragma once

#include "sdk/model/time.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace mole::nodes {

struct Command {
  std::filesystem::path launcher;  // mole-launch (launch.cpp): ties the child to this process and limits it
  std::filesystem::path program;
  std::vector<std::string> arguments;
  std::filesystem::path folder;     // working directory; its scratch/ is HOME and TMPDIR
  std::filesystem::path log;        // stdout and stderr, appended
  int handover = -1;                // becomes descriptor 3; -1: none
  std::uint64_t address_space = 0;  // bytes; 0: unlimited
};

// Asks from any thread that a child end. One per attempt, may be asked before a child exists.
class Cancellation {
 public:
  Cancellation();
  ~Cancellation();
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;
  void request();
  bool requested() const { return requested_; }
  // Waits; true if requested meanwhile.
  bool wait(Micros time) const;
  int descriptor() const { return event_; }

 private:
  int event_;
  std::atomic<bool> requested_{false};
};

struct Watch {
  Micros wall_limit = 0;                    // 0: none
  Micros stall_limit = 0;                   // 0: none
  std::function<std::uint64_t()> progress;  // a number that changes while the child lives
  const Cancellation* cancel = nullptr;     // may be null
};

struct Ending {
  enum class Kind { exited, killed, out_of_time, stalled, cancelled };
  Kind kind = Kind::exited;
  int value = 0;  // exit code, or signal

  bool clean() const { return kind == Kind::exited && value == 0; }
};

// Runs to its end. The calling thread must live as long as the child: the child dies with it (PR_SET_PDEATHSIG).
// transient: it cannot be started now; invalid: there is no such program.
Result<Ending> run_child(const Command& command, const Watch& watch);

}  // namespace mole::nodes
