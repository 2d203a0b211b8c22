// Digests are 16 bytes, or none for "no digest". Times and durations are in microseconds. Unsigned 64-bit values
// are sent as i64 with the same bits. Free-form parts are JSON text. Meanings: docs/formats/api.md.
namespace cpp mole.wire

struct TimeRange {
  1: i64 from_us
  2: i64 to_us
}

enum RequestKind {
  RUN = 0
  INDEX = 1
  VERIFY = 2
  PROFILE = 3
}

enum RequestState {
  ACCEPTED = 0
  RUNNING = 1
  WAITING = 2
  COMPLETE = 3
  PARTIAL = 4
  FAILED = 5
  CANCELLED = 6
}

enum FileState {
  UNREAD = 0
  SOUND = 1
  DAMAGED = 2
  UNREADABLE = 3
  MISSING = 4
  MISPLACED = 5
  DUPLICATE = 6
  FUTURE = 7
}

enum JobState {
  DONE = 0
  PARTIAL = 1
  RUNNING = 2
  READY = 3
  WAITING = 4
  BLOCKED = 5
  FAILED = 6
  EMPTY = 7
  UNREQUESTED = 8
}

enum NodeState {
  ONLINE = 0
  DRAINING = 1
  SILENT = 2
  FULL = 3
  QUARANTINED = 4
}

enum SandboxPart {
  LIMITS = 0
  CGROUP = 1
  NAMESPACES = 2
  LANDLOCK = 3
  SECCOMP = 4
}

enum Bound {
  UNKNOWN = 0
  IDLE = 1
  TAPE = 2
  NETWORK = 3
  CACHE = 4
  CPU = 5
}

enum GapCause {
  NO_FILE = 0
  TOO_SMALL = 1
  FUTURE = 2
}

enum Scale {
  NONE = 0
  SAMPLING = 1
}

enum TaskKind {
  INDEX = 0
  VERIFY = 1
  COMPUTE = 2
  MERGE = 3
  FETCH = 4
}

enum DamagePolicy {
  PARTIAL = 0
  STRICT = 1
  SKIP = 2
}

enum Bzip2Decoder {
  INTERLEAVED = 0
  LIBBZIP2 = 1
}

enum Duplicates {
  REFUSE = 0
  NEWEST = 1
  LARGEST = 2
  ALL = 3
}

enum ExportTime {
  HEADER = 0
  FLOW_END = 1
}

enum Execution {
  MERGEABLE = 0
  SEQUENTIAL = 1
  BLOCK = 2
}

enum Load {
  START = 0
  END = 1
  PROPORTIONAL = 2
}

enum InputKind {
  FLOWS = 0
  ROWS = 1
  CONTEXT = 2
}

enum Outcome {
  DONE = 0
  FAILED = 1
  BLOCKED = 2
  NOT_RUN = 3
}

enum FailureCode {
  NONE = 0
  INVALID = -1
  CORRUPT = -2
  MISSING = -3
  TRANSIENT = -4
  EXHAUSTED = -5
  CANCELLED = -6
  UNSUPPORTED = -7
  INTERNAL = -8
  DENIED = -9
  BUSY = -10
  CRASHED = 1001
  HUNG = 1002
  LOST = 1003
}

enum FlowSource {
  NONE = 0
  ARCHIVE = 1
  COLUMNS = 2
}

enum FetchOutcome {
  FETCHED = 0
  CACHED = 1
  COLUMNS = 2
  FAILED = 3
}

enum Verdict {
  ACCEPTED = 0
  DUPLICATE = 1
  STALE = 2
}

struct Accepted {
  1: string id
  2: bool created
  3: list<string> modules
  4: i64 from_us
  5: i64 to_us
}

struct PlanJobs {
  1: i64 reused
  2: i64 new_
  3: i64 waiting
}

struct PlanModule {
  1: string module_
  2: i64 blocks
  3: i64 reused
  4: i64 new_
  5: i64 waiting
  6: i64 states_kept_bytes
}

struct PlanFiles {
  1: i64 count
  2: i64 bytes
  3: i64 decoded
  4: i64 decoded_bytes
  5: i64 from_columns
  6: i64 not_read
}

struct PlanGap {
  1: string router
  2: i64 from_us
  3: i64 to_us
  4: bool within
}

struct NewJob {
  1: string job
  2: string reason
}

