// One accepted connection. All members run on the thread of the loop; only the handler runs on the pool.
#pragma once

#include "coordinator/wire/frame_server.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <array>
#include <string>
#include <unordered_set>

namespace mole::coordinator {

class Connection;

// Shared by the connections of a server. Owned by the loop, which outlives them.
struct SharedState {
  FrameHandler handler;
  ServerLimits limits;
  boost::asio::io_context& io;
  boost::asio::thread_pool& pool;
  std::unordered_set<std::shared_ptr<Connection>> open;  // pending operations also hold their connection
  std::uint64_t buffered = 0;
  bool stopping = false;
  std::function<void()> on_close;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  Connection(SharedState& shared, Socket socket);
  void start();
  // Closes the connection now, or after the reply if a request is being processed.
  void close_when_idle();

 private:
  void read_header();
  void parse_header();
  void read_body();
  void process();
  void send(std::optional<std::string> reply);
  void set_deadline(std::chrono::milliseconds time);
  void close();
  void free_body();

  SharedState& shared_;
  Socket socket_;
  boost::asio::steady_timer timer_;
  std::array<unsigned char, 4> header_{};
  std::size_t header_received_ = 0;
  std::string body_;
  std::size_t body_received_ = 0, body_size_ = 0;
  std::string reply_;
  bool processing_ = false, closed_ = false;
};

}  // namespace mole::coordinator
