#include "cli/session/session.hpp"

#include "cli/session/child.hpp"
#include "cli/session/embedded.hpp"
#include "coordinator/wire/client.hpp"
#include "sdk/descriptor/sidecar.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace mole::cli {
namespace {

class RemoteSession final : public Session {
 public:
  RemoteSession(std::unique_ptr<coordinator::ClientApi> api, std::filesystem::path folder)
      : api_(std::move(api)), folder_(std::move(folder)) {}
  coordinator::ClientApi& api() override { return *api_; }
  std::filesystem::path folder() const override { return folder_; }
  bool embedded() const override { return false; }
  Result<> check() override { return {}; }

 private:
  std::unique_ptr<coordinator::ClientApi> api_;
  std::filesystem::path folder_;
};

Result<std::unique_ptr<Session>> remote(const std::string& address, const std::filesystem::path& folder) {
  auto api = coordinator::RemoteCoordinator::at(address);
  if (!api) return api.error();
  return std::unique_ptr<Session>(std::make_unique<RemoteSession>(std::move(*api), folder));
}

// True if a process listens on the socket; an abandoned socket file refuses the connection.
bool is_listening(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

// True if another process has the store open, possibly only for the duration of a command.
bool is_locked(const std::filesystem::path& state) {
  const int fd = ::open((state / "db" / "LOCK").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  const bool locked = ::fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(fd);
  return locked;
}

}  // namespace

std::vector<std::filesystem::path> plugin_search_path(const Options& options) {
  auto folders = plugin_folders();
  // The first --plugins has the highest precedence.
  folders.insert(folders.end(), options.plugins.rbegin(), options.plugins.rend());
  return folders;
}

std::string socket_of(const std::filesystem::path& state) {
  std::error_code error;
  const auto absolute = (std::filesystem::absolute(state, error) / "coordinator.sock").lexically_normal().string();
  const auto relative = (std::filesystem::path(".") / std::filesystem::relative(absolute, error)).string();
  return error || absolute.size() <= relative.size() || absolute.size() < sizeof(sockaddr_un::sun_path) ? absolute : relative;
}

Result<std::unique_ptr<Session>> open_session(const Options& options, Need need) {
  if (!options.coordinator.empty()) return remote(options.coordinator, {});
  const auto socket = socket_of(options.state);
  for (int tries = 0; tries < 100; ++tries) {
    if (is_listening(socket)) return remote("unix:" + socket, options.state);
    if (!is_locked(options.state)) break;
    ::poll(nullptr, 0, 50);
  }
  return open_embedded(options, need, socket);
}

}  // namespace mole::cli
