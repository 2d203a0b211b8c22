#include "coordinator/wire/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace mole::coordinator {
namespace {

Error cannot_listen(const Address& address, const std::string& why, const std::string& remedy) {
  return invalid("cannot listen on " + address.text() + ": " + why + "; " + remedy);
}

sockaddr_un unix_name(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), std::min(path.size() + 1, sizeof name.sun_path));
  return name;
}

bool has_listener(const sockaddr_un& name) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return true;
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const int error = errno;
  ::close(fd);
  return result == 0 || error != ECONNREFUSED;  // EAGAIN: a listener with a full backlog
}

// Removes the socket file of a server that no longer runs.
Result<> remove_stale(const Address& address, const sockaddr_un& name) {
  struct stat found {};
  if (::lstat(name.sun_path, &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) return cannot_listen(address, "the path exists and is not a socket", "choose another path");
  if (has_listener(name)) return cannot_listen(address, "another server is listening on it", "stop it or choose another path");
  if (::unlink(name.sun_path) != 0 && errno != ENOENT)
    return cannot_listen(address, std::string("cannot remove the socket file of a stopped server: ") + std::strerror(errno),
                         "remove it");
  return {};
}

}  // namespace

Listener::Listener(Listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), address_(std::move(other.address_)), file_(std::exchange(other.file_, std::nullopt)) {}

Listener::~Listener() {
  if (fd_ >= 0) ::close(fd_);
  struct stat found {};
  if (file_ && ::lstat(address_.path.c_str(), &found) == 0 && found.st_dev == file_->device && found.st_ino == file_->inode)
    ::unlink(address_.path.c_str());
}

int Listener::take() { return std::exchange(fd_, -1); }

Result<Listener> Listener::open(const Address& address) {
  int family = AF_UNIX;
  if (!address.is_unix()) family = address.host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return cannot_listen(address, std::strerror(errno), "raise the limit on open files (ulimit -n)");
  Listener listener(fd, address);
  const auto bound = address.is_unix() ? listener.bind_unix() : listener.bind_tcp();
  if (!bound) return bound.error();
  if (::listen(fd, SOMAXCONN) != 0) return cannot_listen(address, std::strerror(errno), "choose another address");
  return listener;
}

Result<> Listener::bind_unix() {
  const auto name = unix_name(address_.path);
  if (auto cleared = remove_stale(address_, name); !cleared) return cleared;
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    return cannot_listen(address_, std::strerror(errno), "check that its folder exists and is writable");
  struct stat made {};
  if (::lstat(name.sun_path, &made) == 0) file_ = SocketFile{made.st_dev, made.st_ino};
  if (::chmod(name.sun_path, 0600) != 0)
    return cannot_listen(address_, std::string("cannot set the mode of the socket file: ") + std::strerror(errno),
                         "choose a path on a local file system");
  return {};
}

Result<> Listener::bind_tcp() {
  const int on = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage name{};
  socklen_t size = 0;
  if (address_.host.find(':') == std::string::npos) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(name);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address_.port);
    ::inet_pton(AF_INET, address_.host.c_str(), &v4.sin_addr);
    size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(name);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address_.port);
    ::inet_pton(AF_INET6, address_.host.c_str(), &v6.sin6_addr);
    size = sizeof v6;
  }
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&name), size) != 0)
    return cannot_listen(address_, std::strerror(errno), "stop the other server or choose another port (0: any free one)");
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &size) == 0)
    address_.port = ntohs(name.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(name).sin_port
                                                    : reinterpret_cast<sockaddr_in6&>(name).sin6_port);
  return {};
}

}  // namespace mole::coordinator
