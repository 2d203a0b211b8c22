// The coordinator as its callers see it: nodes, the command line, tests. Implemented by coordinator/service.hpp (in this
// process) and coordinator/wire/client.hpp (over Thrift); a caller cannot tell which.
//
// Documents are JSON: their shape is given beside each function and, in full, in docs/formats/api.md. Times in documents are
// RFC 3339 texts, digests 32 hex digits. Every function is thread-safe.
#pragma once

#include "sdk/model/digest.hpp"
#include "sdk/model/task.hpp"
#include "sdk/model/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mole::coordinator {

// ---- clients

struct Submission {
  std::string manifest;                // YAML text
  std::string manifest_name;           // for messages: the path as the user wrote it
  std::string base;                    // absolute folder against which relative paths in the manifest are resolved
  std::vector<std::string> overrides;  // "modules.mean.window=1d", applied before validation (--set)
  std::string module;                  // empty: every module of the pipeline
  TimeRange range;                     // rounded outward to blocks
  bool partial = false;                // also compute blocks past the archive's horizon
  std::int32_t priority = 0;           // higher first
  std::string client_id;               // chosen by the caller; repeating a submission with the same id returns the same request
};

// ---- nodes

struct NodeInfo {
  std::string name;           // unique; the folder's persistent id
  std::string incarnation;    // 128 random bits, new at every start of the daemon
  std::string address;        // where other nodes reach its states: "tcp:127.0.0.1:9191" or "unix:/path"; empty: nowhere
  std::uint32_t slots = 1;    // tasks at once
  std::uint32_t threads = 1;  // cores per task
};

struct Registration {
  std::uint64_t epoch = 0;  // of the coordinator's current life
  Micros lease = 0;         // a lease lasts this long after the coordinator received a heartbeat
  Micros heartbeat = 0;     // how often to send one
};

struct Attempt {      // a leased task, as the node reports it
  std::string task;   // task::Spec::id
  std::string phase;  // "fetch", "run", "seal", "upload"
  std::uint64_t bytes_done = 0, bytes_total = 0, flows = 0;
};

struct LeaseAsk {
  std::string node, incarnation;
  std::uint32_t free_slots = 0;
  std::vector<std::string> held;  // ids of tasks this incarnation holds: a grant whose reply was lost is sent again
};

struct Heartbeat {
  std::string node, incarnation;
  std::vector<Attempt> attempts;
  bool draining = false;
};

struct HeartbeatReply {
  std::vector<std::string> cancel;  // stop these tasks and forget them
  bool drain = false;
  bool reregister = false;  // the coordinator does not know this incarnation (it restarted): call register_node again
};

// Outcome of one task. Sent after every blob the report names was put. May name a task of an earlier epoch: what it computed is
// accepted if its keys are still wanted.
struct Completion {
  std::string node, incarnation;
  task::Spec spec;  // keys and token of what was run
  task::Report report;
};

class Api {
 public:
  virtual ~Api() = default;

