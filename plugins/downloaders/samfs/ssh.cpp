#include "ssh.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>

namespace samfs {
namespace {

constexpr std::size_t max_errors = 1 << 20, chunk = 32 << 10, max_outstanding = 16;

// An owned handle of libssh.
template <auto release>
struct Release {
  template <class T>
  void operator()(T* handle) const {
    release(handle);
  }
};
template <class T, auto release>
using Owned = std::unique_ptr<std::remove_pointer_t<T>, Release<release>>;
using Key = Owned<ssh_key, ssh_key_free>;
using Channel = Owned<ssh_channel, ssh_channel_free>;
using Text = Owned<char*, ssh_string_free_char>;
using File = Owned<sftp_file, sftp_close>;
using Attributes = Owned<sftp_attributes, sftp_attributes_free>;

std::string reason(int error) { return std::generic_category().message(error); }

// Nobody else may read the private key, as for OpenSSH.
mole::Result<> check_key_file(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0)
    return mole::denied("cannot read the key file " + path + ": " + reason(errno) + "; check params.key_file");
  if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
    return mole::denied("others may read the key file " + path + "; run: chmod 600 " + path);
  return {};
}

std::string fingerprint_of(ssh_key key) {
  unsigned char* hash = nullptr;
  std::size_t size = 0;
  if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != 0) return "";
  const Text text(ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size));
  ssh_clean_pubkey_hash(&hash);
  return text ? text.get() : "";
}

}  // namespace

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchdog::arm(int socket) {
  const std::lock_guard lock(mutex_);
  socket_ = socket;
  end_ = std::chrono::steady_clock::now() + seconds_;
  changed_.notify_all();
}

void Watchdog::disarm() {
  const std::lock_guard lock(mutex_);
  socket_ = -1;
}

bool Watchdog::fired() const {
  const std::lock_guard lock(mutex_);
  return fired_;
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (socket_ < 0) {
      changed_.wait(lock);
    } else if (std::chrono::steady_clock::now() >= end_) {
      fired_ = true;
      ::shutdown(socket_, SHUT_RDWR);  // the blocked call of libssh returns an error
      socket_ = -1;
    } else {
      changed_.wait_until(lock, end_);
    }
  }
}

mole::Result<std::unique_ptr<Connection>> Connection::open(const Server& server) {
  if (auto sound = check_key_file(server.key_file); !sound) return sound.error();
  std::unique_ptr<Connection> connection(new Connection(server));
  for (const auto step : {&Connection::connect, &Connection::check_host_key, &Connection::authenticate})
    if (auto done = (*connection.*step)(); !done) return done.error();
  connection->watchdog_.disarm();
  return connection;
}

Connection::~Connection() {
  watchdog_.disarm();
  if (session_ == nullptr) return;
  const int socket = ssh_get_fd(session_);
  if (socket >= 0) ::shutdown(socket, SHUT_RD);  // never wait for the server
  if (sftp_ != nullptr) sftp_free(sftp_);
  ssh_disconnect(session_);
  ssh_free(session_);
}

