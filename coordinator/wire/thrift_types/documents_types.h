// The structs of documents.thrift for the generated code of the services: the documents themselves, read and written by their
// tables of fields.
#pragma once

#include "coordinator/wire/api.hpp"
#include "coordinator/wire/messages.hpp"
#include "coordinator/wire/protocol.hpp"

namespace mole::wire {

template <class T>
struct ThriftStruct : T {
  ThriftStruct() = default;
  explicit ThriftStruct(T value) : T(std::move(value)) {}
  std::uint32_t read(apache::thrift::protocol::TProtocol* in) { return coordinator::read_struct<T>(*in, *this); }
  std::uint32_t write(apache::thrift::protocol::TProtocol* out) const { return coordinator::write_struct<T>(*out, *this); }
  bool operator==(const ThriftStruct&) const;  // not defined: the generated comparisons need it, but nothing calls them
};

using Accepted = ThriftStruct<coordinator::Accepted>;
using ArchiveFile = ThriftStruct<coordinator::ArchiveFile>;
using ArchiveGaps = ThriftStruct<coordinator::ArchiveGaps>;
using ClusterStatus = ThriftStruct<coordinator::ClusterStatus>;
using Collection = ThriftStruct<coordinator::Collection>;
using CollectOptions = ThriftStruct<coordinator::CollectOptions>;
using Completions = ThriftStruct<coordinator::Completions>;
using Grants = ThriftStruct<coordinator::Grants>;
using Heartbeat = ThriftStruct<coordinator::Heartbeat>;
using HeartbeatReply = ThriftStruct<coordinator::HeartbeatReply>;
using JobExplanation = ThriftStruct<coordinator::JobExplanation>;
using LeaseRequest = ThriftStruct<coordinator::LeaseRequest>;
using Lineage = ThriftStruct<coordinator::Lineage>;
using LoadHistory = ThriftStruct<coordinator::LoadHistory>;
using ModuleResults = ThriftStruct<coordinator::ModuleResults>;
using NodeInfo = ThriftStruct<coordinator::NodeInfo>;
using PipelineDescription = ThriftStruct<coordinator::PipelineDescription>;
using PlanReport = ThriftStruct<coordinator::PlanReport>;
using Registration = ThriftStruct<coordinator::Registration>;
using RequestStatus = ThriftStruct<coordinator::RequestStatus>;
using Submission = ThriftStruct<coordinator::Submission>;
using TableDump = ThriftStruct<coordinator::TableDump>;

struct RequestKind {
  using type = coordinator::RequestKind;
};
struct Verdict {
  using type = coordinator::Verdict;
};

}  // namespace mole::wire
