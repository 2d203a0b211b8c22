// The structs of documents.thrift for the generated code of the services. They are the documents themselves, read and written by
// their tables of fields; what the Thrift compiler would generate for documents.thrift is not used.
#pragma once

#include "coordinator/wire/documents/documents.hpp"
#include "coordinator/wire/protocol.hpp"

namespace mole::wire {

template <class T>
struct Carried : T {
  std::uint32_t read(apache::thrift::protocol::TProtocol* in) { return coordinator::read_struct<T>(*in, *this); }
  std::uint32_t write(apache::thrift::protocol::TProtocol* out) const { return coordinator::write_struct<T>(*out, *this); }
  bool operator==(const Carried&) const = default;
};

using Accepted = Carried<coordinator::Accepted>;
using ArchiveFile = Carried<coordinator::ArchiveFile>;
using ArchiveGaps = Carried<coordinator::ArchiveGaps>;
using ClusterStatus = Carried<coordinator::ClusterStatus>;
using JobExplanation = Carried<coordinator::JobExplanation>;
using Lineage = Carried<coordinator::Lineage>;
using ModuleResults = Carried<coordinator::ModuleResults>;
using PipelineDescription = Carried<coordinator::PipelineDescription>;
using PlanReport = Carried<coordinator::PlanReport>;
using RequestStatus = Carried<coordinator::RequestStatus>;
using TableDump = Carried<coordinator::TableDump>;

struct RequestKind {
  using type = coordinator::RequestKind;
};

}  // namespace mole::wire
