#include "sdk/model/task.hpp"

#include <concepts>
#include <type_traits>

// JSON forms of digests and ranges, found by argument-dependent lookup.
namespace mole {

void to_json(nlohmann::json& j, const Digest& d) { j = d.empty() ? std::string{} : d.hex(); }

void from_json(const nlohmann::json& j, Digest& d) {
  const auto text = j.get<std::string>();
  d = {};
  if (text.empty()) return;
  auto parsed = Digest::from_hex(text);
  if (!parsed) throw nlohmann::json::other_error::create(501, parsed.error().message, &j);
  d = *parsed;
}

void to_json(nlohmann::json& j, const TimeRange& r) { j = nlohmann::json::array({r.from, r.to}); }

void from_json(const nlohmann::json& j, TimeRange& r) {
  j.at(0).get_to(r.from);
  j.at(1).get_to(r.to);
}

}  // namespace mole

namespace mole::task {
namespace {

using nlohmann::json;

// Each struct's fields are listed once, for both directions.
template <class T, class Plain>
concept SameAs = std::same_as<std::remove_const_t<T>, Plain>;

constexpr bool omit_if_empty = true;

template <SameAs<PluginUse> T>
void fields(T& v, auto f) {
  f("name", v.name), f("version", v.version), f("library", v.library), f("sidecar", v.sidecar), f("params", v.params);
}

template <SameAs<File> T>
void fields(T& v, auto f) {
  f("id", v.id), f("size", v.size), f("revision", v.revision), f("router", v.router), f("sequence", v.sequence),
      f("covers", v.covers), f("present", v.present), f("version", v.version);
}

template <SameAs<Archive> T>
void fields(T& v, auto f) {
  f("name", v.name), f("downloader", v.downloader), f("decoder", v.decoder), f("damage", v.damage), f("decode", v.decode),
      f("covers", v.covers), f("lateness", v.lateness), f("home_source", v.home.source),
      f("home_destination", v.home.destination);
}

template <SameAs<RowsRef> T>
void fields(T& v, auto f) {
  f("block", v.block), f("blob", v.blob);
}

template <SameAs<StateRef> T>
void fields(T& v, auto f) {
  f("block", v.block), f("blob", v.blob), f("nodes", v.nodes);
}

template <SameAs<RouteTableRef> T>
void fields(T& v, auto f) {
  f("used", v.used), f("blob", v.blob), f("name", v.name), f("format", v.format), f("stale", v.stale);
}

template <SameAs<ByteRange> T>
void fields(T& v, auto f) {
  f("from", v.from), f("to", v.to), f("reason", v.reason);
}

template <SameAs<IndexEntry> T>
void fields(T& v, auto f) {
  f("id", v.id), f("size", v.size), f("version", v.version), f("medium", v.medium), f("position", v.position);
}

template <SameAs<Input> T>
void fields(T& v, auto f) {
  f("role", v.role), f("kind", v.kind), f("module", v.module), f("column", v.column), f("type", v.type), f("unit", v.unit),
      f("step", v.step), f("rows", v.rows);
}

template <SameAs<Step> T>
void fields(T& v, auto f) {
  f("pipeline", v.pipeline), f("module", v.module), f("fingerprint", v.fingerprint), f("plugin", v.plugin),
      f("execution", v.execution), f("interval", v.interval), f("window", v.window), f("warmup", v.warmup), f("by", v.by),
      f("totals", v.totals, omit_if_empty), f("filter", v.filter), f("load", v.load), f("routers", v.routers),
      f("inputs", v.inputs), f("make_state", v.make_state), f("make_result", v.make_result), f("state_key", v.state_key),
      f("result_key", v.result_key), f("states", v.states), f("routes", v.routes, omit_if_empty);
}

template <SameAs<StepReport> T>
void fields(T& v, auto f) {
  f("step", v.step), f("outcome", v.outcome), f("code", v.code), f("message", v.message), f("state_blob", v.state_blob),
      f("rows_blob", v.rows_blob), f("state_bytes", v.state_bytes), f("rows_bytes", v.rows_bytes), f("rows", v.rows),
      f("coverage", v.coverage), f("coverage_min", v.coverage_min), f("lineage", v.lineage);
}

template <SameAs<FileReport> T>
void fields(T& v, auto f) {
  f("id", v.id), f("size", v.size), f("digest", v.digest), f("state", v.state), f("lost_compressed", v.lost_compressed),
      f("lost_content", v.lost_content), f("content_bytes", v.content_bytes), f("datagrams", v.datagrams), f("flows", v.flows),
      f("flows_lost", v.flows_lost), f("exported_first", v.exported_first), f("exported_last", v.exported_last),
      f("readable", v.readable), f("source", v.source);
}

template <SameAs<Spec> T>
void fields(T& v, auto f) {
  f("id", v.id), f("epoch", v.epoch), f("seq", v.seq), f("kind", v.kind), f("block", v.block), f("archive", v.archive),
      f("files", v.files), f("steps", v.steps);
}

template <SameAs<Report> T>
void fields(T& v, auto f) {
  f("task", v.task), f("steps", v.steps), f("files", v.files), f("index", v.index), f("index_blob", v.index_blob),
      f("code", v.code), f("message", v.message), f("missing_blobs", v.missing_blobs, omit_if_empty), f("log_tail", v.log_tail),
      f("bytes_read", v.bytes_read), f("flows", v.flows), f("seconds", v.seconds);
}

struct Writer {
  json& j;