  // Accepts a request: durable when this returns. {"id", "created": bool, "modules": [..], "from", "to"}
  virtual Result<nlohmann::json> submit(const Submission&) = 0;
  // What `submit` would do, without doing it. {"jobs": {"reused", "new", "waiting"}, "modules": [{"module", "blocks", "reused",
  // "new", "waiting", "states_kept_bytes"}], "files": {"count", "bytes", "border_share"}, "file_list": [ids], "gaps": [{"router",
  // "from", "to", "within": between the router's first and last file}] (first 1000), "estimate_seconds", "new_jobs": [{"job",
  // "reason"}] (first 1000), "missing_tables": [texts], "waits": [texts]}
  virtual Result<nlohmann::json> plan(const Submission&) = 0;
  // Same validation, no request: {"pipeline", "modules":
  // [{"module","plugin","interval","window","by","inputs","outputs":[{name,type,unit,doc}], "execution"}], "edges":
  // [{"from","to","role"}]}
  virtual Result<nlohmann::json> validate(const Submission&) = 0;
  // {"id","pipeline","module","overrides","from","to","state","reason","priority","partial","submitted","finished",
  //  "jobs": {"total","done","failed","running","waiting","blocked"}, "files": {"total","done","decoded","from_columns"},
  //  "bytes": {"total","done"}, "coverage", "coverage_without_windows", "coverage_with_windows",
  //  "failures": [{"job","plugin","module","block","code","message","attempts","log_tail"}], "waits": [texts]}
  virtual Result<nlohmann::json> request(const std::string& id) = 0;
  virtual Result<nlohmann::json> requests() = 0;  // [as above, without failures]
  virtual Result<nlohmann::json> cancel(const std::string& id) = 0;
  // {"nodes": [...], "modules": [{"module": "pipeline/module", "state", "blocks": {...}, "strip": [{"from","to","state"}]}],
  // "requests", "leases", "epoch"}
  virtual Result<nlohmann::json> status() = 0;
  // Why a job ran, is reused or waits. job: "pipeline/module@2007-09-22T18:00:00Z".
  // {"job","state","fingerprint","state_key","result_key","stored_result_key","reason","changed":[{"part","was","is"}],
  // "waits_for":[...]}
  virtual Result<nlohmann::json> explain(const std::string& job) = 0;
  // Lineage of one number: {"module","column","interval":{from,to},"rows_blob","block","lineage":{...},"overrides","upstream":
  // [same, for derived modules, without overrides]}
  virtual Result<nlohmann::json> why(const std::string& module, const std::string& column, Micros time) = 0;
  // {"module","interval","window","totals","overrides","columns":[{name,type,unit,doc,counted_over}],
  // "blocks":[{"from","to","rows_blob","rows","coverage","state"}]}; module: "pipeline/module". "counted_over": a duration, only
  // of columns that count bytes, packets or flows.
  virtual Result<nlohmann::json> results(const std::string& module, TimeRange range) = 0;
  // what: "ls" [{"id","size","router","sequence","from","to","revision","state","digest"}],
  // "gaps" {"missing":[{"router","sequence","from","to"}],"damaged":[{"id","state","lost_compressed":[..],"lost_content":[..]}]}.
  // archive: "pipeline/archive"
  virtual Result<nlohmann::json> archive(const std::string& archive, const std::string& what) = 0;
  // Lists an archive anew ("index") or reads all its files ("verify"); a durable request: {"id"}; watch it with request().
  virtual Result<nlohmann::json> archive_task(const Submission&, const std::string& archive, const std::string& what) = 0;
  // Rows of one table as JSON objects, from a snapshot. table: "requests", "files", "catalogue", ... ;
  // {"table","rows":[...],"next"}; `from` is a cursor.
  virtual Result<nlohmann::json> dump(const std::string& table, const std::string& from, std::uint32_t limit) = 0;

  // ---- nodes
  virtual Result<Registration> register_node(const NodeInfo&) = 0;
  virtual Result<std::vector<task::Spec>> lease(const LeaseAsk&) = 0;
  virtual Result<HeartbeatReply> heartbeat(const Heartbeat&) = 0;
  // Gives a task back unfinished (drain); costs no attempt.
  virtual Result<> release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) = 0;
  // Idempotent. Element i is the verdict on completion i: "accepted", "duplicate", "stale" (delete what you hold).
  virtual Result<std::vector<std::string>> complete(const std::vector<Completion>&) = 0;

  // ---- blobs. put: idempotent, pieces of at most 1 MiB in order of offset, returns how many bytes are held; when all `total`
  // are, the digest is verified and the blob published. A blob already there answers `total` at once.
  virtual Result<std::uint64_t> put_blob(const Digest&, std::uint64_t offset, std::string_view bytes, std::uint64_t total) = 0;
  // At most `limit` (<= 1 MiB) bytes from offset; empty at the end; missing if unknown.
  virtual Result<std::string> get_blob(const Digest&, std::uint64_t offset, std::uint32_t limit) = 0;
};

}  // namespace mole::coordinator