mole::Result<> Connection::connect() {
  session_ = ssh_new();
  if (session_ == nullptr) return mole::exhausted("out of memory for an SSH connection; give the node more memory");
  const bool no_files = false;  // what a user has in ~/.ssh/config does not apply
  const int verbosity = SSH_LOG_NOLOG, port = static_cast<int>(server_.port);
  const long timeout = static_cast<long>(server_.timeout_seconds);
  ssh_options_set(session_, SSH_OPTIONS_PROCESS_CONFIG, &no_files);
  ssh_options_set(session_, SSH_OPTIONS_LOG_VERBOSITY, &verbosity);
  ssh_options_set(session_, SSH_OPTIONS_HOST, server_.host.c_str());
  ssh_options_set(session_, SSH_OPTIONS_PORT, &port);
  ssh_options_set(session_, SSH_OPTIONS_USER, server_.user.c_str());
  ssh_options_set(session_, SSH_OPTIONS_TIMEOUT, &timeout);
  ssh_options_set(session_, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
  ssh_options_set(session_, SSH_OPTIONS_KNOWNHOSTS, server_.known_hosts.empty() ? "/dev/null" : server_.known_hosts.c_str());
  if (ssh_connect(session_) != SSH_OK)
    return mole::transient("cannot connect to " + name() + ": " + ssh_get_error(session_) +
                           "; check that the server runs, and params.host and params.port");
  arm();
  return {};
}

mole::Result<> Connection::check_host_key() {
  ssh_key raw = nullptr;
  if (ssh_get_server_publickey(session_, &raw) != SSH_OK) return lost("reading the host key of " + name());
  const Key key(raw);
  const auto fingerprint = fingerprint_of(key.get());
  const auto refuse = [&](const std::string& expected, const std::string& remedy) {
    return mole::denied(name() + " has the host key " + fingerprint + " (" + ssh_key_type_to_char(ssh_key_type(key.get())) +
                        "), " + expected + "; nothing was sent to it. If its administrator confirms the new key, " + remedy);
  };
  if (!server_.host_key.empty())
    return fingerprint == server_.host_key
               ? mole::Result<>()
               : refuse("not " + server_.host_key + " of params.host_key", "set params.host_key to its fingerprint");
  switch (ssh_session_is_known_server(session_)) {
    case SSH_KNOWN_HOSTS_OK:
      return {};
    case SSH_KNOWN_HOSTS_CHANGED:
    case SSH_KNOWN_HOSTS_OTHER:
      return refuse("which differs from the one in " + server_.known_hosts, "replace the line in that file");
    case SSH_KNOWN_HOSTS_NOT_FOUND:
    case SSH_KNOWN_HOSTS_UNKNOWN:
      return refuse("which is not in " + server_.known_hosts, "add it with ssh-keyscan");
    default:
      return mole::denied("cannot read the host keys in " + server_.known_hosts + ": " + ssh_get_error(session_) +
                          "; check params.known_hosts");
  }
}

mole::Result<> Connection::authenticate() {
  ssh_key raw = nullptr;
  if (ssh_pki_import_privkey_file(server_.key_file.c_str(), "", nullptr, nullptr, &raw) != SSH_OK)
    return mole::denied("the key file " + server_.key_file +
                        " is not a private key, or is protected by a passphrase; create one with ssh-keygen -t ed25519 -N ''");
  const Key key(raw);
  const auto result = ssh_userauth_publickey(session_, nullptr, key.get());
  if (result == SSH_AUTH_SUCCESS) return {};
  if (result == SSH_AUTH_ERROR) return lost("logging in to " + name());
  return mole::denied(name() + " does not accept the key " + server_.key_file +
                      "; add its public key to the user's authorized_keys, or check params.user and params.key_file");
}

mole::Error Connection::lost(const std::string& doing) {
  broken_ = true;
  if (watchdog_.fired())
    return mole::transient(doing + ": the server was silent for " + std::to_string(server_.timeout_seconds) +
                           " s; check it, or raise params.timeout");
  std::string cause = ssh_get_error(session_);
  return mole::transient(doing + ": the connection broke" + (cause.empty() ? "" : " (" + cause + ")") +
                         "; check the network and the server");
}

mole::Error Connection::cancelled(const std::string& doing) {
  broken_ = true;
  return {mole::Code::cancelled, "cancelled while " + doing};
}

bool Connection::usable() const {
  if (broken_ || watchdog_.fired() || ssh_is_connected(session_) == 0) return false;
  pollfd closed{ssh_get_fd(session_), POLLIN, 0};
  char byte = 0;
  return ::poll(&closed, 1, 0) == 0 || ::recv(closed.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

mole::Result<CommandEnd> Connection::run(const std::string& command, std::string_view input,
                                         const std::function<mole::Result<>(std::string_view)>& on_line) {
  const auto doing = "running '" + command.substr(0, command.find(' ', command.find(' ') + 1)) + "' on " + name();
  arm();
  const Channel channel(ssh_channel_new(session_));
  if (!channel) return lost(doing);
  if (ssh_channel_open_session(channel.get()) != SSH_OK) {
    if (watchdog_.fired() || ssh_is_connected(session_) == 0) return lost(doing);
    broken_ = true;
    return mole::busy(doing + ": the server accepts no further session; lower params.drives");
  }
  if (ssh_channel_request_exec(channel.get(), command.c_str()) != SSH_OK) return lost(doing);
  while (!input.empty()) {
    arm();
    const auto part = std::min<std::size_t>(input.size(), chunk);
    const auto n = ssh_channel_write(channel.get(), input.data(), static_cast<std::uint32_t>(part));
    if (n <= 0) return lost(doing);
    input.remove_prefix(static_cast<std::size_t>(n));
  }
  ssh_channel_send_eof(channel.get());
  CommandEnd end;
  auto read = read_output(channel.get(), on_line, end.errors);
  if (!read) {
    broken_ = true;
    return watchdog_.fired() ? lost(doing) : read.error();
  }
  end.exit = ssh_channel_get_exit_status(channel.get());
  ssh_channel_close(channel.get());
  watchdog_.disarm();
  if (end.exit < 0) return lost(doing);
  return end;
}

mole::Result<> Connection::read_output(ssh_channel channel, const std::function<mole::Result<>(std::string_view)>& on_line,
                                       std::string& errors) {
  std::string buffer(64 << 10, 0), line;
  const auto size = static_cast<std::uint32_t>(buffer.size());
  while (true) {
    if (server_.services.cancelled()) return cancelled("reading from " + name());
    bool idle = true;
    for (const int is_errors : {0, 1}) {
      const int n = ssh_channel_read_timeout(channel, buffer.data(), size, is_errors, is_errors ? 0 : 100);
      if (n == SSH_ERROR || watchdog_.fired()) return lost("reading from " + name());
      if (n <= 0) continue;
      idle = false;
      arm();
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
      if (is_errors) {
        errors += bytes.substr(0, max_errors - errors.size());
        continue;
      }
      line += bytes;
      std::size_t begin = 0;
      for (std::size_t end; (end = line.find('\n', begin)) != std::string::npos; begin = end + 1)
        if (auto taken = on_line(std::string_view(line).substr(begin, end - begin)); !taken) return taken;
      line.erase(0, begin);
      if (line.size() > max_errors)
        return mole::corrupt(name() + " sent a line of more than 1 MiB; check what the command prints");
    }
    if (idle && ssh_channel_is_eof(channel)) break;
    if (idle && ssh_is_connected(session_) == 0) return lost("reading from " + name());
  }
  return line.empty() ? mole::Result<>() : on_line(line);
}

mole::Result<> Connection::start_sftp() {
  if (sftp_ != nullptr) return {};
  sftp_ = sftp_new(session_);
  if (sftp_ != nullptr && sftp_init(sftp_) == SSH_OK) return {};
  if (watchdog_.fired() || ssh_is_connected(session_) == 0) return lost("starting SFTP on " + name());
  broken_ = true;
  return mole::busy("starting SFTP on " + name() +
                    ": the server accepts no further session, or has no SFTP; lower params.drives");
}

mole::Error Connection::sftp_failed(const std::string& doing) {
  if (watchdog_.fired() || ssh_is_connected(session_) == 0) return lost(doing);
  switch (sftp_get_error(sftp_)) {
    case SSH_FX_NO_SUCH_FILE:
    case SSH_FX_NO_SUCH_PATH:
      return mole::missing(doing + ": there is no such file; index the archive again");
    case SSH_FX_PERMISSION_DENIED:
      return mole::denied(doing + ": permission denied; let the user read it");
    case SSH_FX_CONNECTION_LOST:
    case SSH_FX_NO_CONNECTION:
      return lost(doing);
    default:
      return mole::transient(doing + ": the server reported a failure; check its log");
  }
}

mole::Result<> Connection::copy(const std::string& path, std::uint64_t offset, std::uint64_t size, mole::ByteSink& out) {
  const auto doing = "reading " + path + " from " + name();
  arm();
  if (auto started = start_sftp(); !started) return started;
  File file(sftp_open(sftp_, path.c_str(), O_RDONLY, 0));
  if (!file) return sftp_failed(doing);
  auto done = copy_open(file.get(), path, offset, size, out);
  file.reset();
  if (!done) broken_ = true;  // replies may be outstanding
  if (watchdog_.fired()) return lost(doing);
  if (done) watchdog_.disarm();
  return done;
}

mole::Result<> Connection::copy_open(sftp_file file, const std::string& path, std::uint64_t offset, std::uint64_t size,
                                     mole::ByteSink& out) {
  const auto doing = "reading " + path + " from " + name();
  const Attributes before(sftp_fstat(file));
  if (!before) return sftp_failed(doing);
  if (before->size != size)
    return mole::missing(doing + ": the file has " + std::to_string(before->size) + " bytes, and " + std::to_string(size) +
                         " in the listing; index the archive again");
  if (sftp_seek64(file, offset) != 0) return sftp_failed(doing);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> requests;  // id, length; the oldest first
  std::string buffer(chunk, 0);
  for (auto next = offset; offset < size;) {
    while (next < size && requests.size() < max_outstanding) {
      const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(chunk, size - next));
      const int id = sftp_async_read_begin(file, length);
      if (id < 0) return sftp_failed(doing);
      requests.emplace_back(static_cast<std::uint32_t>(id), length);
      next += length;
    }
    if (server_.services.cancelled()) return cancelled(doing);
    arm();
    const auto [id, length] = requests.front();
    requests.erase(requests.begin());
    const int n = sftp_async_read(file, buffer.data(), length, id);
    if (n < 0) return sftp_failed(doing);
    if (static_cast<std::uint32_t>(n) != length)
      return mole::transient(doing + ": the server sent " + std::to_string(n) + " of " + std::to_string(length) + " bytes at " +
                             std::to_string(offset) + "; check the file on the server");
    if (auto taken = out.write(std::as_bytes(std::span(buffer.data(), length))); !taken) return taken;
    offset += length;
  }
  arm();
  const Attributes after(sftp_fstat(file));
  if (!after) return sftp_failed(doing);
  if (after->size != before->size || after->mtime != before->mtime)
    return mole::missing(doing + ": the file was replaced meanwhile; index the archive again");
  return {};
}

mole::Result<std::unique_ptr<Connection>> Connections::take() const {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [&] { return used_ < max_; });
  ++used_;
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->usable()) return connection;
  }
  lock.unlock();
  auto opened = Connection::open(server_);
  if (opened) return opened;
  lock.lock();
  --used_;
  freed_.notify_one();
  return opened;
}

void Connections::give_back(std::unique_ptr<Connection> connection) const {
  const bool usable = connection->usable();
  if (!usable) connection.reset();
  const std::lock_guard lock(mutex_);
  if (usable) idle_.push_back(std::move(connection));
  --used_;
  freed_.notify_one();
}

}  // namespace samfs
