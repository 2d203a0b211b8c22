// The input of a task on a node (Spec) and its output (Report): documents with a JSON form (docs/formats/task.md) and a Thrift
// form. The coordinator writes Specs, which `mole-worker` reads; the sealing process writes Reports, which the coordinator reads.
// Nothing here loads code.
#pragma once

#include "sdk/model/archive_settings.hpp"
#include "sdk/model/enums.hpp"
#include "sdk/model/export_delay.hpp"
#include "sdk/model/field_json.hpp"
#include "sdk/model/file_report.hpp"
#include "sdk/model/listing.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mole::task {

struct PluginUse {
  std::string name, version;
  Digest library;
  std::string sidecar;
  nlohmann::json params = nlohmann::json::object();

  static constexpr auto table =
      document("PluginUse", "A plugin of a task, found by the digest of its library and opened with these parameters.",  //
               field("name", &PluginUse::name, "`traffic`"), field("version", &PluginUse::version, "`1.0.0`"),
               field("library", &PluginUse::library, "Digest of the library; the node fetches it as a blob"),
               field("sidecar", &PluginUse::sidecar,
                     "JSON text of its sidecar. Empty in Thrift: `sidecars` of the message contains it, by `library` in hex")
                   .optional(),
               field("params", &PluginUse::params, "Every declared parameter by name, defaults filled in"));
};

struct File {
  std::string id;
  std::uint64_t size = 0, revision = 0;
  std::string router;
  std::uint64_t sequence = 0;
  TimeRange covers;
  bool present = true;
  std::string version, medium = {};
  std::uint64_t position = 0;
  std::string stated_digest = {};
  std::uint64_t tier = 0;

  static constexpr auto table = document(
      "File", "An expected file of the archive.",  //
      field("id", &File::id, "Argument of the downloader's fetch; empty if not present"),
      field("size", &File::size, "Size, from the index").unit("B"), field("revision", &File::revision, "Revision in the index"),
      field("router", &File::router, "`19991`; empty if the pattern has none"),
      field("sequence", &File::sequence, "Sequence number in the name, 0 if the pattern has none"),
      field("covers", &File::covers, "Export time according to the name"),
      field("present", &File::present, "false: a gap in the index"),
      field("version", &File::version, "From the index: changes when the content may have changed (mtime, etag); may be empty"),
      field("medium", &File::medium, "Tape or other medium it is on; empty: not known").optional(),
      field("position", &File::position, "Position on the medium").optional(),
      field("stated_digest", &File::stated_digest,
            "Digest that the archive states for its bytes, `sha256:` or `md5:` and hexadecimal digits; may be empty")
          .optional(),
      field("tier", &File::tier, "The first tier that listed it, counted from the last one, which is 0").optional());
};

// The decompressed size of a file that is not a decompression bomb: an hour of 97,000 flows a second in NetFlow v5.
inline constexpr std::uint64_t default_max_content = std::uint64_t{16} << 30;

struct Archive {
  std::string name;
  PluginUse downloader, decoder;
  DamagePolicy damage = DamagePolicy::partial;
  Micros covers = hour_us, lateness = hour_us;
  ExportDelay export_delay = default_export_delay();
  Home home = {};
  Bzip2Decoder decode = Bzip2Decoder::interleaved;
  Duplicates duplicates = Duplicates::refuse;
  std::uint64_t max_content = default_max_content;
  std::string index = {};
  std::vector<PluginUse> decoders = {};
  Sampling sampling = {};
  ExportTime export_time = ExportTime::header;
  std::vector<PluginUse> tiers = {};

  // The candidates for decoding its files, by name: `decoder` alone, or `decoders`.
  std::vector<PluginUse> candidates() const { return decoders.empty() ? std::vector{decoder} : decoders; }
  void set_candidates(const std::vector<PluginUse>& candidates);

  static constexpr auto table =
      document("Archive", "The archive that a task reads.",  //
               field("name", &Archive::name, "Name in the manifest"), field("downloader", &Archive::downloader, "Downloader"),
               field("decoder", &Archive::decoder, "Decoder of every file; no name: `decoders` has several"),
               field("damage", &Archive::damage, "Policy for damaged files"),
               field("covers", &Archive::covers, "Time span covered by a file").unit("us"),
               field("lateness", &Archive::lateness, "How late flows may be exported").unit("us"),
               field("home", &Archive::home, "Home network"), field("decode", &Archive::decode, "Decoder of bzip2 blocks"),
               field("duplicates", &Archive::duplicates, "Policy for files of one router and time"),
               field("max_content", &Archive::max_content, "Limit of the decompressed size of a file").unit("B"),
               field("index", &Archive::index, "Identifies its place and pattern (decision 0130): 12 hex digits").optional(),
               field("export_delay", &Archive::export_delay, "How long after a flow its record is exported"),
               field("decoders", &Archive::decoders,
                     "Several decoders, by name: the first one that recognises the content of a file reads it (decision 0174)")
                   .optional(),
               field("sampling", &Archive::sampling, "Sampling rates").optional(),
               field("export_time", &Archive::export_time, "Where the export time of a flow comes from").optional(),
               field("tiers", &Archive::tiers, "Downloaders that are tried before `downloader`, in order").optional());
};

