#include "sdk/model/task.hpp"

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

// A field that is absent keeps its default, so that an older writer is understood.
template <class T>
void read(const json& j, const char* name, T& value) {
  if (const auto found = j.find(name); found != j.end()) found->get_to(value);
}

template <class T>
void read(const json& j, const char* name, std::optional<T>& value) {
  if (const auto found = j.find(name); found != j.end() && !found->is_null()) value = found->template get<T>();
}

template <class T>
void write(json& j, const char* name, const T& value) {
  j[name] = value;
}

template <class T>
void write(json& j, const char* name, const std::optional<T>& value) {
  if (value) j[name] = *value;
}

}  // namespace

void to_json(json& j, const PluginUse& v) {
  j = json::object();
  write(j, "name", v.name);
  write(j, "version", v.version);
  write(j, "library", v.library);
  write(j, "sidecar", v.sidecar);
  write(j, "params", v.params);
}

void from_json(const json& j, PluginUse& v) {
  if (!j.is_object()) throw json::type_error::create(302, "PluginUse must be an object", &j);
  read(j, "name", v.name);
  read(j, "version", v.version);
  read(j, "library", v.library);
  read(j, "sidecar", v.sidecar);
  read(j, "params", v.params);
}

void to_json(json& j, const File& v) {
  j = json::object();
  write(j, "id", v.id);
  write(j, "size", v.size);
  write(j, "revision", v.revision);
  write(j, "router", v.router);
  write(j, "sequence", v.sequence);
  write(j, "covers", v.covers);
  write(j, "present", v.present);
  write(j, "version", v.version);
}

void from_json(const json& j, File& v) {
  if (!j.is_object()) throw json::type_error::create(302, "File must be an object", &j);
  read(j, "id", v.id);
  read(j, "size", v.size);
  read(j, "revision", v.revision);
  read(j, "router", v.router);
  read(j, "sequence", v.sequence);
  read(j, "covers", v.covers);
  read(j, "present", v.present);
  read(j, "version", v.version);
}

void to_json(json& j, const Archive& v) {
  j = json::object();
  write(j, "name", v.name);
  write(j, "downloader", v.downloader);
  write(j, "decoder", v.decoder);
  write(j, "damage", v.damage);
  write(j, "decode", v.decode);
  write(j, "covers", v.covers);
  write(j, "lateness", v.lateness);
  write(j, "home_source", v.home.source);
  write(j, "home_destination", v.home.destination);
}

void from_json(const json& j, Archive& v) {
  if (!j.is_object()) throw json::type_error::create(302, "Archive must be an object", &j);
  read(j, "name", v.name);
  read(j, "downloader", v.downloader);
  read(j, "decoder", v.decoder);
  read(j, "damage", v.damage);
  read(j, "decode", v.decode);
  read(j, "covers", v.covers);
  read(j, "lateness", v.lateness);
  read(j, "home_source", v.home.source);
  read(j, "home_destination", v.home.destination);
}

void to_json(json& j, const RowsRef& v) {
  j = json::object();
  write(j, "block", v.block);
  write(j, "blob", v.blob);
}

void from_json(const json& j, RowsRef& v) {
  if (!j.is_object()) throw json::type_error::create(302, "RowsRef must be an object", &j);
  read(j, "block", v.block);
  read(j, "blob", v.blob);
}

void to_json(json& j, const StateRef& v) {
  j = json::object();
  write(j, "block", v.block);
  write(j, "blob", v.blob);
  write(j, "nodes", v.nodes);
}

void from_json(const json& j, StateRef& v) {
  if (!j.is_object()) throw json::type_error::create(302, "StateRef must be an object", &j);
  read(j, "block", v.block);
  read(j, "blob", v.blob);
  read(j, "nodes", v.nodes);
}

void to_json(json& j, const RouteTable& v) {
  j = json::object();
  write(j, "used", v.used);
  write(j, "blob", v.blob);
  write(j, "name", v.name);
  write(j, "format", v.format);
  write(j, "stale", v.stale);
}

void from_json(const json& j, RouteTable& v) {
  if (!j.is_object()) throw json::type_error::create(302, "RouteTable must be an object", &j);
  read(j, "used", v.used);
  read(j, "blob", v.blob);
  read(j, "name", v.name);
  read(j, "format", v.format);
  read(j, "stale", v.stale);
}

