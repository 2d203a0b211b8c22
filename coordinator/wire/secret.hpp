// The secret that the programs of one service share, and the proof that the other end of a TCP connection knows it
// (docs/formats/wire.md).
#pragma once

#include <mole/result.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mole::coordinator {

class Secret {
 public:
  static constexpr std::size_t bytes = 32;

  static Secret random();
  // Reads a file of 64 hexadecimal digits. missing: there is no file; denied: it belongs to another user, other users can open
  // it, or it is not a regular file; invalid: it does not contain a secret.
  static Result<Secret> read(const std::filesystem::path& file);
  // Reads the file. If there is none, creates it with mode 0600 and a random secret, durably.
  static Result<Secret> read_or_create(const std::filesystem::path& file);

  bool operator==(const Secret&) const = default;
  std::string_view key() const { return {key_.data(), key_.size()}; }

 private:
  std::array<char, bytes> key_{};
};

// Which end of a connection proves that it knows the secret.
enum class End { server, client };

inline constexpr std::size_t nonce_bytes = 32, proof_bytes = 32;

// Returns random bytes from the system.
std::string random_bytes(std::size_t count);
// Both nonces have nonce_bytes. `address` is the server's end of the connection (server_end).
std::string proof_of(const Secret& secret, End end, std::string_view client_nonce, std::string_view server_nonce,
                     std::string_view address);
// Compares in a time that does not depend on the bytes.
bool same_proof(std::string_view a, std::string_view b);
// Returns "127.0.0.1:9190", the server's address on a connected TCP socket; empty if the socket is not connected. A proof for one
// address is not valid for another, so it cannot be passed on to another server.
std::string server_end(int fd, End own_end);

// The first frame of a client, without its length: a mark, the version, the client's process id and its nonce.
inline constexpr std::size_t hello_bytes = 8 + 8 + nonce_bytes;
std::string hello_of(std::uint64_t process, std::string_view nonce);

struct Hello {
  std::uint64_t process = 0;  // requests of one process share a limit
  std::string nonce;
};
// invalid: the bytes are not a hello of this version.
Result<Hello> parse_hello(std::string_view bytes);

}  // namespace mole::coordinator
