#include "cli/session/session.hpp"

#include "cli/exit_code.hpp"
#include "cli/session/child.hpp"
#include "coordinator/service.hpp"
#include "coordinator/wire/client.hpp"
#include "coordinator/wire/frame_server.hpp"
#include "nodes/process/cache_limit.hpp"
#include "sdk/descriptor/sidecar.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <thread>

namespace mole::cli {
namespace {

namespace fs = std::filesystem;

// A process that can be waited for although it is not a child.
class OtherProcess {
 public:
  OtherProcess() = default;
  explicit OtherProcess(pid_t pid) : pid_(pid), fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {
    if (fd_ < 0 && errno != ESRCH) pid_ = 0;  // it cannot be watched: treated like a service
  }
  OtherProcess(OtherProcess&& other) noexcept : pid_(std::exchange(other.pid_, 0)), fd_(std::exchange(other.fd_, -1)) {}
  OtherProcess& operator=(OtherProcess&&) = delete;
  ~OtherProcess() {
    if (fd_ >= 0) ::close(fd_);
  }

  pid_t pid() const { return pid_; }
  // Without a descriptor the process had ended before it could be watched.
  bool ended(std::chrono::milliseconds wait) const {
    pollfd fd{fd_, POLLIN, 0};
    return pid_ != 0 && (fd_ < 0 || ::poll(&fd, 1, static_cast<int>(wait.count())) == 1);
  }

 private:
  pid_t pid_ = 0;
  int fd_ = -1;
};

// Every node of a state folder that is not a service has its cache there.
std::optional<FileCache> cache_in(const fs::path& state, std::uint64_t limit) {
  const auto folder = state / "node" / "cache";
  std::error_code error;
  if (state.empty() || !fs::is_directory(folder, error)) return std::nullopt;
  return FileCache{folder, nodes::folder_bytes(folder), limit};
}

class RemoteSession final : public Session {
 public:
  RemoteSession(std::unique_ptr<coordinator::ClientApi> api, fs::path folder, OtherProcess other_run)
      : api_(std::move(api)), folder_(std::move(folder)), other_run_(std::move(other_run)) {}
  coordinator::ClientApi& api() override { return *api_; }
  fs::path folder() const override { return folder_; }
  pid_t other_run() const override { return other_run_.pid(); }
  std::optional<FileCache> cache() const override { return cache_in(folder_, 0); }
  bool other_run_ended(std::chrono::milliseconds wait) const override { return other_run_.ended(wait); }
  Result<> check() override {
    if (!other_run_ended(std::chrono::milliseconds(0))) return {};
    return transient(fmt::format("process {} (mole), whose coordinator this command used, has ended; run the command again",
                                 other_run_.pid()));
  }

