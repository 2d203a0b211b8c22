// One accepted connection. All members run on the thread of the loop; only the handler runs on the pool.
#pragma once

#include "coordinator/wire/frame_server.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <array>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>

namespace mole::coordinator {

class Connection;

// Shared by the connections of a server. Owned by the loop, which outlives them.
struct SharedState {
  // Connections in the order in which they began to wait.
  using Queue = std::list<Connection*>;

  SharedState(FrameHandler serve, const ServerLimits& all, boost::asio::io_context& loop, boost::asio::thread_pool& threads)
      : handler(std::move(serve)), limits(all), io(loop), pool(threads) {}
  // Closes the connection that has waited longest. False: none waits.
  bool close_first(Queue& queue);
  bool is_full() const { return open.size() - unproven.size() >= limits.connections; }

  FrameHandler handler;
  ServerLimits limits;
  boost::asio::io_context& io;
  boost::asio::thread_pool& pool;
  std::unordered_set<std::shared_ptr<Connection>> open;  // pending operations also hold their connection
  std::optional<Secret> secret;
  Queue unproven;  // for the peer's proof
  Queue waiting;   // for a request or the rest of it
  Queue writing;   // until the peer has read the reply
  Queue ready;     // for a thread: their processes have as many requests in progress as one may have
  std::map<std::uint64_t, std::uint32_t> in_progress;  // requests by process
  std::uint64_t buffered = 0;                          // bytes of requests
  std::uint64_t unread = 0;                            // bytes of replies
  bool stopping = false;
  std::function<void()> on_refused;  // a peer has sent a wrong proof; may be empty
  std::function<void()> on_room;     // a connection was closed or waits for a request
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  Connection(SharedState& shared, Socket socket);
  // Reads frames of a peer that is allowed to send them. `process`: requests of one process share a limit.
  void start(std::uint64_t process);
  // Reads frames once the peer has proven that it knows the secret.
  void ask_for_proof();
  void close();
  // Runs the handler on a thread of the pool.
  void run();
  // Closes the connection now, or after the reply if a request is being processed.
  void close_when_idle();

 private:
  void read_proof_frame(std::size_t bytes, void (Connection::*next)());
  void answer_hello();
  void check_proof();
  void next_request();
  void read_header();
  void parse_header();
  void read_body();
  void process();
  void finish();
  void send(std::optional<std::string> reply);
  void set_deadline(std::chrono::milliseconds time);
  void free_body();
  void enter(SharedState::Queue& queue);
  void leave_queue();

  SharedState& shared_;
  Socket socket_;
  boost::asio::steady_timer timer_;
  std::array<unsigned char, 4> header_{};
  std::size_t header_received_ = 0;
  std::string body_;
  std::size_t body_received_ = 0, body_size_ = 0;
  std::string reply_, nonces_;
  bool over_tcp_ = false;
  std::uint64_t process_ = 0;
  SharedState::Queue* queue_ = nullptr;  // of which this is a member
  SharedState::Queue::iterator place_;
  bool processing_ = false, closed_ = false;
};

}  // namespace mole::coordinator