struct PlanListing {
  1: string archive
  2: i64 listed_us
  3: i64 files
}

struct PlanStaging {
  1: i64 files
  2: i64 bytes
  3: i64 media
  4: i64 mounts
  5: i64 cache_bytes
  6: double seconds
  7: double drive_seconds
  8: double compute_seconds
  9: i64 drives
  10: i64 nodes
  11: double low_seconds
  12: double high_seconds
  13: i64 batches
}

struct PlanOverhead {
  1: double borders
  2: double before_range
  3: i64 block_length
  4: i64 better_length
  5: i64 block_bytes
  6: double block_seconds
}

struct PlanReport {
  1: PlanJobs jobs
  2: list<PlanModule> modules
  3: PlanFiles files
  4: list<string> file_list
  5: list<PlanGap> gaps
  6: double estimate_seconds
  7: list<NewJob> new_jobs
  8: list<string> table_warnings
  9: list<string> waits
  10: list<string> notes
  11: optional list<PlanListing> listings
  12: optional PlanStaging staging
  13: optional PlanOverhead overhead
}

struct PipelineArchive {
  1: string archive
  2: string downloader
  3: string decoder
  4: string files
  5: i64 covers_us
  6: i64 block_us
}

struct ModuleInput {
  1: string role
  2: string kind
  3: string from_
  4: string column
  5: string unit
}

struct ColumnDescription {
  1: string name
  2: string type
  3: string unit
  4: string doc
  5: optional i64 counted_over_us
}

struct PipelineModule {
  1: string module_
  2: string plugin
  3: string version
  4: i64 interval_us
  5: optional i64 window_us
  6: list<string> by
  7: optional list<string> totals
  8: list<ModuleInput> inputs
  9: list<ColumnDescription> outputs
  10: string execution
  11: binary fingerprint
}

struct PipelineEdge {
  1: string from_
  2: string to
  3: string role
  4: string column
  5: string kind
}

struct PipelineDescription {
  1: string pipeline
  2: list<PipelineArchive> archives
  3: list<PipelineModule> modules
  4: list<PipelineEdge> edges
}

struct JobCounts {
  1: i64 total
  2: i64 done
  3: i64 failed
  4: i64 running
  5: i64 waiting
  6: i64 blocked
}

struct FileProgress {
  1: i64 total
  2: i64 done
  3: i64 decoded
  4: i64 from_columns
}

struct ByteProgress {
  1: i64 total
  2: i64 done
}

struct JobFailure {
  1: string job
  2: string plugin
  3: string module_
  4: i64 block_us
  5: string code
  6: string message
  7: i64 attempts
  8: string log_tail
}

struct TaskStatus {
  1: string task
  2: string node
  3: string phase
  4: i64 bytes_done
  5: i64 bytes_total
  6: i64 flows
  7: optional string medium
}

struct DelayCounts {
  1: list<i64> start
  2: list<i64> end
  3: optional i64 late
}

struct SharedFile {
  1: string id
  2: i64 exporters
}

struct ByteRange {
  1: i64 from_
  2: i64 to
  3: string reason
}

struct Interval {
  1: i64 from_us
  2: i64 to_us
}

struct DamagedFile {
  1: string id
  2: FileState state
  3: list<ByteRange> lost_compressed
  4: list<ByteRange> lost_content
  5: i64 from_us
  6: i64 to_us
  7: i64 exported_from_us
  8: i64 exported_to_us
  9: optional i64 flows_lost
  10: optional bool more_lost
  11: optional list<Interval> lost
  12: optional string decoder
}

struct FormatCount {
  1: string router
  2: string decoder
  3: i64 files
  4: i64 from_us
  5: i64 to_us
}

struct MediumWait {
  1: string medium
  2: string node
  3: i64 files
  4: i64 bytes
  5: i64 blocks
  6: optional string reason
}

struct TimeLeft {
  1: double seconds
  2: double low_seconds
  3: double high_seconds
  4: i64 files
  5: i64 mounts
  6: i64 batches
}