void to_json(json& j, const ByteRange& v) {
  j = json::object();
  write(j, "from", v.from);
  write(j, "to", v.to);
  write(j, "reason", v.reason);
}

void from_json(const json& j, ByteRange& v) {
  if (!j.is_object()) throw json::type_error::create(302, "ByteRange must be an object", &j);
  read(j, "from", v.from);
  read(j, "to", v.to);
  read(j, "reason", v.reason);
}

void to_json(json& j, const IndexEntry& v) {
  j = json::object();
  write(j, "id", v.id);
  write(j, "size", v.size);
  write(j, "version", v.version);
  write(j, "medium", v.medium);
  write(j, "position", v.position);
}

void from_json(const json& j, IndexEntry& v) {
  if (!j.is_object()) throw json::type_error::create(302, "IndexEntry must be an object", &j);
  read(j, "id", v.id);
  read(j, "size", v.size);
  read(j, "version", v.version);
  read(j, "medium", v.medium);
  read(j, "position", v.position);
}

void to_json(json& j, const Input& v) {
  j = json::object();
  write(j, "role", v.role);
  write(j, "kind", v.kind);
  write(j, "module", v.module);
  write(j, "column", v.column);
  write(j, "type", v.type);
  write(j, "unit", v.unit);
  write(j, "step", v.step);
  write(j, "rows", v.rows);
}

void from_json(const json& j, Input& v) {
  if (!j.is_object()) throw json::type_error::create(302, "Input must be an object", &j);
  read(j, "role", v.role);
  read(j, "kind", v.kind);
  read(j, "module", v.module);
  read(j, "column", v.column);
  read(j, "type", v.type);
  read(j, "unit", v.unit);
  read(j, "step", v.step);
  read(j, "rows", v.rows);
}

void to_json(json& j, const Step& v) {
  j = json::object();
  write(j, "pipeline", v.pipeline);
  write(j, "module", v.module);
  write(j, "fingerprint", v.fingerprint);
  write(j, "plugin", v.plugin);
  write(j, "execution", v.execution);
  write(j, "interval", v.interval);
  write(j, "window", v.window);
  write(j, "warmup", v.warmup);
  write(j, "by", v.by);
  if (!v.totals.empty()) write(j, "totals", v.totals);
  write(j, "filter", v.filter);
  write(j, "load", v.load);
  write(j, "routers", v.routers);
  write(j, "inputs", v.inputs);
  write(j, "make_state", v.make_state);
  write(j, "make_result", v.make_result);
  write(j, "state_key", v.state_key);
  write(j, "result_key", v.result_key);
  write(j, "states", v.states);
  if (!v.routes.empty()) write(j, "routes", v.routes);
}

void from_json(const json& j, Step& v) {
  if (!j.is_object()) throw json::type_error::create(302, "Step must be an object", &j);
  read(j, "pipeline", v.pipeline);
  read(j, "module", v.module);
  read(j, "fingerprint", v.fingerprint);
  read(j, "plugin", v.plugin);
  read(j, "execution", v.execution);
  read(j, "interval", v.interval);
  read(j, "window", v.window);
  read(j, "warmup", v.warmup);
  read(j, "by", v.by);
  read(j, "totals", v.totals);
  read(j, "filter", v.filter);
  read(j, "load", v.load);
  read(j, "routers", v.routers);
  read(j, "inputs", v.inputs);
  read(j, "make_state", v.make_state);
  read(j, "make_result", v.make_result);
  read(j, "state_key", v.state_key);
  read(j, "result_key", v.result_key);
  read(j, "states", v.states);
  read(j, "routes", v.routes);
}

void to_json(json& j, const StepReport& v) {
  j = json::object();
  write(j, "step", v.step);
  write(j, "outcome", v.outcome);
  write(j, "code", v.code);
  write(j, "message", v.message);
  write(j, "state_blob", v.state_blob);
  write(j, "rows_blob", v.rows_blob);
  write(j, "state_bytes", v.state_bytes);
  write(j, "rows_bytes", v.rows_bytes);
  write(j, "rows", v.rows);
  write(j, "coverage", v.coverage);
  write(j, "coverage_min", v.coverage_min);
  write(j, "lineage", v.lineage);
}

