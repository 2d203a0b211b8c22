// The structs of documents.thrift for the generated code of the services. They are the documents themselves, read and written by
// their tables of fields.
#pragma once

#include "coordinator/wire/api.hpp"
#include "coordinator/wire/messages.hpp"
#include "coordinator/wire/protocol.hpp"

namespace mole::wire {

template <class T>
struct Carried : T {
  Carried() = default;
  explicit Carried(T value) : T(std::move(value)) {}
  std::uint32_t read(apache::thrift::protocol::TProtocol* in) { return coordinator::read_struct<T>(*in, *this); }
  std::uint32_t write(apache::thrift::protocol::TProtocol* out) const { return coordinator::write_struct<T>(*out, *this); }
  bool operator==(const Carried&) const;  // not defined: the generated comparisons need it, but nothing calls them
};

using Accepted = Carried<coordinator::Accepted>;
using ArchiveFile = Carried<coordinator::ArchiveFile>;
using ArchiveGaps = Carried<coordinator::ArchiveGaps>;
using ClusterStatus = Carried<coordinator::ClusterStatus>;
using Completions = Carried<coordinator::Completions>;
using Grants = Carried<coordinator::Grants>;
using Heartbeat = Carried<coordinator::Heartbeat>;
using HeartbeatReply = Carried<coordinator::HeartbeatReply>;
using JobExplanation = Carried<coordinator::JobExplanation>;
using LeaseRequest = Carried<coordinator::LeaseRequest>;
using Lineage = Carried<coordinator::Lineage>;
using ModuleResults = Carried<coordinator::ModuleResults>;
using NodeInfo = Carried<coordinator::NodeInfo>;
using PipelineDescription = Carried<coordinator::PipelineDescription>;
using PlanReport = Carried<coordinator::PlanReport>;
using Registration = Carried<coordinator::Registration>;
using RequestStatus = Carried<coordinator::RequestStatus>;
using Submission = Carried<coordinator::Submission>;
using TableDump = Carried<coordinator::TableDump>;

struct RequestKind {
  using type = coordinator::RequestKind;
};
struct Verdict {
  using type = coordinator::Verdict;
};

}  // namespace mole::wire