struct RequestStatus {
  1: string id
  2: RequestKind kind
  3: string pipeline
  4: string module_
  5: optional string archive
  6: i64 from_us
  7: i64 to_us
  8: RequestState state
  9: string reason
  10: string code
  11: i32 priority
  12: bool partial
  13: i64 submitted_us
  14: optional i64 finished_us
  15: JobCounts jobs
  16: FileProgress files
  17: ByteProgress bytes
  18: optional double coverage
  19: optional double coverage_without_windows
  20: optional double coverage_with_windows
  21: optional list<string> overrides
  22: list<string> waits
  23: optional list<JobFailure> failures
  24: optional list<TaskStatus> tasks
  25: optional DelayCounts delays
  26: optional i64 asked_from_us
  27: optional i64 asked_to_us
  28: optional list<string> notes
  29: optional string manifest
  30: optional bool internal
  31: optional list<SharedFile> shared_files
  32: optional i64 sample
  33: optional list<DamagedFile> damaged_files
  34: optional list<FormatCount> formats
  35: optional list<MediumWait> media
  36: optional TimeLeft left
}

struct FinishedJob {
  1: string job
  2: JobState state
  3: double coverage
  4: binary result_key
  5: binary rows_blob
  6: i64 rows
}

struct NodeStatus {
  1: string name
  2: string address
  3: i32 slots
  4: i32 threads
  5: i64 leases
  6: i64 heard_seconds_ago
  7: NodeState state
  8: optional string reason
  9: optional list<SandboxPart> sandbox
}

struct StripPiece {
  1: i64 from_us
  2: i64 to_us
  3: JobState state
}

struct ModuleStrip {
  1: string module_
  2: JobState state
  3: map<JobState, i64> blocks
  4: list<StripPiece> strip
  5: optional string what_if
  6: optional list<string> overrides
}

struct BoundStatus {
  1: Bound bound
  2: optional double slots_busy
  3: optional double cache_used
  4: optional i64 heartbeats
}

struct ClusterStatus {
  1: list<NodeStatus> nodes
  2: list<ModuleStrip> modules
  3: list<RequestStatus> requests
  4: i64 leases
  5: i64 epoch
  6: optional list<TaskStatus> tasks
  7: optional list<ModuleStrip> variants
  8: optional BoundStatus bound
  9: optional string no_work
}

struct KeyChange {
  1: string part
  2: string was
  3: string is_
}

struct FlowSources {
  1: optional i64 archive
  2: optional i64 columns
}

struct PartialRows {
  1: i64 from_us
  2: i64 to_us
  3: double coverage_min
}

struct MissingFile {
  1: string router
  2: optional i64 sequence
  3: i64 from_us
  4: i64 to_us
  5: optional GapCause cause
  6: optional string file
  7: optional i64 size
}

struct LackingInput {
  1: list<PartialRows> rows
  2: list<MissingFile> missing
  3: list<DamagedFile> damaged
  4: list<string> reasons
}

struct JobExplanation {
  1: string job
  2: JobState state
  3: binary fingerprint
  4: binary state_key
  5: binary result_key
  6: binary stored_result_key
  7: string reason
  8: list<KeyChange> changed
  9: optional FlowSources flows_from
  10: string node
  11: list<string> waits_for
  12: optional list<JobFailure> failures
  13: optional list<string> requests
  14: optional string remedy
  15: optional string command
  16: optional string note
  17: optional LackingInput lacking
}

struct BlockLineage {
  1: string module_
  2: string column
  3: Interval interval
  4: i64 block_us
  5: binary rows_blob
  6: string lineage
}

struct Lineage {
  1: string module_
  2: string column
  3: Interval interval
  4: i64 block_us
  5: binary rows_blob
  6: string lineage
  7: list<string> overrides
  8: list<BlockLineage> upstream
  9: optional string what_if
  10: optional string note
}

struct ResultBlock {
  1: i64 from_us
  2: i64 to_us
  3: binary rows_blob
  4: i64 rows
  5: double coverage
  6: JobState state
}

struct ModuleResults {
  1: string module_
  2: i64 interval_us
  3: optional i64 window_us
  4: list<string> totals
  5: list<string> overrides
  6: list<ColumnDescription> columns
  7: list<ResultBlock> blocks
  8: optional string what_if
  9: optional string note
  10: optional Scale scale
}

struct ArchiveFile {
  1: string id
  2: i64 size
  3: string router
  4: i64 sequence
  5: i64 from_us
  6: i64 to_us
  7: i64 revision
  8: FileState state
  9: binary digest
  10: string medium
  11: i64 position
}

