// The services of the coordinator (docs/formats/wire.md): client_api.hpp, node_api.hpp and blob_api.hpp in Thrift. Fields are only added,
// with new numbers; a number is never used again.
namespace cpp mole.wire

include "documents.thrift"
include "task.thrift"

// Digests are 32 hex digits, times and durations microseconds. Unsigned 64-bit values travel as i64 with the same bits.

exception Failure {
  1: i32 code       // mole::Code
  2: string message
}

struct Submission {
  1: string manifest
  2: string manifest_name
  3: string base
  4: list<string> overrides
  5: string module_name
  6: i64 from_us
  7: i64 to_us
  8: bool partial
  9: i32 priority
  10: string client_id
}

struct NodeInfo {
  1: string name
  2: string incarnation
  3: string address
  4: i32 slots
  5: i32 threads
}

struct Registration {
  1: i64 epoch
  2: i64 lease_us
  3: i64 heartbeat_us
}

struct TaskProgress {
  1: string task
  2: string phase
  3: i64 bytes_done
  4: i64 bytes_total
  5: i64 flows
}

struct LeaseRequest {
  1: string node
  2: string incarnation
  3: i32 free_slots
  4: list<string> held
}

// Sidecars of plugins are long and few: each is sent once per message, by the digest of its library, and not in every spec.
struct Grants {
  1: list<task.Spec> specs
  2: map<string, string> sidecars
}

struct Heartbeat {
  1: string node
  2: string incarnation
  3: list<TaskProgress> tasks
  4: bool draining
}

struct HeartbeatReply {
  1: list<string> cancel
  2: bool drain
  3: bool reregister
}

struct Completion {
  1: string node
  2: string incarnation
  3: task.Spec spec
  4: task.Report report
}

struct Completions {
  1: list<Completion> completions
  2: map<string, string> sidecars
}

// Blobs, in pieces of at most 1 MiB.
service BlobApi {
  i64 put_blob(1: string digest, 2: i64 offset, 3: binary bytes, 4: i64 total) throws (1: Failure failure)
  binary get_blob(1: string digest, 2: i64 offset, 3: i32 limit) throws (1: Failure failure)
}

service ClientApi extends BlobApi {
  documents.Accepted submit(1: Submission submission) throws (1: Failure failure)
  documents.PlanReport plan(1: Submission submission) throws (1: Failure failure)
  documents.PipelineDescription validate(1: Submission submission) throws (1: Failure failure)
  documents.RequestStatus request(1: string id) throws (1: Failure failure)
  list<documents.RequestStatus> requests() throws (1: Failure failure)
  documents.RequestStatus cancel(1: string id) throws (1: Failure failure)
  documents.ClusterStatus status() throws (1: Failure failure)
  documents.JobExplanation explain(1: string job) throws (1: Failure failure)
  documents.Lineage why(1: string module_name, 2: string column, 3: i64 time_us) throws (1: Failure failure)
  documents.ModuleResults results(1: string module_name, 2: i64 from_us, 3: i64 to_us) throws (1: Failure failure)
  list<documents.ArchiveFile> archive_files(1: string archive) throws (1: Failure failure)
  documents.ArchiveGaps archive_gaps(1: string archive) throws (1: Failure failure)
  documents.Accepted archive_task(1: Submission submission, 2: string archive, 3: documents.RequestKind kind) throws (1: Failure failure)
  documents.TableDump dump(1: string table, 2: string start, 3: i32 limit) throws (1: Failure failure)
}

// A coordinator serves clients and nodes at one address.
service Coordinator extends ClientApi {
  Registration register_node(1: NodeInfo node) throws (1: Failure failure)
  Grants lease(1: LeaseRequest request) throws (1: Failure failure)
  HeartbeatReply heartbeat(1: Heartbeat heartbeat) throws (1: Failure failure)
  void release(1: string node, 2: string incarnation, 3: list<string> tasks) throws (1: Failure failure)
  list<string> complete(1: Completions completions) throws (1: Failure failure)
}
