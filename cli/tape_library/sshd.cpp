#include "cli/tape_library/sshd.hpp"

#include "nodes/process/spawn.hpp"
#include "sdk/model/durable_file.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace mole::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* server_program = "/usr/sbin/sshd";
constexpr const char* key_program = "/usr/bin/ssh-keygen";

class Socket {
 public:
  Socket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool connect(std::uint16_t port) { return call(::connect, port); }
  bool bind(std::uint16_t port) { return call(::bind, port); }
  std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

 private:
  bool call(auto function, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return function(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  int fd_;
};

Result<std::uint16_t> free_port() {
  Socket socket;
  if (!socket.bind(0)) return transient("there is no free port on the loopback interface; try again");
  return socket.port();
}

Result<> create_key(const fs::path& file) {
  std::error_code failed;
  if (fs::exists(file, failed)) return {};
  MOLE_TRY(auto keygen, Child::start({key_program, "-q", "-t", "ed25519", "-N", "", "-C", "tape-library", "-f", file.string()}));
  MOLE_TRY(const auto code, keygen.wait());
  if (code != 0) return invalid(fmt::format("{} could not write {}; make its folder writable", key_program, file.string()));
  return {};
}

Result<std::string> fingerprint_of(const fs::path& key) {
  MOLE_TRY(auto keygen, Child::start_piped({key_program, "-l", "-E", "sha256", "-f", key.string() + ".pub"}));
  std::string line(1024, 0);
  MOLE_TRY(const auto size, keygen.read(line.data(), line.size()));
  line.resize(size);
  const auto start = line.find("SHA256:");
  if (start == std::string::npos) return invalid("the fingerprint of " + key.string() + " cannot be computed; remove the key");
  return line.substr(start, line.find(' ', start) - start);
}

// In sshd_config, and in a shell, within double quotes.
std::string quoted(const fs::path& path) { return '"' + path.string() + '"'; }

// SHLVL: bash then does not read ~/.bashrc, which may print, or take long.
std::string configuration(const fs::path& library, std::uint16_t port) {
  return fmt::format(R"(ListenAddress 127.0.0.1
Port {}
HostKey {}
AuthorizedKeysFile {}
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
DisableForwarding yes
PermitTTY no
MaxStartups 100
SetEnv SHLVL=1
Subsystem sftp sftp
ForceCommand exec {} archive tape-library session {}
)",
                     port, quoted(library / "keys/host_key"), quoted(library / "keys/authorized_keys"),
                     quoted(nodes::own_folder() / "mole"), quoted(library));
}

// The server separates privileges in this folder, which a package creates at boot.
void create_privilege_folder() {
  if (::geteuid() == 0) ::mkdir("/run/sshd", 0755);
}

Result<> wait_until_reachable(Child& server, std::uint16_t port, const fs::path& log) {
  for (int i = 0; i < 1000; ++i) {
    if (!server.running()) {
      const auto text = read_file(log);
      return invalid(fmt::format("{} ended at once: {}; choose a different --port, or 0 for a free one", server_program,
                                 text ? *text : std::string("it printed nothing")));
    }
    if (Socket().connect(port)) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return transient(fmt::format("{} does not listen on port {}; see {}", server_program, port, log.string()));
}

}  // namespace

Result<SshServer> start_ssh_server(const fs::path& folder, std::uint16_t port) {
  std::error_code failed;
  for (const auto* program : {server_program, key_program})
    if (!fs::exists(program, failed)) return missing(fmt::format("{} does not exist; install openssh-server", program));
  const auto library = fs::canonical(folder, failed);
  if (failed || library.string().find_first_of("\"\\$`%") != std::string::npos)
    return invalid(folder.string() + " has a path that cannot be written into a configuration of sshd; use plain characters");
  const auto keys = library / "keys";
  fs::create_directories(keys, failed);
  fs::permissions(keys, fs::perms::owner_all, failed);
  for (const auto* key : {"host_key", "client_key"})
    if (const auto created = create_key(keys / key); !created) return created.error();
  MOLE_TRY(const auto client, read_file(keys / "client_key.pub"));
  if (const auto written = write_file(keys / "authorized_keys", client); !written) return written.error();
  if (port == 0) {
    MOLE_TRY(port, free_port());
  }
  const auto file = library / "sshd_config", log = library / "sshd.log";
  if (const auto written = write_file(file, configuration(library, port)); !written) return written.error();
  fs::remove(log, failed);
  create_privilege_folder();
  MOLE_TRY(auto process, Child::start_in_background({server_program, "-D", "-e", "-f", file.string()}, log));
  if (const auto reachable = wait_until_reachable(process, port, log); !reachable) return reachable.error();
  MOLE_TRY(auto host_key, fingerprint_of(keys / "host_key"));
  const auto* user = ::getpwuid(::geteuid());
  return SshServer{std::move(process), port, user != nullptr ? user->pw_name : "", std::move(host_key), keys / "client_key"};
}

}  // namespace mole::cli
