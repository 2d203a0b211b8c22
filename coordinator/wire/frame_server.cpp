#include "coordinator/wire/frame_server.hpp"

#include "coordinator/wire/connection.hpp"
#include "coordinator/wire/listener.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

namespace mole::coordinator {

namespace asio = boost::asio;

namespace {

using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using ErrorCode = boost::system::error_code;

unsigned pool_threads(std::uint32_t wanted) { return wanted != 0 ? wanted : std::max(8u, std::thread::hardware_concurrency()); }

// The mode of the socket file excludes other users; this check also works if the file was moved or its mode was changed.
bool same_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

}  // namespace

class FrameServer::Loop {
 public:
  Loop(FrameHandler handler, std::vector<Address> addresses, ServerLimits limits)
      : addresses_(std::move(addresses)),
        pool_(pool_threads(limits.threads)),
        shared_{.handler = std::move(handler), .limits = limits, .io = io_, .pool = pool_, .open = {}, .on_close = {}} {
    shared_.on_close = [this] { on_closed(); };
  }

  ~Loop() { stop(); }

  Result<> start() {
    std::vector<Listener> opened;
    for (const auto& address : addresses_) {
      auto listener = Listener::open(address);
      if (!listener) return listener.error();
      opened.push_back(std::move(*listener));
    }
    for (auto& listener : opened) {
      listening_.push_back(std::make_unique<ListeningSocket>(io_, std::move(listener)));
      accept(*listening_.back());
    }
    thread_ = std::thread([this] { io_.run(); });
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return pool_.join();
    std::promise<void> stopped_accepting;
    asio::post(io_, [&] {
      begin_stop();
      stopped_accepting.set_value();
    });
    stopped_accepting.get_future().wait();
    pool_.join();
    asio::post(io_, [this] { stop_when_written(); });
    thread_.join();
    listening_.clear();
  }

  std::vector<Address> addresses() const {
    std::vector<Address> out;
    for (const auto& each : listening_) out.push_back(each->listener.address());
    return out;
  }

 private:
  struct ListeningSocket {
    ListeningSocket(asio::io_context& io, Listener from)
        : listener(std::move(from)),
          acceptor(io, Protocol(listener.address().is_unix() ? AF_UNIX : family(listener.address()), 0), listener.take()),
          retry(io) {}
    static int family(const Address& a) { return a.host.find(':') == std::string::npos ? AF_INET : AF_INET6; }
    Listener listener;
    Acceptor acceptor;
    asio::steady_timer retry;
    bool paused = false;
  };

  void accept(ListeningSocket& listening) {
    if (shared_.stopping) return;
    listening.paused = shared_.open.size() >= shared_.limits.connections;
    if (listening.paused) return;
    listening.acceptor.async_accept([this, &listening](ErrorCode error, Protocol::socket socket) {
      if (shared_.stopping) return;
      if (error) return accept_after_pause(listening);
      serve(listening, std::move(socket));
      accept(listening);
    });
  }

  // Most likely the process is out of descriptors; without a pause this would spin.
  void accept_after_pause(ListeningSocket& listening) {
    listening.retry.expires_after(std::chrono::milliseconds(100));
    listening.retry.async_wait([this, &listening](ErrorCode cancelled) {
      if (!cancelled) accept(listening);
    });
  }

  void serve(const ListeningSocket& listening, Protocol::socket socket) {
    ErrorCode ignored;
    if (listening.listener.address().is_unix()) {
      if (!same_user(socket.native_handle())) return;
    } else {
      socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    auto connection = std::make_shared<Connection>(shared_, std::move(socket));
    shared_.open.insert(connection);
    connection->start();
  }

  void on_closed() {
    if (shared_.stopping && shared_.open.empty()) write_timer_.cancel();
    for (auto& each : listening_)
      if (each->paused) accept(*each);
  }

  void begin_stop() {
    shared_.stopping = true;
    ErrorCode ignored;
    for (auto& each : listening_) {
      each->retry.cancel();
      each->acceptor.close(ignored);
    }
    const auto all = shared_.open;
    for (const auto& connection : all) connection->close_when_idle();
  }

  void stop_when_written() {
    work_.reset();
    write_timer_.expires_after(std::chrono::seconds(2));
    write_timer_.async_wait([this](ErrorCode cancelled) {
      if (!cancelled) io_.stop();
    });
    if (shared_.open.empty()) write_timer_.cancel();
  }

  std::vector<Address> addresses_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::thread_pool pool_;
  asio::steady_timer write_timer_{io_};
  SharedState shared_;
  std::vector<std::unique_ptr<ListeningSocket>> listening_;
  std::thread thread_;
};

FrameServer::FrameServer(FrameHandler handler, std::vector<Address> addresses, ServerLimits limits)
    : loop_(std::make_unique<Loop>(std::move(handler), std::move(addresses), limits)) {}
FrameServer::~FrameServer() = default;

Result<> FrameServer::start() { return loop_->start(); }
void FrameServer::stop() { loop_->stop(); }
std::vector<Address> FrameServer::addresses() const { return loop_->addresses(); }

std::uint16_t FrameServer::port() const {
  for (const auto& address : addresses())
    if (!address.is_unix()) return address.port;
  return 0;
}

}  // namespace mole::coordinator
