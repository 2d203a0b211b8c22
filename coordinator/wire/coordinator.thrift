// The services of the coordinator (docs/formats/wire.md): client_api.hpp, node_api.hpp and blob_api.hpp in Thrift. Fields are only added,
// with new numbers; a number is never reused.
namespace cpp mole.wire

include "documents.thrift"  // printed by idl.cpp during the build

// Digests of blobs are 32 hex digits; times are in microseconds. Unsigned 64-bit values are sent as i64 with the same bits.

exception Failure {
  1: i32 code       // mole::Code
  2: string message
}

// Blobs, in pieces of at most 1 MiB.
service BlobApi {
  i64 put_blob(1: string digest, 2: i64 offset, 3: binary bytes, 4: i64 total) throws (1: Failure failure)
  binary get_blob(1: string digest, 2: i64 offset, 3: i32 limit) throws (1: Failure failure)
}

service ClientApi extends BlobApi {
  documents.Accepted submit(1: documents.Submission submission) throws (1: Failure failure)
  documents.PlanReport plan(1: documents.Submission submission) throws (1: Failure failure)
  documents.PipelineDescription validate(1: documents.Submission submission) throws (1: Failure failure)
  documents.RequestStatus request(1: string id) throws (1: Failure failure)
  list<documents.RequestStatus> requests() throws (1: Failure failure)
  documents.RequestStatus cancel(1: string id) throws (1: Failure failure)
  documents.ClusterStatus status() throws (1: Failure failure)
  documents.JobExplanation explain(1: string job, 2: string what_if) throws (1: Failure failure)
  documents.Lineage why(1: string module_name, 2: string column, 3: i64 time_us, 4: string what_if) throws (1: Failure failure)
  documents.ModuleResults results(1: string module_name, 2: i64 from_us, 3: i64 to_us, 4: string what_if) throws (1: Failure failure)
  list<documents.ArchiveFile> archive_files(1: string archive, 2: i64 from_us, 3: i64 to_us) throws (1: Failure failure)
  documents.ArchiveGaps archive_gaps(1: string archive) throws (1: Failure failure)
  documents.Accepted archive_task(1: documents.Submission submission, 2: string archive, 3: documents.RequestKind kind) throws (1: Failure failure)
  documents.LoadHistory load_history(1: i64 from_us, 2: i64 to_us) throws (1: Failure failure)
  documents.Collection collect_garbage(1: documents.CollectOptions options) throws (1: Failure failure)
  documents.TableDump dump(1: string table, 2: string start, 3: i32 limit) throws (1: Failure failure)
}

// A coordinator serves clients and nodes at one address.
service Coordinator extends ClientApi {
  documents.Registration register_node(1: documents.NodeInfo node) throws (1: Failure failure)
  documents.Grants lease(1: documents.LeaseRequest request) throws (1: Failure failure)
  documents.HeartbeatReply heartbeat(1: documents.Heartbeat heartbeat) throws (1: Failure failure)
  void release(1: string node, 2: string incarnation, 3: list<string> tasks) throws (1: Failure failure)
  list<documents.Verdict> complete(1: documents.Completions completions) throws (1: Failure failure)
}