struct FileConflict {
  1: string router
  2: i64 from_us
  3: i64 to_us
  4: list<string> files
  5: bool refused
  6: string message
}

struct PassedOver {
  1: string reason
  2: i64 count
  3: list<string> examples
}

struct ArchiveGaps {
  1: list<MissingFile> missing
  2: list<DamagedFile> damaged
  3: list<FileConflict> conflicts
  4: list<PassedOver> passed_over
  5: optional i64 listed_us
}

struct LoadSample {
  1: i64 from_us
  2: i64 to_us
  3: optional i64 heartbeats
  4: optional i64 measured_seconds
  5: optional double cache_bytes
  6: optional double cache_limit
  7: optional i64 cache_most
  8: optional double slots
  9: optional double busy_slots
  10: optional double fetches
  11: optional double busy_fetches
  12: optional double waiting
  13: optional double unfetched
  14: optional i64 fetched_bytes
  15: optional double wait_seconds
  16: optional double transfer_seconds
  17: optional i64 decoded_bytes
  18: optional i64 decoded_flows
}

struct NodeLoads {
  1: string node
  2: list<LoadSample> samples
}

struct LoadHistory {
  1: list<NodeLoads> nodes
}

struct CollectedKind {
  1: string kind
  2: i64 count
  3: i64 bytes
}

struct Collection {
  1: bool dry_run
  2: list<CollectedKind> kinds
}

struct TableDump {
  1: string table
  2: list<string> rows
  3: string next_
}

struct Submission {
  1: string manifest
  2: string manifest_name
  3: string base
  4: list<string> overrides
  5: string module_
  6: TimeRange range
  7: bool partial
  8: i32 priority
  9: string client_id
  10: optional bool internal
  11: optional i64 sample
  12: optional i64 drives
  13: optional i64 nodes
  14: optional i64 cache_bytes
}

struct CollectOptions {
  1: bool dry_run
  2: optional i64 keep_requests_us
  3: optional i64 max_requests
}

struct NodeInfo {
  1: string name
  2: string incarnation
  3: string address
  4: i32 slots
  5: i32 threads
  6: optional i64 cache_limit
  7: optional list<binary> cached
  8: optional i64 copy_limit
  9: optional list<SandboxPart> sandbox
}

struct Registration {
  1: i64 epoch
  2: i64 lease_us
  3: i64 heartbeat_us
}

struct LeaseRequest {
  1: string node
  2: string incarnation
  3: i32 free_slots
  4: list<string> held
  5: optional i32 free_fetches
}

struct PluginUse {
  1: string name
  2: string version
  3: binary library
  4: optional string sidecar
  5: string params
}

struct Home {
  1: string source
  2: string destination
}

struct DelayPoint {
  1: i64 delay
  2: double share
}

struct ExportDelay {
  1: list<DelayPoint> start
  2: list<DelayPoint> end
}

struct RouterSampling {
  1: string router
  2: i32 rate
}

struct Sampling {
  1: i32 rate
  2: list<RouterSampling> routers
}

struct Archive {
  1: string name
  2: PluginUse downloader
  3: PluginUse decoder
  4: DamagePolicy damage
  5: i64 covers
  6: i64 lateness
  7: Home home
  8: Bzip2Decoder decode
  9: Duplicates duplicates
  10: i64 max_content
  11: optional string index
  12: ExportDelay export_delay
  13: optional list<PluginUse> decoders
  14: optional Sampling sampling
  15: optional ExportTime export_time
  16: optional list<PluginUse> tiers
}

struct File {
  1: string id
  2: i64 size
  3: i64 revision
  4: string router
  5: i64 sequence
  6: TimeRange covers
  7: bool present
  8: string version
  9: optional string medium
  10: optional i64 position
  11: optional string stated_digest
  12: optional i64 tier
}

struct RowsRef {
  1: TimeRange block
  2: binary blob
}

struct RowFilter {
  1: string column
  2: string value
}

struct Input {
  1: string role
  2: InputKind kind
  3: string module_
  4: string column
  5: string type
  6: string unit
  7: optional i32 step
  8: list<RowsRef> rows
  9: optional list<RowFilter> where
  10: optional Scale scale
}

struct StateRef {
  1: TimeRange block
  2: binary blob
  3: list<string> nodes
}

