// A listening socket: the part of a server that is plain POSIX.
#pragma once

#include "coordinator/wire/address.hpp"

#include <cstdint>
#include <optional>

namespace mole::coordinator {

class Listener {
 public:
  // Binds and listens. A Unix socket gets mode 0600 before anyone can connect; a socket file nobody listens on is replaced.
  // invalid: another server listens there, the path is taken by something else, or the address cannot be bound.
  static Result<Listener> open(const Address& address);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  // Closes what `take` did not; removes the socket file if it is still ours.
  ~Listener();

  const Address& address() const { return address_; }  // with the port the system chose
  int take();                                          // the descriptor; the caller closes it

 private:
  struct SocketFile {
    std::uint64_t device = 0, inode = 0;
  };
  Listener(int fd, Address address) : fd_(fd), address_(std::move(address)) {}
  Result<> bind_unix();
  Result<> bind_tcp();

  int fd_ = -1;
  Address address_;
  std::optional<SocketFile> file_;
};

}  // namespace mole::coordinator
