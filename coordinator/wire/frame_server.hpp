// The socket layer of every service: frames in, frames out, under limits and deadlines (docs/formats/wire.md).
//
//   FrameServer server(serve_coordinator(api), {*parse_address("unix:/run/mole.sock"), *parse_address("tcp:127.0.0.1:0")});
//   if (auto started = server.start(); !started) return started.error();
//   ... server.port() ...
//   server.stop();
//
// One thread moves bytes, a pool runs the handler; a peer that is slow, silent or hostile costs one connection and no thread.
#pragma once

#include "coordinator/wire/address.hpp"
#include "coordinator/wire/limits.hpp"
#include "coordinator/wire/processor.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace mole::coordinator {

struct ServerLimits {
  std::uint32_t frame_bytes = request_bytes;
  std::uint64_t buffered_bytes = std::uint64_t{256} << 20;  // of all unfinished requests together
  std::uint32_t connections = 2'000;                        // further ones wait in the kernel's queue
  std::uint32_t threads = 0;                                // of the handler; 0: 8, or as many as cores if more
  std::chrono::milliseconds frame{15'000};                  // from the first byte of a request to its last
  std::chrono::milliseconds idle{300'000};                  // between requests
  std::chrono::milliseconds reply{60'000};                  // until the peer has taken the reply
};

class FrameServer {
 public:
  FrameServer(FrameHandler handler, std::vector<Address> addresses, ServerLimits limits = {});
  // Stops.
  ~FrameServer();

  // Listens on every address, or on none. Once.
  Result<> start();
  // Closes what is idle, lets running requests answer (two seconds for the writing), ends the threads. Not from a handler.
  void stop();

  // What it listens on, with the ports the system chose.
  std::vector<Address> addresses() const;
  std::uint16_t port() const;  // of the first TCP address; 0: none

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace mole::coordinator
