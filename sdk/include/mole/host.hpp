// Services of the host for a plugin. A downloader receives them in its constructor: explicit Tape(const Params&, const
// mole::Host&);
//
//   mole::Result<> wait(const mole::Host& host) {
//     if (host.cancelled()) return mole::Error{mole::Code::cancelled, "cancelled while waiting for the tape"};
//     return {};
//   }
#pragma once

#include <mole/result.hpp>

namespace mole {

// Valid for the life of the process; any thread. The default value is for tests, and never cancelled.
class Host {
 public:
  Host() = default;
  explicit Host(const mole_host* host) : host_(host) {}

  // Whether the host asks to stop: return Code::cancelled within a second or two.
  bool cancelled() const { return host_ && host_->cancelled(host_->self) != 0; }

 private:
  const mole_host* host_ = nullptr;
};

}  // namespace mole
