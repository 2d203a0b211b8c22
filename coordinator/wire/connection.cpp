#include "coordinator/wire/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace mole::coordinator {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

namespace {
constexpr std::size_t chunk_bytes = 64u << 10;  // memory grows with the bytes received, not with the announced size
}

Connection::Connection(SharedState& shared, Socket socket) : shared_(shared), socket_(std::move(socket)), timer_(shared.io) {}

void Connection::start() {
  header_received_ = 0;
  set_deadline(shared_.limits.idle);
  read_header();
}

void Connection::close_when_idle() {
  if (!processing_) close();
}

void Connection::read_header() {
  auto rest = asio::buffer(header_.data() + header_received_, header_.size() - header_received_);
  socket_.async_read_some(rest, [self = shared_from_this()](ErrorCode error, std::size_t n) {
    if (error || self->closed_) return self->close();
    if (self->header_received_ == 0) self->set_deadline(self->shared_.limits.frame);
    self->header_received_ += n;
    self->header_received_ < self->header_.size() ? self->read_header() : self->parse_header();
  });
}

void Connection::parse_header() {
  body_size_ = std::size_t{header_[0]} << 24 | std::size_t{header_[1]} << 16 | std::size_t{header_[2]} << 8 | header_[3];
  if (body_size_ == 0 || body_size_ > shared_.limits.frame_bytes) return close();
  body_received_ = 0;
  read_body();
}

void Connection::read_body() {
  if (body_received_ == body_.size()) {
    const auto more = std::min(chunk_bytes, body_size_ - body_received_);
    if (shared_.buffered + more > shared_.limits.buffered_bytes) return close();
    shared_.buffered += more;
    body_.resize(body_received_ + more);
  }
  auto rest = asio::buffer(body_.data() + body_received_, body_.size() - body_received_);
  socket_.async_read_some(rest, [self = shared_from_this()](ErrorCode error, std::size_t n) {
    if (error || self->closed_) return self->close();
    self->body_received_ += n;
    self->body_received_ < self->body_size_ ? self->read_body() : self->process();
  });
}

void Connection::process() {
  timer_.cancel();
  processing_ = true;
  asio::post(shared_.pool, [self = shared_from_this()] {
    auto reply = self->shared_.handler(self->body_);
    asio::post(self->shared_.io, [self, reply = std::move(reply)]() mutable { self->send(std::move(reply)); });
  });
}

void Connection::send(std::optional<std::string> reply) {
  processing_ = false;
  free_body();
  if (!reply || reply->size() > reply_bytes) return close();
  reply_ = std::move(*reply);
  const auto size = static_cast<std::uint32_t>(reply_.size());
  for (int i = 0; i < 4; ++i) header_[static_cast<std::size_t>(i)] = static_cast<unsigned char>(size >> (24 - 8 * i));
  set_deadline(shared_.limits.reply);
  const std::array<asio::const_buffer, 2> frame{asio::buffer(header_), asio::buffer(reply_)};
  asio::async_write(socket_, frame, [self = shared_from_this()](ErrorCode error, std::size_t) {
    self->reply_ = {};
    if (error || self->closed_ || self->shared_.stopping) return self->close();
    self->start();
  });
}

// Replaces the previous deadline. When it passes, the connection is closed, which ends its pending operation.
void Connection::set_deadline(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([weak = weak_from_this()](ErrorCode cancelled) {
    if (const auto self = weak.lock(); self && !cancelled) self->close();
  });
}

void Connection::free_body() {
  shared_.buffered -= body_.size();
  body_ = {};
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  timer_.cancel();
  if (!processing_) free_body();
  ErrorCode ignored;
  socket_.close(ignored);
  const auto self = shared_from_this();
  shared_.open.erase(self);
  shared_.on_close();
}

}  // namespace mole::coordinator