struct RouteTableRef {
  1: TimeRange used
  2: binary blob
  3: string name
  4: string format
  5: bool stale
  6: i64 unusable_lines
}

struct Step {
  1: string pipeline
  2: string module_
  3: binary fingerprint
  4: PluginUse plugin
  5: Execution execution
  6: i64 interval
  7: i64 window
  8: i64 warmup
  9: list<string> by
  10: optional list<string> totals
  11: string filter
  12: Load load
  13: list<string> routers
  14: list<Input> inputs
  15: bool make_state
  16: bool make_result
  17: binary state_key
  18: binary result_key
  19: list<StateRef> states
  20: optional list<RouteTableRef> routes
}

struct PeerFile {
  1: i32 file
  2: string address
}

struct Spec {
  1: string id
  2: i64 epoch
  3: i64 seq
  4: TaskKind kind
  5: TimeRange block
  6: optional Archive archive
  7: list<File> files
  8: list<Step> steps
  9: optional string request
  10: optional list<binary> listings
  11: optional list<i32> keep
  12: optional list<File> release
  13: optional list<i32> staged
  14: optional list<i32> whole
  15: optional list<PeerFile> peers
}

struct Grants {
  1: list<Spec> specs
  2: map<string, string> sidecars
}

struct TaskProgress {
  1: string task
  2: string phase
  3: i64 bytes_done
  4: i64 bytes_total
  5: i64 flows
  6: optional list<i32> ready
}

struct NodeLoad {
  1: i64 cache_bytes
  2: i64 cache_limit
  3: i32 slots
  4: i32 busy_slots
  5: i32 fetches
  6: i32 busy_fetches
}

struct Heartbeat {
  1: string node
  2: string incarnation
  3: list<TaskProgress> tasks
  4: bool draining
  5: optional NodeLoad load
  6: optional string no_work
}

struct HeartbeatReply {
  1: list<string> cancel
  2: bool drain
  3: bool reregister
}

struct CoverageRange {
  1: TimeRange range
  2: double coverage
  3: double coverage_min
}

struct StepReport {
  1: i32 step
  2: Outcome outcome
  3: FailureCode code
  4: string message
  5: binary state_blob
  6: binary rows_blob
  7: i64 state_bytes
  8: i64 rows_bytes
  9: i64 rows
  10: double coverage
  11: double coverage_min
  12: string lineage
  13: optional list<CoverageRange> incomplete
  14: optional i64 flows_counted
  15: optional i64 flows_late
}

struct FileReport {
  1: string id
  2: i64 size
  3: binary digest
  4: FileState state
  5: list<ByteRange> lost_compressed
  6: list<ByteRange> lost_content
  7: i64 content_bytes
  8: i64 datagrams
  9: i64 flows
  10: i64 flows_lost
  11: i64 exported_first
  12: i64 exported_last
  13: list<TimeRange> readable
  14: FlowSource source
  15: optional DelayCounts delays
  16: optional binary columns
  17: optional i64 exporters
  18: optional i64 flows_lost_in_damage
  19: optional string decoder
  20: optional i64 flows_repeated
}

struct IndexEntry {
  1: string id
  2: i64 size
  3: string version
  4: string medium
  5: i64 position
  6: optional string stated_digest
  7: optional bool offline
  8: optional i64 tier
}

struct FetchReport {
  1: string id
  2: i64 size
  3: binary digest
  4: FetchOutcome outcome
  5: FailureCode code
  6: string message
  7: string medium
  8: double wait_seconds
  9: double transfer_seconds
  10: i64 bytes
}

struct Report {
  1: string task
  2: list<StepReport> steps
  3: list<FileReport> files
  4: list<IndexEntry> index
  5: binary index_blob
  6: FailureCode code
  7: string message
  8: optional list<binary> missing_blobs
  9: string log_tail
  10: i64 bytes_read
  11: i64 flows
  12: double seconds
  13: optional list<PassedOver> passed_over
  14: optional binary listing
  15: optional binary listing_before
  16: optional list<string> removed
  17: optional list<FetchReport> fetched
  18: optional list<string> unstaged
  19: optional list<string> bad_copies
  20: optional list<SandboxPart> sandbox
}

struct Completion {
  1: string node
  2: string incarnation
  3: Spec spec
  4: Report report
}

struct Completions {
  1: list<Completion> completions
}
