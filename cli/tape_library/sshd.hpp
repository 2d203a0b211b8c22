// Serves a simulated tape library over SSH: a real OpenSSH server on the loopback interface, with its own host key and one key
// for clients, that runs `mole archive tape-library session` for every command.
#pragma once

#include "cli/session/child.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace mole::cli {

struct SshServer {
  Child process;
  std::uint16_t port = 0;
  std::string user;                // the user that runs this program
  std::string host_key;            // fingerprint, "SHA256:..."
  std::filesystem::path key_file;  // a client's private key
};

// Starts the server and returns when it accepts connections. `port` 0: a free one. missing: there is no OpenSSH server; invalid:
// the port is used or the keys cannot be created.
Result<SshServer> start_ssh_server(const std::filesystem::path& library, std::uint16_t port);

}  // namespace mole::cli
