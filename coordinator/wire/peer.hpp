// States served from node to node: both sides.
#pragma once

#include "coordinator/wire/client.hpp"
#include "coordinator/wire/processor.hpp"

namespace mole::coordinator {

// The blobs a node keeps for others. `get`: at most `limit` bytes from `offset`, empty at the end; missing if not here.
// Thread-safe.
class PeerBlobs {
 public:
  virtual ~PeerBlobs() = default;
  virtual Result<std::string> get(const Digest& blob, std::uint64_t offset, std::uint32_t limit) = 0;
};

// `blobs` outlives the handler.
FrameHandler serve_peer(PeerBlobs& blobs);

// Another node. One connection, one thread.
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
