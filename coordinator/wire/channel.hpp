// One Thrift connection of a client, and how its failures become errors. Internal to wire/.
#pragma once

#include "coordinator/wire/client.hpp"

#include <thrift/protocol/TProtocol.h>
#include <thrift/transport/TSocket.h>

#include <functional>
#include <memory>

namespace mole::coordinator {

class Channel {
 public:
  // Throws TTransportException.
  Channel(const Address& address, const Timeouts& timeouts);
  ~Channel();

  const std::shared_ptr<apache::thrift::protocol::TProtocol>& protocol() const { return protocol_; }
  // False when the other side has closed an idle connection (or sent what nobody asked for).
  bool usable() const;

 private:
  std::shared_ptr<apache::thrift::transport::TSocket> socket_;
  std::shared_ptr<apache::thrift::protocol::TProtocol> protocol_;
};

// How a call ended.
enum class Outcome { answered, failed, broken };  // broken: the connection is of no further use

struct CallEnd {
  Outcome outcome = Outcome::answered;
  bool worth_repeating = false;  // broken, and not for want of time
  Error error;
};

// Runs one generated client call and says how it ended. `whom` is "the coordinator at unix:/...".
CallEnd guarded(const std::string& whom, const std::function<void()>& call);

}  // namespace mole::coordinator
