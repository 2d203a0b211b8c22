// The socket layer of every service: reads and writes frames, with limits and deadlines (docs/formats/wire.md).
//
//   FrameServer server(serve_coordinator(api), {*parse_address("unix:/run/mole.sock"), *parse_address("tcp:127.0.0.1:0")});
//   if (auto started = server.start(); !started) return started.error();
//   server.stop();
//
// A peer on TCP must prove that it knows the secret before any of its frames is parsed, and the server proves the same; a peer on
// a Unix socket must be a process of the same user. One thread does the I/O, a pool runs the handler. A slow, silent or hostile
// peer occupies one connection and no thread.
#pragma once

#include "coordinator/wire/address.hpp"
#include "coordinator/wire/limits.hpp"
#include "coordinator/wire/processor.hpp"
#include "coordinator/wire/secret.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace mole::coordinator {

struct ServerLimits {
  std::uint32_t frame_bytes = request_bytes;
  std::uint64_t buffered_bytes = std::uint64_t{256} << 20;  // of all unfinished requests together
  std::uint64_t reply_bytes = std::uint64_t{128} << 20;     // of all replies that peers have not read; the oldest is dropped
  std::uint32_t connections = 2'000;                        // beyond them, the one that has been silent longest is closed
  std::uint32_t unproven = 256;                             // TCP connections before the proof; beyond them, the oldest is closed
  std::uint32_t threads = 0;                                // of the handler; 0: the number of cores, at least 8
  std::uint32_t per_process = 0;                            // concurrent requests of one process; 0: half of the threads
  std::chrono::milliseconds proof{5'000};                   // from accepting a TCP connection to the peer's proof
  std::chrono::milliseconds frame{15'000};                  // from the first byte of a request to its last
  std::chrono::milliseconds idle{300'000};                  // between requests
  std::chrono::milliseconds reply{60'000};                  // until the peer has read the reply
};

class FrameServer {
 public:
  FrameServer(FrameHandler handler, std::vector<Address> addresses, ServerLimits limits = {}, std::optional<Secret> secret = {});
  ~FrameServer();  // stops

  // Called on a thread of the handler when a peer on TCP has sent a wrong proof. Call before start().
  void on_refused(std::function<void()> call);
  // Listens on all addresses, or on none if one fails. Call it once. invalid: also if an address is TCP and there is no secret.
  Result<> start();
  // Closes idle connections, finishes running requests (with two seconds to write the replies) and joins the threads. Do not call
  // it from a handler.
  void stop();

  // The addresses it listens on, with the ports that the system chose.
  std::vector<Address> addresses() const;
  std::uint16_t port() const;  // of the first TCP address; 0: none

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace mole::coordinator