void from_json(const json& j, StepReport& v) {
  if (!j.is_object()) throw json::type_error::create(302, "StepReport must be an object", &j);
  read(j, "step", v.step);
  read(j, "outcome", v.outcome);
  read(j, "code", v.code);
  read(j, "message", v.message);
  read(j, "state_blob", v.state_blob);
  read(j, "rows_blob", v.rows_blob);
  read(j, "state_bytes", v.state_bytes);
  read(j, "rows_bytes", v.rows_bytes);
  read(j, "rows", v.rows);
  read(j, "coverage", v.coverage);
  read(j, "coverage_min", v.coverage_min);
  read(j, "lineage", v.lineage);
}

void to_json(json& j, const FileReport& v) {
  j = json::object();
  write(j, "id", v.id);
  write(j, "size", v.size);
  write(j, "digest", v.digest);
  write(j, "state", v.state);
  write(j, "lost_compressed", v.lost_compressed);
  write(j, "lost_content", v.lost_content);
  write(j, "content_bytes", v.content_bytes);
  write(j, "datagrams", v.datagrams);
  write(j, "flows", v.flows);
  write(j, "flows_lost", v.flows_lost);
  write(j, "exported_first", v.exported_first);
  write(j, "exported_last", v.exported_last);
  write(j, "readable", v.readable);
  write(j, "source", v.source);
}

void from_json(const json& j, FileReport& v) {
  if (!j.is_object()) throw json::type_error::create(302, "FileReport must be an object", &j);
  read(j, "id", v.id);
  read(j, "size", v.size);
  read(j, "digest", v.digest);
  read(j, "state", v.state);
  read(j, "lost_compressed", v.lost_compressed);
  read(j, "lost_content", v.lost_content);
  read(j, "content_bytes", v.content_bytes);
  read(j, "datagrams", v.datagrams);
  read(j, "flows", v.flows);
  read(j, "flows_lost", v.flows_lost);
  read(j, "exported_first", v.exported_first);
  read(j, "exported_last", v.exported_last);
  read(j, "readable", v.readable);
  read(j, "source", v.source);
}

void to_json(json& j, const Spec& v) {
  j = json::object();
  write(j, "id", v.id);
  write(j, "epoch", v.epoch);
  write(j, "seq", v.seq);
  write(j, "kind", v.kind);
  write(j, "block", v.block);
  write(j, "archive", v.archive);
  write(j, "files", v.files);
  write(j, "steps", v.steps);
}

void from_json(const json& j, Spec& v) {
  if (!j.is_object()) throw json::type_error::create(302, "Spec must be an object", &j);
  read(j, "id", v.id);
  read(j, "epoch", v.epoch);
  read(j, "seq", v.seq);
  read(j, "kind", v.kind);
  read(j, "block", v.block);
  read(j, "archive", v.archive);
  read(j, "files", v.files);
  read(j, "steps", v.steps);
}

void to_json(json& j, const Report& v) {
  j = json::object();
  write(j, "task", v.task);
  write(j, "steps", v.steps);
  write(j, "files", v.files);
  write(j, "index", v.index);
  write(j, "index_blob", v.index_blob);
  write(j, "code", v.code);
  write(j, "message", v.message);
  if (!v.missing_blobs.empty()) write(j, "missing_blobs", v.missing_blobs);
  write(j, "log_tail", v.log_tail);
  write(j, "bytes_read", v.bytes_read);
  write(j, "flows", v.flows);
  write(j, "seconds", v.seconds);
}

void from_json(const json& j, Report& v) {
  if (!j.is_object()) throw json::type_error::create(302, "Report must be an object", &j);
  read(j, "task", v.task);
  read(j, "steps", v.steps);
  read(j, "files", v.files);
  read(j, "index", v.index);
  read(j, "index_blob", v.index_blob);
  read(j, "code", v.code);
  read(j, "message", v.message);
  read(j, "missing_blobs", v.missing_blobs);
  read(j, "log_tail", v.log_tail);
  read(j, "bytes_read", v.bytes_read);
  read(j, "flows", v.flows);
  read(j, "seconds", v.seconds);
}

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
  if (text.size() > largest_index_bytes) return exhausted("a listing has at most 256 MiB; split the archive into several");
  std::vector<IndexEntry> entries;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return corrupt("this listing is cut short");
    if (entries.size() == most_index_entries)
      return exhausted("a listing has at most 2,000,000 files; split the archive into several");
    auto entry = parse<IndexEntry>(text.substr(0, end), "line of a listing");
    if (!entry) return entry.error();
    entries.push_back(std::move(*entry));
    text.remove_prefix(end + 1);
  }
  return entries;
}

}  // namespace mole::task
