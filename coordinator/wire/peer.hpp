// Server and client for states that nodes fetch from each other.
#pragma once

#include "coordinator/wire/client.hpp"
#include "coordinator/wire/processor.hpp"

namespace mole::coordinator {

// The state blobs a node serves. Thread-safe.
class PeerBlobs {
 public:
  virtual ~PeerBlobs() = default;
  // Returns at most `limit` bytes from `offset`, empty at the end. missing: the node has no such blob.
  virtual Result<std::string> get(const Digest& blob, std::uint64_t offset, std::uint32_t limit) = 0;
};

// `blobs` must outlive the handler.
FrameHandler serve_peer(PeerBlobs& blobs);

// A client of another node, with one connection. Not thread-safe.
class PeerClient {
 public:
  explicit PeerClient(Address address, Timeouts timeouts = {});
  ~PeerClient();
  Result<std::string> get_blob(const Digest& blob, std::uint64_t offset, std::uint32_t limit);

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace mole::coordinator
