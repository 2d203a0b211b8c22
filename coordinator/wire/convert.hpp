// Between the contract (api.hpp) and the generated Thrift types. Nothing outside wire/ sees the latter.
//
// from_wire of what a peer may have made up checks it: invalid names the field.
#pragma once

#include "coordinator/wire/api.hpp"
#include "coordinator_types.h"

namespace mole::coordinator {

// What plugins say of themselves, taken out of the specs of one message: library's digest -> sidecar.
using Sidecars = std::map<std::string, std::string>;

wire::Grant to_wire(const task::Spec&, Sidecars&);
Result<task::Spec> from_wire(const wire::Grant&, const Sidecars&);
wire::Completion to_wire(const Completion&, Sidecars&);
Result<Completion> from_wire(const wire::Completion&, const Sidecars&);

wire::Submission to_wire(const Submission&);
Submission from_wire(const wire::Submission&);
wire::NodeInfo to_wire(const NodeInfo&);
Result<NodeInfo> from_wire(const wire::NodeInfo&);
wire::Registration to_wire(const Registration&);
Registration from_wire(const wire::Registration&);
wire::Attempt to_wire(const Attempt&);
Attempt from_wire(const wire::Attempt&);
wire::LeaseAsk to_wire(const LeaseAsk&);
Result<LeaseAsk> from_wire(const wire::LeaseAsk&);
wire::Grants to_wire(const std::vector<task::Spec>&);
Result<std::vector<task::Spec>> from_wire(const wire::Grants&);
wire::Heartbeat to_wire(const Heartbeat&);
Heartbeat from_wire(const wire::Heartbeat&);
wire::HeartbeatReply to_wire(const HeartbeatReply&);
HeartbeatReply from_wire(const wire::HeartbeatReply&);
wire::Completions to_wire(const std::vector<Completion>&);
Result<std::vector<Completion>> from_wire(const wire::Completions&);
wire::Failure to_wire(const Error&);
Error from_wire(const wire::Failure&);

std::string to_wire(const nlohmann::json&);  // bytes that are not UTF-8 become U+FFFD
Result<nlohmann::json> document_from_wire(const std::string& text);

}  // namespace mole::coordinator
