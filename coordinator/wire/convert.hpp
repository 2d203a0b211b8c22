// Converts the messages of nodes and clients to and from the generated Thrift types, which no other folder uses.
//
// from_wire checks values that a peer could have made up; invalid names the field.
#pragma once

#include "coordinator/wire/api.hpp"
#include "coordinator/wire/convert_task.hpp"
#include "coordinator_types.h"

namespace mole::coordinator {

wire::Submission to_wire(const Submission&);
Submission from_wire(const wire::Submission&);
wire::NodeInfo to_wire(const NodeInfo&);
Result<NodeInfo> from_wire(const wire::NodeInfo&);
wire::Registration to_wire(const Registration&);
Registration from_wire(const wire::Registration&);
wire::TaskProgress to_wire(const TaskProgress&);
TaskProgress from_wire(const wire::TaskProgress&);
wire::LeaseRequest to_wire(const LeaseRequest&);
Result<LeaseRequest> from_wire(const wire::LeaseRequest&);
Result<std::vector<task::Spec>> from_wire(wire::Grants);
wire::Heartbeat to_wire(const Heartbeat&);
Heartbeat from_wire(const wire::Heartbeat&);
wire::HeartbeatReply to_wire(const HeartbeatReply&);
HeartbeatReply from_wire(const wire::HeartbeatReply&);
wire::Completion to_wire(const Completion&, Outgoing&);
Result<std::vector<Completion>> from_wire(wire::Completions);
wire::Failure to_wire(const Error&);
Error from_wire(const wire::Failure&);

}  // namespace mole::coordinator