struct RowsRef {
  TimeRange block;
  Digest blob;

  static constexpr auto table =
      document("RowsRef", "A result blob (Parquet) of an upstream module.",  //
               field("block", &RowsRef::block, "Block"), field("blob", &RowsRef::blob, "Digest of the rows"));
};

struct StateRef {
  TimeRange block;
  Digest blob;
  std::vector<std::string> nodes;

  static constexpr auto table =
      document("StateRef", "A state blob of the same module.",  //
               field("block", &StateRef::block, "Block"), field("blob", &StateRef::blob, "Digest of the state"),
               field("nodes", &StateRef::nodes, "Addresses of the nodes that hold it"));
};

struct RouteTableRef {
  TimeRange used;
  Digest blob;
  std::string name, format;
  bool stale = false;
  std::uint64_t unusable_lines = 0;

  static constexpr auto table = document(
      "RouteTableRef", "A routing table and the flow times it is used for.",  //
      field("used", &RouteTableRef::used, "Part of the block and its warm-up"),
      field("blob", &RouteTableRef::blob, "Digest of the table; empty: no table is that old, every AS number is 0"),
      field("name", &RouteTableRef::name, "Name of the file"), field("format", &RouteTableRef::format, "`prefixes` or `mmdb`"),
      field("stale", &RouteTableRef::stale, "Used beyond its validity, because there is no newer table"),
      field("unusable_lines", &RouteTableRef::unusable_lines, "Lines of the table that cannot be used"));
};

struct RowFilter {
  std::string column, value;
  bool operator==(const RowFilter&) const = default;

  static constexpr auto table =
      document("RowFilter", "A value that selects one of several rows of an interval and group.",  //
               field("column", &RowFilter::column, "Column of the upstream module: text, an integer or a bool"),
               field("value", &RowFilter::value, "Its value as text"));
};

struct Input {
  std::string role;
  InputKind kind = InputKind::flows;
  std::string module, column, type, unit;
  std::vector<RowFilter> where;
  std::optional<std::uint32_t> step;
  std::vector<RowsRef> rows;
  Scale scale = Scale::none;

  static constexpr auto table =
      document("Input", "An input role of a step.",  //
               field("role", &Input::role, "Name in the module's descriptor"), field("kind", &Input::kind, "Kind"),
               field("module", &Input::module, "Upstream module, or the archive's name"),
               field("column", &Input::column, "Bound column; empty for flows"), field("type", &Input::type, "`u64`, `f64`, ..."),
               field("unit", &Input::unit, "Its unit"),
               field("step", &Input::step, "Rows come from this earlier step of the task").optional(),
               field("rows", &Input::rows, "Otherwise from these blobs, in time order"),
               field("where", &Input::where, "The row of an interval and group to read, if there are several").optional(),
               field("scale", &Input::scale, "Flows: the counters that it reads").optional());
};

struct Step {
  std::string pipeline, module;
  Digest fingerprint;
  PluginUse plugin;
  Execution execution = Execution::mergeable;
  Micros interval = 0, window = 0, warmup = 0;
  std::vector<std::string> by, totals;
  std::string filter;
  Load load = Load::start;
  std::vector<std::string> routers;
  std::vector<Input> inputs;
  bool make_state = false, make_result = false;
  Digest state_key, result_key;
  std::vector<StateRef> states;
  std::vector<RouteTableRef> routes;

