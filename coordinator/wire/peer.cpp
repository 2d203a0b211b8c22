#include "coordinator/wire/peer.hpp"

#include "NodePeer.h"
#include "coordinator/wire/channel.hpp"
#include "coordinator/wire/dispatch.hpp"
#include "coordinator/wire/failure.hpp"
#include "coordinator/wire/limits.hpp"

namespace mole::coordinator {
namespace {

// Returns a piece of a state or file.
auto get(auto& from, const std::string& call, const std::string& hex, std::int64_t offset, std::int32_t limit) {
  const auto digest = Digest::from_hex(hex);
  if (!digest) throw to_wire(digest.error());
  if (offset < 0 || limit < 0) throw to_wire(invalid("the offset or limit of " + call + " is negative; it must be at least 0"));
  const auto size = std::min(static_cast<std::uint32_t>(limit), piece_bytes);
  auto piece = from.get(*digest, static_cast<std::uint64_t>(offset), size);
  if (!piece) throw to_wire(piece.error());
  return std::move(*piece);
}

class Handler final : public wire::NodePeerIf {
 public:
  Handler(PeerBlobs& blobs, PeerFiles& files) : blobs_(blobs), files_(files) {}

  void get_blob(std::string& out, const std::string& hex, std::int64_t offset, std::int32_t limit) override {
    out = get(blobs_, "get_blob", hex, offset, limit);
  }
  void get_file(wire::FilePiece& out, const std::string& hex, std::int64_t offset, std::int32_t limit) override {
    auto piece = get(files_, "get_file", hex, offset, limit);
    out.digest = piece.digest.hex();
    out.size = static_cast<std::int64_t>(piece.size);
    out.bytes = std::move(piece.bytes);
  }

 private:
  PeerBlobs& blobs_;
  PeerFiles& files_;
};

}  // namespace

FrameHandler serve_peer(PeerBlobs& blobs, PeerFiles& files) {
  return make_frame_handler(std::make_shared<wire::NodePeerProcessor>(std::make_shared<Handler>(blobs, files)));
}

struct PeerClient::Connection {
  Address address;
  Timeouts timeouts;
  std::optional<Secret> secret;
  std::unique_ptr<Channel> channel = nullptr;
};

PeerClient::PeerClient(Address address, Timeouts timeouts, std::optional<Secret> secret)
    : connection_(new Connection{.address = std::move(address), .timeouts = timeouts, .secret = secret}) {}
PeerClient::~PeerClient() = default;

Result<> PeerClient::call(const std::function<void(wire::NodePeerClient&)>& function) {
  const auto result = guarded("the node at " + connection_->address.text(), [&] {
    auto& channel = connection_->channel;
    if (!channel) channel = std::make_unique<Channel>(connection_->address, connection_->timeouts, connection_->secret);
    wire::NodePeerClient client(channel->protocol());
    function(client);
  });
  if (result.outcome == Outcome::answered) return {};
  if (result.outcome == Outcome::broken) connection_->channel.reset();
  return result.error;
}

Result<std::string> PeerClient::get_blob(const Digest& blob, std::uint64_t offset, std::uint32_t limit) {
  std::string piece;
  auto done = call([&](wire::NodePeerClient& client) {
    client.get_blob(piece, blob.hex(), static_cast<std::int64_t>(offset),
                    static_cast<std::int32_t>(std::min(limit, piece_bytes)));
  });
  return done ? Result<std::string>(std::move(piece)) : done.error();
}

Result<FilePiece> PeerClient::get_file(const Digest& name, std::uint64_t offset, std::uint32_t limit) {
  wire::FilePiece piece;
  if (auto done = call([&](wire::NodePeerClient& client) {
        client.get_file(piece, name.hex(), static_cast<std::int64_t>(offset),
                        static_cast<std::int32_t>(std::min(limit, piece_bytes)));
      });
      !done)
    return done.error();
  MOLE_TRY(const auto digest, Digest::from_hex(piece.digest));
  return FilePiece{digest, static_cast<std::uint64_t>(piece.size), std::move(piece.bytes)};
}

}  // namespace mole::coordinator
