#include "coordinator/wire/connection.hpp"

#include "coordinator/wire/caller.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>

namespace mole::coordinator {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

namespace {
constexpr std::size_t chunk_bytes = 64u << 10;  // memory grows with the bytes received, not with the announced size
}

Connection::Connection(SharedState& shared, Socket socket) : shared_(shared), socket_(std::move(socket)), timer_(shared.io) {}

bool SharedState::close_first(Queue& queue) {
  if (queue.empty()) return false;
  queue.front()->close();
  return true;
}

void Connection::enter(SharedState::Queue& queue) {
  leave_queue();
  queue_ = &queue;
  place_ = queue.insert(queue.end(), this);
}

void Connection::leave_queue() {
  if (queue_) queue_->erase(place_);
  if (queue_ == &shared_.writing) shared_.unread -= reply_.size();
  queue_ = nullptr;
}

void Connection::ask_for_proof() {
  over_tcp_ = true;
  enter(shared_.unproven);
  set_deadline(shared_.limits.proof);
  read_proof_frame(hello_bytes, &Connection::answer_hello);
}

// Reads a frame of exactly this size into reply_.
void Connection::read_proof_frame(std::size_t bytes, void (Connection::*next)()) {
  asio::async_read(socket_, asio::buffer(header_), [self = shared_from_this(), bytes, next](ErrorCode error, std::size_t) {
    const std::array<unsigned char, 4> expected{0, 0, 0, static_cast<unsigned char>(bytes)};
    if (error || self->closed_ || self->shared_.stopping || self->header_ != expected) return self->close();
    self->reply_.assign(bytes, '\0');
    asio::async_read(self->socket_, asio::buffer(self->reply_), [self, next](ErrorCode failed, std::size_t) {
      if (failed || self->closed_ || self->shared_.stopping) return self->close();
      (self.get()->*next)();
    });
  });
}

void Connection::answer_hello() {
  const auto hello = parse_hello(reply_);
  if (!hello) return close();
  process_ = hello->process;
  const auto nonce = random_bytes(nonce_bytes);
  nonces_ = hello->nonce + nonce;
  reply_ = {'\0', '\0', '\0', static_cast<char>(nonce_bytes + proof_bytes)};
  reply_ += nonce;
  reply_ += proof_of(*shared_.secret, End::server, hello->nonce, nonce, server_end(socket_.native_handle(), End::server));
  asio::async_write(socket_, asio::buffer(reply_), [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (error || self->closed_) return self->close();
    self->read_proof_frame(proof_bytes, &Connection::check_proof);
  });
}

void Connection::check_proof() {
  const auto nonces = std::string_view(nonces_);
  const auto expected = proof_of(*shared_.secret, End::client, nonces.substr(0, nonce_bytes), nonces.substr(nonce_bytes),
                                 server_end(socket_.native_handle(), End::server));
  if (!same_proof(reply_, expected)) {
    if (shared_.on_refused) asio::post(shared_.pool, shared_.on_refused);
    return close();
  }
  if (shared_.is_full() && !shared_.close_first(shared_.waiting)) return close();
  reply_ = {};
  nonces_ = {};
  start(process_);
}

void Connection::start(std::uint64_t process) {
  process_ = process;
  next_request();
}

void Connection::next_request() {
  enter(shared_.waiting);
  if (shared_.is_full()) shared_.on_room();
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
  if (shared_.in_progress[process_] >= shared_.limits.per_process) return enter(shared_.ready);
  run();
}

void Connection::run() {
  leave_queue();
  ++shared_.in_progress[process_];
  asio::post(shared_.pool, [self = shared_from_this()] {
    const CallScope scope(self->over_tcp_);
    auto reply = self->shared_.handler(self->body_);
    asio::post(self->shared_.io, [self, reply = std::move(reply)]() mutable { self->send(std::move(reply)); });
  });
}

// Frees the thread for the next request of this or another process.
void Connection::finish() {
  processing_ = false;
  if (--shared_.in_progress[process_] == 0) shared_.in_progress.erase(process_);
  const auto next = std::find_if(shared_.ready.begin(), shared_.ready.end(), [&](const Connection* each) {
    const auto running = shared_.in_progress.find(each->process_);
    return running == shared_.in_progress.end() || running->second < shared_.limits.per_process;
  });
  if (next != shared_.ready.end()) (*next)->run();
}

void Connection::send(std::optional<std::string> reply) {
  finish();
  free_body();
  if (!reply || reply->size() > reply_bytes) return close();
  while (!shared_.writing.empty() && shared_.unread + reply->size() > shared_.limits.reply_bytes)
    shared_.close_first(shared_.writing);
  enter(shared_.writing);
  reply_ = std::move(*reply);
  shared_.unread += reply_.size();
  const auto size = static_cast<std::uint32_t>(reply_.size());
  for (int i = 0; i < 4; ++i) header_[static_cast<std::size_t>(i)] = static_cast<unsigned char>(size >> (24 - 8 * i));
  set_deadline(shared_.limits.reply);
  const std::array<asio::const_buffer, 2> frame{asio::buffer(header_), asio::buffer(reply_)};
  asio::async_write(socket_, frame, [self = shared_from_this()](ErrorCode error, std::size_t) {
    self->leave_queue();
    self->reply_ = {};
    if (error || self->closed_ || self->shared_.stopping) return self->close();
    self->next_request();
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
  const bool in_handler = processing_ && queue_ != &shared_.ready;
  leave_queue();
  timer_.cancel();
  if (!in_handler) free_body();
  ErrorCode ignored;
  socket_.close(ignored);
  const auto self = shared_from_this();
  shared_.open.erase(self);
  shared_.on_room();
}

}  // namespace mole::coordinator
