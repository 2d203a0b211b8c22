// The input of a task on a node (Spec) and its output (Report), as plain values with a JSON form (docs/formats/task.md).
// The coordinator writes Specs, `mole-worker` reads them; the sealing process writes Reports, the coordinator reads them.
// Nothing here loads code.
#pragma once

#include "sdk/model/digest.hpp"
#include "sdk/model/enums.hpp"
#include "sdk/model/time.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mole {

void to_json(nlohmann::json&, const Digest&);  // 32 hex digits; "" if empty
void from_json(const nlohmann::json&, Digest&);
void to_json(nlohmann::json&, const TimeRange&);  // [from, to] in microseconds
void from_json(const nlohmann::json&, TimeRange&);

}  // namespace mole

namespace mole::task {

// A plugin as a task uses it: found by the digest of its library, opened with these parameters.
struct PluginUse {
  std::string name;     // "traffic"
  std::string version;  // "1.0.0"
  Digest library;       // digest of the .so; the node fetches it as a blob and keeps it as <digest>.so + sidecar
  std::string sidecar;  // the sidecar's JSON text
  nlohmann::json params = nlohmann::json::object();  // every declared parameter by name, defaults filled in
};

// One expected file of the archive; `present` is false for a gap in the index.
struct File {
  std::string id;              // the argument of the downloader's fetch; empty if not present
  std::uint64_t size = 0;      // bytes, from the index
  std::uint64_t revision = 0;  // index revision of this file
  std::string router;          // "19991"; empty if the pattern has none
  std::uint64_t sequence = 0;  // running number in the name, 0 if the pattern has none
  TimeRange covers;            // export time according to the file's name
  bool present = true;
  std::string version;  // from the index: changes when the content may have changed (mtime, etag); may be empty
};

// The home network of an archive, as two filters (sdk/model/filter.hpp). Both empty: not defined.
struct Home {
  std::string source;       // the flow's source is at home
  std::string destination;  // its destination is
};

// The archive that a task reads.
struct Archive {
  std::string name;
  PluginUse downloader;
  PluginUse decoder;
  DamagePolicy damage = DamagePolicy::partial;
  Micros covers = hour_us;  // length of one file
  Micros lateness = hour_us;
  Home home = {};
  Bzip2Decoder decode = Bzip2Decoder::interleaved;
};

// A result blob of an upstream module (Parquet).
struct RowsRef {
  TimeRange block;
  Digest blob;
};

// A state blob of the same module (docs/formats/state.md) and the nodes (addresses) that hold it.
struct StateRef {
  TimeRange block;
  Digest blob;
  std::vector<std::string> nodes;
};

// A routing table and the flow times it is used for. No digest: no table is that old, every AS number is 0.
struct RouteTableRef {
  TimeRange used;  // within the block and its warm-up
  Digest blob;
  std::string name;    // of the file
  std::string format;  // "prefixes" or "mmdb"
  bool stale = false;  // used for longer than it is valid, because there is no newer one
};

// One input role of a step.
struct Input {
  std::string role;
  InputKind kind = InputKind::flows;
  std::string module;  // upstream module, or the archive's name
  std::string column;  // bound column; empty for flows
  std::string type;    // "u64", "i64", "f64", ...
  std::string unit;
  std::optional<std::uint32_t> step;  // rows come from this earlier step of the same task ...
  std::vector<RowsRef> rows;          // ... else from these blobs, in time order
};

// One job's part in the task: one module over the task's block.
struct Step {
  std::string pipeline, module;
  Digest fingerprint;
  PluginUse plugin;
  Execution execution = Execution::mergeable;
  Micros interval = 0;              // length of an output interval
  Micros window = 0;                // trailing window, 0: none; a multiple of interval
  Micros warmup = 0;                // sequential: flows (rows) this long before the block are fed without output
  std::vector<std::string> by;      // dimensions, outermost first
  std::vector<std::string> totals;  // those of them that have the member "all" as well, in the order of `by`
  std::string filter;               // sdk/model/filter.hpp; empty: all flows
  Load load = Load::start;
  std::vector<std::string> routers;  // expected routers of this module's archive input, sorted
  std::vector<Input> inputs;         // in the descriptor's order
  bool make_state = false;           // compute this block's state from the inputs
  bool make_result = false;          // compute rows
  Digest state_key, result_key;
  // make_result with a window: the states of the blocks in reach, in time order; this block's own only if !make_state.
  // sequential with `since`: the checkpoint at the end of the block before (none for the first block).
  std::vector<StateRef> states;
  // Where src_as and dst_as come from, in time order, without gaps over block and warm-up. Empty: from the records themselves.
  std::vector<RouteTableRef> routes;
};

struct Spec {
  std::string id;           // unique per lease: "<epoch>-<seq>"
  std::uint64_t epoch = 0;  // attempt token (docs/formats/task.md)
  std::uint64_t seq = 0;
  Kind kind = Kind::compute;
  TimeRange block;
  std::optional<Archive> archive;  // absent: only rows and states are read
  std::vector<File> files;         // sorted by (covers.from, router, id); gaps included
  std::vector<Step> steps;         // in an order in which inputs come before their readers
};

// Where bytes of a file were lost. Offsets are of the file as stored (compressed) or of its decompressed content.
struct ByteRange {
  std::uint64_t from = 0, to = 0;
  std::string reason;
};

// The results of decoding a file.
struct FileReport {
  std::string id;
  std::uint64_t size = 0;  // bytes staged
  Digest digest;           // of the staged bytes
  FileState state = FileState::unread;
  std::vector<ByteRange> lost_compressed;                  // of the file as stored
  std::vector<ByteRange> lost_content;                     // of what could be decompressed
  std::uint64_t content_bytes = 0;                         // decompressed and readable
  std::uint64_t datagrams = 0, flows = 0, flows_lost = 0;  // flows_lost: by sequence, outside damage
  Micros exported_first = 0, exported_last = 0;
  std::vector<TimeRange> readable;  // export time that could be read
  // Where this run got the flows. A property of the run, not of the file: not part of the lineage.
  FlowSource source = FlowSource::none;
};

struct StepReport {
  std::uint32_t step = 0;
  Outcome outcome = Outcome::not_run;
  FailureCode code = FailureCode::none;
  std::string message;           // cause and remedy, for a person
  Digest state_blob, rows_blob;  // empty if not made
  std::uint64_t state_bytes = 0, rows_bytes = 0, rows = 0;
  double coverage = 0;  // mean of the rows' coverage over the block
  double coverage_min = 0;
  nlohmann::json lineage;  // docs/formats/lineage.md
};

struct IndexEntry {
  std::string id;
  std::uint64_t size = 0;
  std::string version, medium;
  std::uint64_t position = 0;
};

struct Report {
  std::string task;  // Spec::id
  std::vector<StepReport> steps;
  std::vector<FileReport> files;
  std::vector<IndexEntry> index;
  Digest index_blob;  // the entries instead, as a blob in the form of index_text, if they are too many for a message
  FailureCode code = FailureCode::none;  // not none: the task as a whole failed (infrastructure or input)
  std::string message;                   // cause and remedy of that failure
  std::vector<Digest> missing_blobs;     // code missing: the states and rows that could not be fetched
  std::string log_tail;                  // last lines of the worker, control bytes escaped
  std::uint64_t bytes_read = 0, flows = 0;
  double seconds = 0;
};

// JSON forms. from_json throws nlohmann::json::exception on a wrong shape; use parse_* for input that is not trusted.
void to_json(nlohmann::json&, const PluginUse&);
void from_json(const nlohmann::json&, PluginUse&);
void to_json(nlohmann::json&, const File&);
void from_json(const nlohmann::json&, File&);
void to_json(nlohmann::json&, const Archive&);
void from_json(const nlohmann::json&, Archive&);
void to_json(nlohmann::json&, const RowsRef&);
void from_json(const nlohmann::json&, RowsRef&);
void to_json(nlohmann::json&, const StateRef&);
void from_json(const nlohmann::json&, StateRef&);
void to_json(nlohmann::json&, const RouteTableRef&);
void from_json(const nlohmann::json&, RouteTableRef&);
void to_json(nlohmann::json&, const ByteRange&);
void from_json(const nlohmann::json&, ByteRange&);
void to_json(nlohmann::json&, const IndexEntry&);
void from_json(const nlohmann::json&, IndexEntry&);
void to_json(nlohmann::json&, const Input&);
void from_json(const nlohmann::json&, Input&);
void to_json(nlohmann::json&, const Step&);
void from_json(const nlohmann::json&, Step&);
void to_json(nlohmann::json&, const StepReport&);
void from_json(const nlohmann::json&, StepReport&);
void to_json(nlohmann::json&, const FileReport&);
void from_json(const nlohmann::json&, FileReport&);
void to_json(nlohmann::json&, const Spec&);
void from_json(const nlohmann::json&, Spec&);
void to_json(nlohmann::json&, const Report&);
void from_json(const nlohmann::json&, Report&);
Result<Spec> parse_spec(std::string_view text);
Result<Report> parse_report(std::string_view text);

// A listing too large for a message: one IndexEntry per line, each a JSON object. corrupt: another shape; exhausted: larger than
// these bounds, which protect against untrusted text.
inline constexpr std::uint64_t max_index_bytes = std::uint64_t{256} << 20;
inline constexpr std::size_t max_index_entries = 2'000'000;
std::string index_text(const std::vector<IndexEntry>& entries);
Result<std::vector<IndexEntry>> parse_index(std::string_view text);

}  // namespace mole::task
