// A client that sends and receives raw bytes.
#pragma once

#include "coordinator/wire/address.hpp"
#include "coordinator/wire/secret.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>

namespace mole::testing {

class RawPeer {
 public:
  explicit RawPeer(const coordinator::Address& address) {
    sockaddr_storage name{};
    socklen_t size = 0;
    if (address.is_unix()) {
      auto& un = reinterpret_cast<sockaddr_un&>(name);
      un.sun_family = AF_UNIX;
      std::memcpy(un.sun_path, address.path.c_str(), address.path.size() + 1);
      size = sizeof un;
    } else if (address.host.find(':') == std::string::npos) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(name);
      v4.sin_family = AF_INET;
      v4.sin_port = htons(address.port);
      ::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr);
      size = sizeof v4;
    } else {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(name);
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(address.port);
      ::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr);
      size = sizeof v6;
    }
    fd_ = ::socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&name), size), 0) << std::strerror(errno);
  }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;
  ~RawPeer() { ::close(fd_); }

  // Sends the bytes, or fewer if the server has closed the connection.
  void bytes(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<std::size_t>(n);
    }
  }
  // Proves to a server on TCP that it knows the secret. Returns whether the server has proven the same; both proofs are for
  // `address`, by default the server's.
  bool prove(const coordinator::Secret& secret, std::string address = {}) {
    using namespace coordinator;
    if (address.empty()) address = server_end(fd_, End::client);
    const auto nonce = random_bytes(nonce_bytes);
    frame(hello_of(1, nonce));
    const auto answer = reply();
    if (answer.size() != nonce_bytes + proof_bytes) return false;
    const auto other = answer.substr(0, nonce_bytes);
    frame(proof_of(secret, End::client, nonce, other, address));
    return answer.substr(nonce_bytes) == proof_of(secret, End::server, nonce, other, address);
  }
  void frame(const std::string& body) {
    const std::uint32_t size = htonl(static_cast<std::uint32_t>(body.size()));
    bytes(std::string(reinterpret_cast<const char*>(&size), 4) + body);
  }
  // Returns the next frame; "" if the connection ended before it.
  std::string reply() {
    std::string header = exactly(4);
    if (header.size() < 4) return "";
    std::uint32_t size = 0;
    std::memcpy(&size, header.data(), 4);
    return exactly(ntohl(size));
  }
  bool readable(std::chrono::milliseconds within) {
    pollfd fd{.fd = fd_, .events = POLLIN, .revents = 0};
    return ::poll(&fd, 1, static_cast<int>(within.count())) > 0;
  }
  // Returns whether the server closes the connection within this time without sending anything first.
  bool closed(std::chrono::milliseconds within = std::chrono::seconds(10)) {
    char byte = 0;
    return readable(within) && ::recv(fd_, &byte, 1, MSG_PEEK) <= 0;
  }
  // Returns the number of bytes received until the connection ends.
  std::size_t drain() {
    std::size_t all = 0;
    std::string buffer(1 << 20, '\0');
    while (readable(std::chrono::seconds(10))) {
      const auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (n <= 0) break;
      all += static_cast<std::size_t>(n);
    }
    return all;
  }

 private:
  std::string exactly(std::size_t size) {
    std::string out(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      if (!readable(std::chrono::seconds(10))) break;
      const auto n = ::recv(fd_, out.data() + have, size - have, 0);
      if (n <= 0) break;
      have += static_cast<std::size_t>(n);
    }
    out.resize(have);
    return out;
  }

  int fd_ = -1;
};

}  // namespace mole::testing
