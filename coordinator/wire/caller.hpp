// Who made the call that a thread answers.
#pragma once

namespace mole::coordinator {

// Whether the call came over TCP, where a peer is known by the secret only: it may be any user of this or another machine. False
// for a call over the Unix socket, which only the user of this process can open, and for a call within this process.
bool called_over_tcp();

// The calls that this thread answers while it exists came over TCP, or not.
class CallScope {
 public:
  explicit CallScope(bool tcp);
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

 private:
  const bool before_;
};

}  // namespace mole::coordinator
