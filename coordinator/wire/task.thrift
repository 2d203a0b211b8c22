// task::Spec and task::Report (sdk/model/task.hpp), field by field.
namespace cpp mole.wire

// Digests are 16 bytes, or none for "no digest". Times and durations are microseconds. Free-form parts are JSON texts.

struct PluginUse {
  1: string name
  2: string version
  3: binary library
  4: string sidecar  // empty if `sidecars` of the message has it
  5: string params   // JSON
}

struct File {
  1: string id
  2: i64 size
  3: i64 revision
  4: string router
  5: i64 sequence
  6: i64 from_us
  7: i64 to_us
  8: bool present
  9: string version
}

struct Archive {
  1: string name
  2: PluginUse downloader
  3: PluginUse decoder
  4: string damage
  5: i64 covers_us
  6: i64 lateness_us
  7: string home_source
  8: string home_destination
  9: string decode
}

struct RowsRef {
  1: i64 from_us
  2: i64 to_us
  3: binary blob
}

struct StateRef {
  1: i64 from_us
  2: i64 to_us
  3: binary blob
  4: list<string> nodes
}

struct RouteTableRef {
  1: i64 from_us
  2: i64 to_us
  3: binary blob
  4: string name
  5: string format
  6: bool stale
}

struct Input {
  1: string role
  2: string kind
  3: string module_name
  4: string column
  5: string type
  6: string unit
  7: i32 step  // -1: rows come from blobs
  8: list<RowsRef> rows
}

struct Step {
  1: string pipeline
  2: string module_name
  3: binary fingerprint
  4: PluginUse plugin
  5: string execution
  6: i64 interval_us
  7: i64 window_us
  8: i64 warmup_us
  9: list<string> dimensions
  10: string filter
  11: string load
  12: list<string> routers
  13: list<Input> inputs
  14: bool make_state
  15: bool make_result
  16: binary state_key
  17: binary result_key
  18: list<StateRef> states
  19: list<string> totals
  21: list<RouteTableRef> routes
}

struct Spec {
  1: string id
  2: i64 epoch
  3: i64 seq
  4: string kind
  5: i64 from_us
  6: i64 to_us
  7: list<Archive> archive  // none or one
  8: list<File> files
  9: list<Step> steps
}

struct ByteRange {
  1: i64 first
  2: i64 past
  3: string reason
}

struct Range {
  1: i64 from_us
  2: i64 to_us
}

struct FileReport {
  1: string id
  2: i64 size
  3: binary digest
  4: string state
  5: list<ByteRange> lost_compressed
  6: list<ByteRange> lost_content
  7: i64 content_bytes
  8: i64 datagrams
  9: i64 flows
  10: i64 flows_lost
  11: i64 exported_first_us
  12: i64 exported_last_us
  13: list<Range> readable
  14: string source
}

struct StepReport {
  1: i32 step
  2: string outcome
  3: string code
  4: string message
  5: binary state_blob
  6: binary rows_blob
  7: i64 state_bytes
  8: i64 rows_bytes
  9: i64 rows
  10: double coverage
  11: double coverage_min
  12: string lineage  // JSON; empty: none
}

struct IndexEntry {
  1: string id
  2: i64 size
  3: string version
  4: string medium
  5: i64 position
}

struct Report {
  1: string task
  2: list<StepReport> steps
  3: list<FileReport> files
  4: list<IndexEntry> index
  5: string code
  6: string message
  7: string log_tail
  8: i64 bytes_read
  9: i64 flows
  10: double seconds
  11: binary index_blob
  12: list<binary> missing_blobs
}
