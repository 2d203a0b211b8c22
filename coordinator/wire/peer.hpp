// Server and client for states and files that nodes fetch from each other.
#pragma once

#include "coordinator/wire/client.hpp"
#include "coordinator/wire/processor.hpp"

#include <functional>

namespace mole::wire {
class NodePeerClient;
}

namespace mole::coordinator {

// The state blobs a node serves. Thread-safe.
class PeerBlobs {
 public:
  virtual ~PeerBlobs() = default;
  // Returns at most `limit` bytes from `offset`, empty at the end. missing: the node has no such blob.
  virtual Result<std::string> get(const Digest& blob, std::uint64_t offset, std::uint32_t limit) = 0;
};

// A piece of a file that a node keeps in its cache.
struct FilePiece {
  Digest digest;           // of the whole file
  std::uint64_t size = 0;  // of the whole file, bytes
  std::string bytes = {};
};

// The files a node serves from its cache. Thread-safe.
class PeerFiles {
 public:
  virtual ~PeerFiles() = default;
  // Returns at most `limit` bytes from `offset`, empty at the end, of the entry with this name (kept_file_name). missing: the
  // node has no such entry.
  virtual Result<FilePiece> get(const Digest& name, std::uint64_t offset, std::uint32_t limit) = 0;
};

// The arguments must outlive the handler.
FrameHandler serve_peer(PeerBlobs& blobs, PeerFiles& files);

// A client of another node, with one connection. Not thread-safe.
class PeerClient {
 public:
  // `secret` is needed on TCP.
  explicit PeerClient(Address address, Timeouts timeouts = {}, std::optional<Secret> secret = {});
  ~PeerClient();
  Result<std::string> get_blob(const Digest& blob, std::uint64_t offset, std::uint32_t limit);
  // What it returns is not verified.
  Result<FilePiece> get_file(const Digest& name, std::uint64_t offset, std::uint32_t limit);

 private:
  struct Connection;
  Result<> call(const std::function<void(wire::NodePeerClient&)>& function);
  std::unique_ptr<Connection> connection_;
};

}  // namespace mole::coordinator
