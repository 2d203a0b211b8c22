#include "coordinator/wire/frame_server.hpp"

#include "coordinator/wire/connection.hpp"
#include "coordinator/wire/listener.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <optional>
#include <thread>
#include <utility>

namespace mole::coordinator {

namespace asio = boost::asio;

namespace {

using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using ErrorCode = boost::system::error_code;

// The process at the other end; nullopt: it belongs to another user.
// The mode of the socket file excludes other users; this check also works if the file was moved or its mode was changed.
std::optional<std::uint64_t> peer_process(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != ::geteuid()) return std::nullopt;
  return static_cast<std::uint64_t>(peer.pid);
}

unsigned pool_threads(std::uint32_t wanted) { return wanted != 0 ? wanted : std::max(8u, std::thread::hardware_concurrency()); }

}  // namespace

class FrameServer::Loop {
 public:
  Loop(FrameHandler handler, std::vector<Address> addresses, ServerLimits limits, std::optional<Secret> secret)
      : addresses_(std::move(addresses)), pool_(pool_threads(limits.threads)), shared_(std::move(handler), limits, io_, pool_) {
    shared_.secret = secret;
    if (limits.per_process == 0) shared_.limits.per_process = std::max(1u, pool_threads(limits.threads) / 2);
    shared_.on_room = [this] { on_room(); };
  }

  ~Loop() { stop(); }

  Result<> start() {
    std::vector<Listener> opened;
    for (const auto& address : addresses_) {
      if (!address.is_unix() && !shared_.secret)
        return invalid("cannot listen on " + address.text() + " without a secret; set --secret or use a Unix socket");
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

  void on_refused(std::function<void()> call) { shared_.on_refused = std::move(call); }

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
    std::optional<Protocol::socket> held;  // accepted while all connections were busy
  };

  void accept(ListeningSocket& listening) {
    if (shared_.stopping) return;
    listening.paused = must_wait(listening);
    if (listening.paused) return;
    listening.acceptor.async_accept([this, &listening](ErrorCode error, Protocol::socket socket) {
      if (shared_.stopping) return;
      if (error) return accept_after_pause(listening);
      listening.paused = must_wait(listening);
      if (listening.paused) return static_cast<void>(listening.held.emplace(std::move(socket)));
      serve(listening, std::move(socket));
      accept(listening);
    });
  }

  // Whether all connections of this user are busy, so that none can be closed for another.
  bool must_wait(const ListeningSocket& listening) const {
    return listening.listener.address().is_unix() && shared_.is_full() && shared_.waiting.empty();
  }

  void resume(ListeningSocket& listening) {
    if (must_wait(listening)) return;
    listening.paused = false;
    if (auto held = std::exchange(listening.held, std::nullopt)) serve(listening, std::move(*held));
    accept(listening);
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
    const bool local = listening.listener.address().is_unix();
    const auto process = local ? peer_process(socket.native_handle()) : std::optional<std::uint64_t>(0);
    if (!process) return;
    if (!local) socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    if (local && shared_.is_full()) shared_.close_first(shared_.waiting);  // if all are busy, this one is the last for now
    if (!local && shared_.unproven.size() >= shared_.limits.unproven) shared_.close_first(shared_.unproven);
    auto connection = std::make_shared<Connection>(shared_, std::move(socket));
    shared_.open.insert(connection);
    local ? connection->start(*process) : connection->ask_for_proof();
  }

  void on_room() {
    if (shared_.stopping && shared_.open.empty()) write_timer_.cancel();
    for (auto& each : listening_)
      if (each->paused) resume(*each);
  }

  void begin_stop() {
    shared_.stopping = true;
    ErrorCode ignored;
    for (auto& each : listening_) {
      each->retry.cancel();
      each->acceptor.close(ignored);
    }
    while (!shared_.ready.empty()) shared_.ready.front()->run();
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

FrameServer::FrameServer(FrameHandler handler, std::vector<Address> addresses, ServerLimits limits, std::optional<Secret> secret)
    : loop_(std::make_unique<Loop>(std::move(handler), std::move(addresses), limits, secret)) {}
FrameServer::~FrameServer() = default;

Result<> FrameServer::start() { return loop_->start(); }
void FrameServer::stop() { loop_->stop(); }
void FrameServer::on_refused(std::function<void()> call) { loop_->on_refused(std::move(call)); }

std::vector<Address> FrameServer::addresses() const { return loop_->addresses(); }

std::uint16_t FrameServer::port() const {
  for (const auto& address : addresses())
    if (!address.is_unix()) return address.port;
  return 0;
}

}  // namespace mole::coordinator
