#include "coordinator/wire/channel.hpp"

#include "coordinator/wire/failure.hpp"
#include "coordinator/wire/limits.hpp"

#include <thrift/TApplicationException.h>
#include <thrift/TConfiguration.h>
#include <thrift/TOutput.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <poll.h>
#include <unistd.h>

#include <mutex>

namespace mole::coordinator {
namespace {

using apache::thrift::TApplicationException;
using apache::thrift::TConfiguration;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::protocol::TProtocolException;
using apache::thrift::transport::TFramedTransport;
using apache::thrift::transport::TSocket;
using apache::thrift::transport::TTransportException;

// Thrift prints errors to stderr and throws them; the exception is enough.
void silence_thrift() {
  static std::once_flag once;
  std::call_once(once, [] { apache::thrift::GlobalOutput.setOutputFunction([](const char*) {}); });
}

std::shared_ptr<TSocket> make_socket(const Address& address, const Timeouts& timeouts) {
  auto config = std::make_shared<TConfiguration>(reply_bytes, reply_bytes, nesting);
  auto socket = address.is_unix() ? std::make_shared<TSocket>(address.path, config)
                                  : std::make_shared<TSocket>(address.host, address.port, config);
  socket->setConnTimeout(static_cast<int>(timeouts.connect.count()));
  socket->setSendTimeout(static_cast<int>(timeouts.send.count()));
  socket->setRecvTimeout(static_cast<int>(timeouts.receive.count()));
  return socket;
}

constexpr int handshake_ms = 5'000;
constexpr int handshake_tries = 4;  // a server that others connect to all the time may close a connection before the proofs

std::string read_bytes(TSocket& socket, std::size_t count) {
  std::string out(count, '\0');
  socket.readAll(reinterpret_cast<std::uint8_t*>(out.data()), static_cast<std::uint32_t>(count));
  return out;
}

void write_frame(TSocket& socket, std::string_view bytes) {
  auto frame = std::string(3, '\0') + static_cast<char>(bytes.size());
  frame += bytes;
  socket.write(reinterpret_cast<const std::uint8_t*>(frame.data()), static_cast<std::uint32_t>(frame.size()));
}

// Sends a proof only to a server that has proven itself.
void prove(TSocket& socket, const Secret& secret) {
  socket.setRecvTimeout(handshake_ms);
  const auto address = server_end(socket.getSocketFD(), End::client);
  const auto nonce = random_bytes(nonce_bytes);
  write_frame(socket, hello_of(static_cast<std::uint64_t>(::getpid()), nonce));
  const auto reply = read_bytes(socket, 4 + nonce_bytes + proof_bytes);
  const auto server_nonce = reply.substr(4, nonce_bytes);
  if (!same_proof(reply.substr(4 + nonce_bytes), proof_of(secret, End::server, nonce, server_nonce, address)))
    throw Unproven{
        "does not know this program's secret: it has another secret, or a different program took its port; give the "
        "file secret in the state folder of that coordinator with --secret"};
  write_frame(socket, proof_of(secret, End::client, nonce, server_nonce, address));
}

CallResult broken(const std::string& server, const TTransportException& e) {
  if (e.getType() == TTransportException::TIMED_OUT)
    return {Outcome::broken, false, transient(server + " did not answer in time and may be overloaded; try again")};
  return {Outcome::broken, true, transient(server + " cannot be reached (" + e.what() + "); check that it is running")};
}

}  // namespace

Channel::Channel(const Address& address, const Timeouts& timeouts, const std::optional<Secret>& secret) {
  silence_thrift();
  if (!address.is_unix() && !secret)
    throw Unproven{
        "accepts only programs that know its secret; give the file secret in its state folder with --secret or "
        "MOLE_SECRET_FILE"};
  for (int tries = 1; !socket_; ++tries) {
    auto socket = make_socket(address, timeouts);
    socket->open();
    try {
      if (!address.is_unix()) prove(*socket, *secret);
      socket_ = std::move(socket);
    } catch (const TTransportException& e) {
      if (e.getType() == TTransportException::TIMED_OUT || tries == handshake_tries) throw;
    }
  }
  socket_->setRecvTimeout(static_cast<int>(timeouts.receive.count()));
  auto framed = std::make_shared<TFramedTransport>(socket_, socket_->getConfiguration());
  auto protocol = std::make_shared<TBinaryProtocol>(framed, reply_bytes, reply_items, true, true);
  protocol_ = protocol;
}

Channel::~Channel() { socket_->close(); }

bool Channel::usable() const {
  pollfd fd{.fd = socket_->getSocketFD(), .events = POLLIN, .revents = 0};
  return ::poll(&fd, 1, 0) == 0;
}

CallResult guarded(const std::string& server, const std::function<void()>& call) {
  try {
    call();
    return {};
  } catch (const wire::Failure& failure) {
    return {Outcome::failed, false, from_wire(failure)};
  } catch (const Unproven& e) {
    return {Outcome::broken, false, denied(server + " " + e.problem)};
  } catch (const TTransportException& e) {
    return broken(server, e);
  } catch (const TProtocolException& e) {
    return {Outcome::broken, false,
            internal(server + " sent an unreadable reply (" + e.what() + "); use the same version of client and server")};
  } catch (const TApplicationException& e) {
    if (e.getType() == TApplicationException::UNKNOWN_METHOD)
      return {Outcome::failed, false, unsupported(server + " does not support this call; update it to this program's version")};
    if (e.getType() == TApplicationException::PROTOCOL_ERROR) return {Outcome::failed, false, invalid(e.what())};
    return {Outcome::broken, false, internal(server + " failed: " + e.what() + "; see its log")};
  }
}

}  // namespace mole::coordinator
