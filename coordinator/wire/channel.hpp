// One Thrift connection of a client, and the conversion of its exceptions into errors. Internal to wire/.
#pragma once

#include "coordinator/wire/client.hpp"

#include <thrift/protocol/TProtocol.h>
#include <thrift/transport/TSocket.h>

#include <functional>
#include <memory>
#include <optional>

namespace mole::coordinator {

// The two ends of a connection do not know the same secret.
struct Unproven {
  std::string problem;  // follows the name of the server
};

class Channel {
 public:
  // On TCP, both ends first prove that they know the secret. Throws TTransportException, or Unproven.
  Channel(const Address& address, const Timeouts& timeouts, const std::optional<Secret>& secret);
  ~Channel();

  const std::shared_ptr<apache::thrift::protocol::TProtocol>& protocol() const { return protocol_; }
  // Returns false if the server has closed the idle connection or sent bytes outside a reply.
  bool usable() const;

 private:
  std::shared_ptr<apache::thrift::transport::TSocket> socket_;
  std::shared_ptr<apache::thrift::protocol::TProtocol> protocol_;
};

// The outcome of a call.
enum class Outcome { answered, failed, broken };  // broken: the connection cannot be used again

struct CallResult {
  Outcome outcome = Outcome::answered;
  bool may_repeat = false;  // broken for a reason other than a timeout
  Error error;
};

// Runs one generated client call and returns how it ended. `server` is "the coordinator at unix:/...".
CallResult guarded(const std::string& server, const std::function<void()>& call);

}  // namespace mole::coordinator
