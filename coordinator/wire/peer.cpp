#include "coordinator/wire/peer.hpp"

#include "NodePeer.h"
#include "coordinator/wire/channel.hpp"
#include "coordinator/wire/dispatch.hpp"
#include "coordinator/wire/failure.hpp"
#include "coordinator/wire/limits.hpp"

namespace mole::coordinator {
namespace {

class Handler final : public wire::NodePeerIf {
 public:
  explicit Handler(PeerBlobs& blobs) : blobs_(blobs) {}

  void get_blob(std::string& out, const std::string& hex, std::int64_t offset, std::int32_t limit) override {
    const auto digest = Digest::from_hex(hex);
    if (!digest) throw to_wire(digest.error());
    if (offset < 0 || limit < 0) throw to_wire(invalid("the offset or limit of get_blob is negative; it must be at least 0"));
    const auto size = std::min(static_cast<std::uint32_t>(limit), piece_bytes);
    auto piece = blobs_.get(*digest, static_cast<std::uint64_t>(offset), size);
    if (!piece) throw to_wire(piece.error());
    out = std::move(*piece);
  }

 private:
  PeerBlobs& blobs_;
};

}  // namespace

FrameHandler serve_peer(PeerBlobs& blobs) {
  return make_frame_handler(std::make_shared<wire::NodePeerProcessor>(std::make_shared<Handler>(blobs)));
}

struct PeerClient::Connection {
  Address address;
  Timeouts timeouts;
  std::unique_ptr<Channel> channel = nullptr;
};

PeerClient::PeerClient(Address address, Timeouts timeouts)
    : connection_(new Connection{.address = std::move(address), .timeouts = timeouts}) {}
PeerClient::~PeerClient() = default;

Result<std::string> PeerClient::get_blob(const Digest& blob, std::uint64_t offset, std::uint32_t limit) {
  std::string piece;
  const auto result = guarded("the node at " + connection_->address.text(), [&] {
    auto& channel = connection_->channel;
    if (!channel) channel = std::make_unique<Channel>(connection_->address, connection_->timeouts);
    wire::NodePeerClient client(channel->protocol());
    client.get_blob(piece, blob.hex(), static_cast<std::int64_t>(offset),
                    static_cast<std::int32_t>(std::min(limit, piece_bytes)));
  });
  if (result.outcome == Outcome::answered) return piece;
  if (result.outcome == Outcome::broken) connection_->channel.reset();
  return result.error;
}

}  // namespace mole::coordinator