  static constexpr auto table = document(
      "Step", "One module over the block of the task.",  //
      field("pipeline", &Step::pipeline, "Pipeline"), field("module", &Step::module, "Module"),
      field("fingerprint", &Step::fingerprint, "Fingerprint of the module"), field("plugin", &Step::plugin, "Plugin"),
      field("execution", &Step::execution, "Execution class"),
      field("interval", &Step::interval, "Length of an output interval").unit("us"),
      field("window", &Step::window, "Length of the trailing window, a multiple of the interval; 0: none").unit("us"),
      field("warmup", &Step::warmup, "`sequential`: length of the input before the block, without output").unit("us"),
      field("by", &Step::by, "Dimensions, outermost first"),
      field("totals", &Step::totals, "The dimensions that also have the member `all`, in the same order").optional(),
      field("filter", &Step::filter, "Filter; empty: all flows"), field("load", &Step::load, "Assigns flows to intervals"),
      field("routers", &Step::routers, "Expected routers of its archive, sorted"),
      field("inputs", &Step::inputs, "Inputs, in the order of the descriptor"),
      field("make_state", &Step::make_state, "Compute the block's state from the inputs"),
      field("make_result", &Step::make_result, "Compute rows"), field("state_key", &Step::state_key, "Key of the state"),
      field("result_key", &Step::result_key, "Key of the result"),
      field("states", &Step::states,
            "`make_result` with a window: the states of the blocks in the window, in time order; this block's only without "
            "`make_state`. `sequential` with `since`: the checkpoint at the end of the previous block, none for the first block"),
      field("routes", &Step::routes,
            "Sources of `src_as` and `dst_as`, in time order, without gaps over block and warm-up; absent: the flow records")
          .optional());
};

// A file of a task that another node keeps in its cache.
struct PeerFile {
  std::uint32_t file = 0;
  std::string address;

  static constexpr auto table =
      document("PeerFile", "A file of a task that another node keeps in its cache.",  //
               field("file", &PeerFile::file, "Its number in `files`"),
               field("address", &PeerFile::address, "Where the other node serves it: `unix:PATH` or `tcp:HOST:PORT`"));
};

struct Spec {
  std::string id;
  std::uint64_t epoch = 0, seq = 0;
  Kind kind = Kind::compute;
  TimeRange block;
  std::optional<Archive> archive;
  std::vector<File> files;
  std::vector<Step> steps;
  std::string request = {};
  std::vector<Digest> listings = {};
  std::vector<std::uint32_t> keep = {};
  std::vector<File> release = {};
  std::vector<std::uint32_t> staged = {}, whole = {};
  std::vector<PeerFile> peers = {};

  static constexpr auto table = document(
      "Spec", "The input of a task.",  //
      field("id", &Spec::id, "Unique for each lease: `EPOCH-SEQ`"),
      field("epoch", &Spec::epoch, "First part of the attempt token"), field("seq", &Spec::seq, "Second part of it"),
      field("kind", &Spec::kind, "Kind"), field("block", &Spec::block, "Block"),
      field("archive", &Spec::archive, "Archive; absent: only rows and states are read").optional(),
      field("files", &Spec::files, "Its files for the block, sorted by start, router and id, including gaps"),
      field("steps", &Spec::steps, "Steps, inputs before their readers"),
      field("request", &Spec::request, "The request for which it was leased, for logs: `r17`").optional(),
      field("listings", &Spec::listings, "`index`: the listings, by digest, to which the report may list the differences only")
          .optional(),
      field("keep", &Spec::keep, "`compute`: numbers of the files that other tasks of this node wait to read").optional(),
      field("release", &Spec::release, "Files of the archive that the node kept for tasks that were withdrawn").optional(),
      field("staged", &Spec::staged,
            "`compute`: numbers of the files that a fetch task has put into the node's cache. The task does not fetch them")
          .optional(),
      field("whole", &Spec::whole, "`fetch`: numbers of the files that are needed even if the node keeps their columns")
          .optional(),
      field("peers", &Spec::peers, "`compute`: files that the node copies from other nodes before the task begins").optional());
};

// Names a task in logs: "task 1-8 for r2, border/traffic@2007-09-22T08:00:00Z, border/mean@2007-09-22T08:00:00Z".
std::string title_of(const Spec& spec);
// Returns the name under which a node keeps the columns of a file: a digest of everything that its flows and report depend on.
// All of it is known from the index. `further`: bits of the columns (MOLE_COLUMN_*) beyond those of NetFlow v5.
Digest column_name_of(const File& file, const Archive& archive, std::uint64_t further = 0);
// Identifies an archive in caches. Includes the downloader and its parameters, because pipelines may use one name for different
// archives.
std::string cache_name_of(const Archive& archive);

struct CoverageRange {
  TimeRange range;
  double coverage = 0, coverage_min = 0;

  static constexpr auto table =
      document("CoverageRange", "A part of a block in which some row has a coverage below 1.",  //
               field("range", &CoverageRange::range, "From the start of its first interval to the end of its last one"),
               field("coverage", &CoverageRange::coverage, "Mean coverage of its rows"),
               field("coverage_min", &CoverageRange::coverage_min, "Lowest coverage of a row"));
};

inline constexpr std::size_t max_coverage_ranges = 1000;  // in a StepReport

struct StepReport {
  std::uint32_t step = 0;
  Outcome outcome = Outcome::not_run;
  FailureCode code = FailureCode::none;
  std::string message;
  Digest state_blob, rows_blob;
  std::uint64_t state_bytes = 0, rows_bytes = 0, rows = 0;
  double coverage = 0, coverage_min = 0;
  nlohmann::json lineage;
  std::vector<CoverageRange> incomplete = {};
  std::uint64_t flows_counted = 0, flows_late = 0;