  template <class T>
  void operator()(const char* name, const T& value, bool omit_empty = false) const {
    if constexpr (requires { value.empty(); })
      if (omit_empty && value.empty()) return;
    j[name] = value;
  }
  template <class T>
  void operator()(const char* name, const std::optional<T>& value) const {
    if (value) j[name] = *value;
  }
};

// A missing field keeps its default, so that documents of an older version can be read. Kinds have no default.
struct Reader {
  const json& j;

  template <class T>
  void operator()(const char* name, T& value, bool = false) const {
    if constexpr (std::is_same_v<T, Kind> || std::is_same_v<T, InputKind> || std::is_same_v<T, Execution>)
      j.at(name).get_to(value);
    else if (const auto found = j.find(name); found != j.end())
      found->get_to(value);
  }
  template <class T>
  void operator()(const char* name, std::optional<T>& value) const {
    if (const auto found = j.find(name); found != j.end() && !found->is_null()) value = found->template get<T>();
  }
};

template <class T>
void write_object(json& j, const T& value) {
  j = json::object();
  fields(value, Writer{j});
}

template <class T>
void read_object(const json& j, T& value, const char* type) {
  if (!j.is_object()) throw json::type_error::create(302, std::string(type) + " must be an object", &j);
  fields(value, Reader{j});
}

}  // namespace

void to_json(json& j, const PluginUse& v) { write_object(j, v); }
void from_json(const json& j, PluginUse& v) { read_object(j, v, "PluginUse"); }
void to_json(json& j, const File& v) { write_object(j, v); }
void from_json(const json& j, File& v) { read_object(j, v, "File"); }
void to_json(json& j, const Archive& v) { write_object(j, v); }
void from_json(const json& j, Archive& v) { read_object(j, v, "Archive"); }
void to_json(json& j, const RowsRef& v) { write_object(j, v); }
void from_json(const json& j, RowsRef& v) { read_object(j, v, "RowsRef"); }
void to_json(json& j, const StateRef& v) { write_object(j, v); }
void from_json(const json& j, StateRef& v) { read_object(j, v, "StateRef"); }
void to_json(json& j, const RouteTableRef& v) { write_object(j, v); }
void from_json(const json& j, RouteTableRef& v) { read_object(j, v, "RouteTableRef"); }
void to_json(json& j, const ByteRange& v) { write_object(j, v); }
void from_json(const json& j, ByteRange& v) { read_object(j, v, "ByteRange"); }
void to_json(json& j, const IndexEntry& v) { write_object(j, v); }
void from_json(const json& j, IndexEntry& v) { read_object(j, v, "IndexEntry"); }
void to_json(json& j, const Input& v) { write_object(j, v); }
void from_json(const json& j, Input& v) { read_object(j, v, "Input"); }
void to_json(json& j, const Step& v) { write_object(j, v); }
void from_json(const json& j, Step& v) { read_object(j, v, "Step"); }
void to_json(json& j, const StepReport& v) { write_object(j, v); }
void from_json(const json& j, StepReport& v) { read_object(j, v, "StepReport"); }
void to_json(json& j, const FileReport& v) { write_object(j, v); }
void from_json(const json& j, FileReport& v) { read_object(j, v, "FileReport"); }
void to_json(json& j, const Spec& v) { write_object(j, v); }
void from_json(const json& j, Spec& v) { read_object(j, v, "Spec"); }
void to_json(json& j, const Report& v) { write_object(j, v); }
void from_json(const json& j, Report& v) { read_object(j, v, "Report"); }

namespace {

template <class T>
Result<T> parse(std::string_view text, const char* what) {
  try {
    return json::parse(text).get<T>();
  } catch (const json::exception& e) {
    return corrupt(std::string("this is not a ") + what + ": " + e.what());
  }
}

}  // namespace

Result<Spec> parse_spec(std::string_view text) { return parse<Spec>(text, "task specification"); }
Result<Report> parse_report(std::string_view text) { return parse<Report>(text, "task report"); }

std::string index_text(const std::vector<IndexEntry>& entries) {
  std::string text;
  for (const auto& entry : entries) text += json(entry).dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  return text;
}

Result<std::vector<IndexEntry>> parse_index(std::string_view text) {
  if (text.size() > max_index_bytes) return exhausted("a listing has at most 256 MiB; split the archive into several");
  std::vector<IndexEntry> entries;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return corrupt("this listing is truncated");
    if (entries.size() == max_index_entries)
      return exhausted("a listing has at most 2,000,000 files; split the archive into several");
    auto entry = parse<IndexEntry>(text.substr(0, end), "line of a listing");
    if (!entry) return entry.error();
    entries.push_back(std::move(*entry));
    text.remove_prefix(end + 1);
  }
  return entries;
}

}  // namespace mole::task