 private:
  std::unique_ptr<coordinator::ClientApi> api_;
  fs::path folder_;
  OtherProcess other_run_;
};

Result<std::unique_ptr<Session>> remote(const std::string& address, const fs::path& folder, OtherProcess other_run,
                                        std::optional<coordinator::Secret> secret = {}) {
  MOLE_TRY(auto api, coordinator::RemoteCoordinator::at(address, {}, secret));
  return std::unique_ptr<Session>(std::make_unique<RemoteSession>(std::move(api), folder, std::move(other_run)));
}

// Returns the secret for a coordinator on TCP; nullopt: there is none.
Result<std::optional<coordinator::Secret>> secret_of(const Options& options) {
  std::error_code error;
  const auto file = options.secret.empty() ? options.state / "secret" : options.secret;
  if (options.coordinator.starts_with("unix:") || (options.secret.empty() && !fs::exists(file, error)))
    return std::optional<coordinator::Secret>();
  MOLE_TRY(auto secret, coordinator::Secret::read(file));
  return std::optional(secret);
}

// Returns the process that listens on the socket, 0 if it cannot be seen from here; nullopt: none, because a stale socket file
// refuses connections.
std::optional<pid_t> listener_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  ucred peer{};
  socklen_t size = sizeof peer;
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const bool known = connected && ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  ::close(fd);
  if (!connected) return std::nullopt;
  return known ? peer.pid : 0;
}

// Whether the process is `mole`, which ends with its command, and not a service, which is restarted if it ends.
bool is_command(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  return pid != 0 && std::getline(file, name) && name == "mole";
}

// True if another process has the store open, possibly only for the duration of a command.
bool is_locked(const fs::path& state) {
  const int fd = ::open((state / "db" / "LOCK").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  const bool locked = ::fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(fd);
  return locked;
}

// Returns the socket path of a state folder: an absolute path, or a relative one if the absolute path is too long.
std::string socket_of(const fs::path& state) {
  std::error_code error;
  const auto absolute = (fs::absolute(state, error) / "coordinator.sock").lexically_normal().string();
  const auto relative = (fs::path(".") / fs::relative(absolute, error)).string();
  return error || absolute.size() <= relative.size() || absolute.size() < sizeof(sockaddr_un::sun_path) ? absolute : relative;
}

// ---- a coordinator in this process, and a node as its child

// Short, because the progress shown was reported with the last heartbeat.
constexpr Micros node_heartbeat = 500'000, node_lease = 15 * second_us;
constexpr int max_node_restarts = 5;

// Called when a write to the store fails. Exits, because nothing may be acknowledged after that.
[[noreturn]] void storage_failed(const std::string& cause) {
  std::fprintf(stderr, "mole: cannot write the state: %s; free up space or repair the disk, then run again to resume\n",
               cause.c_str());
  ::_exit(static_cast<int>(Exit::failed));
}

constexpr std::size_t max_log = std::size_t{16} << 20;  // bytes; then the log continues in a new file, and one old one is kept

// Writes the coordinator's log to STATE/coordinator.log, like that of mole-coordinator.
std::function<void(coordinator::LogLevel, const std::string&)> log_into(const fs::path& state) {
  try {
    std::error_code ignored;
    fs::create_directories(state, ignored);
    const auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>((state / "coordinator.log").string(), max_log, 1);
    const auto logger = std::make_shared<spdlog::logger>("coordinator", sink);
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    logger->flush_on(spdlog::level::info);
    return [logger](coordinator::LogLevel level, const std::string& line) {
      logger->log(level == coordinator::LogLevel::info ? spdlog::level::info : spdlog::level::warn, "{}", line);
    };
  } catch (const spdlog::spdlog_ex&) {
    return {};  // the state itself cannot be written either, which is reported when it is opened
  }
}

std::string threads_per_task(const Options& options) {
  const auto all = std::max(1U, std::thread::hardware_concurrency());
  return std::to_string(options.threads ? options.threads : std::max(1U, all / options.slots));
}

class EmbeddedSession final : public Session {
 public:
  EmbeddedSession(const Options& options, std::string socket, std::unique_ptr<coordinator::Service> service)
      : options_(options), socket_(std::move(socket)), service_(std::move(service)) {}

  ~EmbeddedSession() override {
    node_.reset();  // releases its leases, so the server must still run
    if (server_) server_->stop();
  }

  Result<> serve() {
    MOLE_TRY(const auto address, coordinator::parse_address("unix:" + socket_));
    server_.emplace(coordinator::serve_coordinator(*service_), std::vector{address});
    if (auto started = server_->start(); !started) return started;
    cache_limit_ =
        options_.cache_limit > 0 ? options_.cache_limit : nodes::default_cache_limit(options_.state / "node" / "cache");
    return start_node();
  }

  coordinator::ClientApi& api() override { return *service_; }
  fs::path folder() const override { return options_.state; }
  bool embedded() const override { return true; }
  std::optional<FileCache> cache() const override { return cache_in(options_.state, cache_limit_); }

  Result<> check() override {
    if (!node_ || node_->running()) return {};
    if (restarts_++ < max_node_restarts) return start_node();
    return internal(fmt::format("mole-node exited {} times; see {} for the reason", restarts_, log().string()));
  }

 private:
  fs::path log() const { return options_.state / "node.log"; }

  Result<> start_node() {
    node_.reset();
    std::vector<std::string> command{"mole-node"};
    command.insert(command.end(), {"--coordinator", "unix:" + socket_, "--dir", (options_.state / "node").string(), "--blobs",
                                   (options_.state / "blobs").string(), "--slots", std::to_string(options_.slots), "--threads",
                                   threads_per_task(options_), "--parent", std::to_string(::getpid())});
    command.insert(command.end(), {"--cache-limit", std::to_string(cache_limit_)});
    if (options_.memory > 0) command.insert(command.end(), {"--memory", std::to_string(options_.memory)});
    if (!options_.columns) command.insert(command.end(), {"--columns", "off"});
    if (!options_.stall_limit.empty()) command.insert(command.end(), {"--stall-limit", options_.stall_limit});
    MOLE_TRY(auto child, Child::start_in_background(command, log()));
    node_.emplace(std::move(child));
    return {};
  }

  Options options_;
  std::string socket_;
  std::unique_ptr<coordinator::Service> service_;
  std::optional<coordinator::FrameServer> server_;
  std::optional<Child> node_;
  std::uint64_t cache_limit_ = 0;  // 0: there is no node
  int restarts_ = 0;
};

// Opens the state in options.state. For `work` it also listens on the Unix socket `socket` and starts a mole-node with its
// folder in STATE/node and its log in STATE/node.log. missing: `need` is `read` and there is no state.
Result<std::unique_ptr<Session>> open_embedded(const Options& options, Need need, const std::string& socket) {
  std::error_code error;
  if (need == Need::read && !fs::exists(options.state / "db", error))
    return missing(fmt::format(
        "no state in {}; create one with mole run or mole archive index, or choose another with --state or $MOLE_STATE",
        options.state.string()));
  coordinator::Config config;
  config.state = options.state;
  config.plugins = plugin_search_path(options);
  config.manifest_plugins = true;  // they run as the user who runs this command
  config.create = need != Need::read;
  config.leases.heartbeat = node_heartbeat;
  config.leases.lease = node_lease;
  config.storage_failed = storage_failed;
  config.embedded = true;
  if (need != Need::read) config.log = log_into(options.state);
  MOLE_TRY(auto service, coordinator::Service::open(std::move(config)));
  auto session = std::make_unique<EmbeddedSession>(options, socket, std::move(service));
  if (need == Need::work)
    if (auto served = session->serve(); !served) return served.error();
  return std::unique_ptr<Session>(std::move(session));
}

}  // namespace

std::vector<fs::path> plugin_search_path(const Options& options) { return plugin_folders(options.plugins); }

void add_plugin_folders(std::vector<std::string>& command, const Options& options) {
  for (const auto& folder : options.plugins) command.insert(command.end(), {"--plugins", folder.string()});
}

Result<std::unique_ptr<Session>> open_session(const Options& options, Need need) {
  if (!options.coordinator.empty()) {
    MOLE_TRY(const auto secret, secret_of(options));
    return remote(options.coordinator, {}, {}, secret);
  }
  const auto socket = socket_of(options.state);
  for (int tries = 0; tries < 100; ++tries) {
    if (const auto pid = listener_of(socket))
      return remote("unix:" + socket, options.state, is_command(*pid) ? OtherProcess(*pid) : OtherProcess());
    if (!is_locked(options.state)) {
      auto session = open_embedded(options, need, socket);
      if (session || !is_locked(options.state)) return session;  // otherwise another process was faster
    }
    ::poll(nullptr, 0, 50);
  }
  return open_embedded(options, need, socket);
}

}  // namespace mole::cli
