// A listening socket, created with POSIX calls.
#pragma once

#include "coordinator/wire/address.hpp"

#include <cstdint>
#include <optional>

namespace mole::coordinator {

class Listener {
 public:
  // Binds and listens. A Unix socket has mode 0600 before it accepts connections; a socket file without a listener is replaced.
  // invalid: another server is listening on it, the path is not a socket, or the address cannot be bound.
  static Result<Listener> open(const Address& address);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  // Closes the descriptor unless `take` was called; removes the socket file unless it was replaced.
  ~Listener();

  const Address& address() const { return address_; }  // with the port that the system chose
  int take();                                          // returns the descriptor; the caller closes it

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
