// SSH connections by libssh: commands with their input and output, and files by SFTP. Every call ends: if the server is silent
// for longer than the timeout, the connection is closed.
#pragma once

#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <mole/downloader.hpp>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace samfs {

struct Server {
  std::string host;
  std::uint64_t port = 22;
  std::string user, key_file, host_key, known_hosts;
  std::uint64_t timeout_seconds = 60;
  mole::Host services = {};  // of the program that runs the plugin
};

// Shuts a connection down if it is not disarmed or armed again in time.
class Watchdog {
 public:
  explicit Watchdog(std::uint64_t seconds) : seconds_(seconds), thread_([this] { run(); }) {}
  ~Watchdog();
  void arm(int socket);
  void disarm();
  bool fired() const;

 private:
  void run();
  std::chrono::seconds seconds_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::chrono::steady_clock::time_point end_{};
  int socket_ = -1;
  bool fired_ = false, stop_ = false;
  std::thread thread_;
};

struct CommandEnd {
  int exit = 0;
  std::string errors;  // what the command wrote to its standard error, at most 1 MiB
};

class Connection {
 public:
  // denied: the host key is a different one, or the server rejects the user's key. invalid: a parameter or the key file.
  static mole::Result<std::unique_ptr<Connection>> open(const Server& server);
  ~Connection();

  // Runs a command; calls `on_line` for each line of its output, without the line end.
  mole::Result<CommandEnd> run(const std::string& command, std::string_view input,
                               const std::function<mole::Result<>(std::string_view)>& on_line);
  // Copies bytes [offset, size) of a file. missing: it does not exist, has a different size, or changed meanwhile.
  mole::Result<> copy(const std::string& path, std::uint64_t offset, std::uint64_t size, mole::ByteSink& out);
  // Whether it can be used again.
  bool usable() const;

 private:
  explicit Connection(const Server& server) : server_(server), watchdog_(server.timeout_seconds) {}
  mole::Result<> connect();
  mole::Result<> check_host_key();
  mole::Result<> authenticate();
  mole::Result<> start_sftp();
  mole::Result<> read_output(ssh_channel channel, const std::function<mole::Result<>(std::string_view)>& on_line,
                             std::string& errors);
  mole::Result<> copy_open(sftp_file file, const std::string& path, std::uint64_t offset, std::uint64_t size,
                           mole::ByteSink& out);
  void arm() { watchdog_.arm(ssh_get_fd(session_)); }
  mole::Error lost(const std::string& doing);
  mole::Error cancelled(const std::string& doing);
  mole::Error sftp_failed(const std::string& doing);
  std::string name() const { return server_.user + "@" + server_.host + ":" + std::to_string(server_.port); }

  const Server server_;
  ssh_session session_ = nullptr;
  sftp_session sftp_ = nullptr;
  bool broken_ = false;
  Watchdog watchdog_;
};

// Connections that are open and not in use, at most `max` in all.
class Connections {
 public:
  Connections(Server server, std::size_t max) : server_(std::move(server)), max_(max) {}

  // Calls `use(connection)` with a connection that no other thread uses; waits for one if necessary.
  template <class Use>
  auto with(Use use) const -> decltype(use(std::declval<Connection&>())) {
    auto connection = take();
    if (!connection) return connection.error();
    auto result = use(**connection);
    give_back(*std::move(connection));
    return result;
  }

 private:
  mole::Result<std::unique_ptr<Connection>> take() const;
  void give_back(std::unique_ptr<Connection> connection) const;

  const Server server_;
  const std::size_t max_;
  mutable std::mutex mutex_;
  mutable std::condition_variable freed_;
  mutable std::vector<std::unique_ptr<Connection>> idle_;
  mutable std::size_t used_ = 0;  // by threads
};

}  // namespace samfs