  static constexpr auto table = document(
      "StepReport", "The outcome of a step.",  //
      field("step", &StepReport::step, "Its position in the Spec"), field("outcome", &StepReport::outcome, "Outcome"),
      field("code", &StepReport::code, "Kind of the failure"), field("message", &StepReport::message, "Cause and remedy"),
      field("state_blob", &StepReport::state_blob, "Digest of the state; empty: none"),
      field("rows_blob", &StepReport::rows_blob, "Digest of the rows; empty: none"),
      field("state_bytes", &StepReport::state_bytes, "Size of the state").unit("B"),
      field("rows_bytes", &StepReport::rows_bytes, "Size of the rows").unit("B"),
      field("rows", &StepReport::rows, "Number of rows"), field("coverage", &StepReport::coverage, "Mean coverage of the rows"),
      field("coverage_min", &StepReport::coverage_min, "Lowest coverage of a row"),
      field("lineage", &StepReport::lineage, "[lineage.md](lineage.md); null: none"),
      field("incomplete", &StepReport::incomplete, "The parts of the block with a coverage below 1, in order, at most 1000")
          .optional(),
      field("flows_counted", &StepReport::flows_counted, "Flows of the archive that the step counted").optional(),
      field("flows_late", &StepReport::flows_late, "Flows exported too late for their interval, not counted").optional());
};

struct Report {
  std::string task;
  std::vector<StepReport> steps;
  std::vector<FileReport> files;
  std::vector<IndexEntry> index;
  std::vector<PassedOver> passed_over;
  Digest index_blob;
  FailureCode code = FailureCode::none;
  std::string message;
  std::vector<Digest> missing_blobs;
  std::string log_tail;
  std::uint64_t bytes_read = 0, flows = 0;
  double seconds = 0;
  Digest listing = {}, listing_before = {};
  std::vector<std::string> removed = {};
  std::vector<FetchReport> fetched = {};
  std::vector<std::string> unstaged = {};
  std::vector<std::string> bad_copies = {};
  std::vector<SandboxPart> sandbox = {};

  static constexpr auto table = document(
      "Report", "The output of a task.",  //
      field("task", &Report::task, "Id of its Spec"), field("steps", &Report::steps, "Steps"),
      field("files", &Report::files, "Files that were read"), field("index", &Report::index, "`index`: the files of the archive"),
      field("index_blob", &Report::index_blob, "A blob with the entries instead, if there are too many for a message"),
      field("code", &Report::code, "Set if the task failed as a whole, because of its infrastructure or input"),
      field("message", &Report::message, "Cause and remedy of that failure"),
      field("missing_blobs", &Report::missing_blobs, "`missing`: the states and rows that could not be fetched").optional(),
      field("log_tail", &Report::log_tail, "Last lines of the worker's log, control bytes escaped"),
      field("bytes_read", &Report::bytes_read, "Bytes of the files read").unit("B"), field("flows", &Report::flows, "Flows read"),
      field("seconds", &Report::seconds, "Run time").unit("s"),
      field("passed_over", &Report::passed_over, "`index`: paths that the downloader did not list").optional(),
      field("listing", &Report::listing, "`index`: digest of the whole listing; empty: not computed").optional(),
      field("listing_before", &Report::listing_before,
            "`index`: the listing, one of the Spec's, whose new and changed entries are in `index`; empty: all are in it")
          .optional(),
      field("removed", &Report::removed, "`index`: the files of `listing_before` that are not listed any more").optional(),
      field("fetched", &Report::fetched, "`fetch`: its files, in the order in which they became ready").optional(),
      field("unstaged", &Report::unstaged,
            "`compute`: files that are not in the node's cache any more, or whose kept columns lack some that are read, so that "
            "the task ended")
          .optional(),
      field("bad_copies", &Report::bad_copies, "Files whose copies in the node's cache were damaged: removed, and fetched again")
          .optional(),
      field("sandbox", &Report::sandbox, "What separated its worker from the node; not part of the lineage of a key").optional());
};

bool has_failed(const Report& report);  // the task as a whole, or a step
// Summarizes a report in one line for logs: "2 done, 1 failed: crashed: killed by signal 11".
std::string summary_of(const Report& report);
// Replaces control bytes by spaces, so that text from plugins stays in one line of a log.
std::string in_one_line(std::string text);

// For untrusted text. corrupt: it is not such a document.
Result<Spec> parse_spec(std::string_view text);
Result<Report> parse_report(std::string_view text);

}  // namespace mole::task
