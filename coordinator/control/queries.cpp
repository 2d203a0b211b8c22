// Returns results, their lineage, archives and raw tables.
#include "coordinator/control/queries.hpp"

#include "coordinator/requests/damaged_files.hpp"
#include "coordinator/requests/lineage.hpp"

#include <charconv>
#include <unordered_map>

namespace mole::coordinator::control {
namespace {

constexpr std::size_t max_gaps_listed = 100'000, max_conflicts_listed = 1000;

// Describes how one block of a module was computed, for the part `span` of it.
BlockLineage lineage_of(const store::Records& records, const dag::Graph& graph, std::uint32_t m, const std::string& column,
                        Micros block, TimeRange span) {
  const auto& module = graph.modules[m];
  BlockLineage out;
  out.module = graph.full_name(module);
  out.column = column;
  out.interval = {span.from, span.to};
  out.block = block;
  if (const auto row = records.catalogue(module.fingerprint, block)) out.rows_blob = row->rows_blob;
  out.lineage = records.job_row(Table::lineage, module.fingerprint, block);
  if (!out.lineage.is_object()) return out;
  out.lineage.erase("decides");
  for (const auto* part : {"result", "state"})
    if (const auto found = out.lineage.find(part); found != out.lineage.end()) *found = requests::expand(*found);
  return out;
}

// The part of one upstream module's results that a value is computed from.
struct Reach {
  std::string column;
  TimeRange span;
};

std::map<std::uint32_t, Reach> reach_of(const dag::Graph& graph, std::uint32_t m, const std::string& column, TimeRange interval) {
  std::map<std::uint32_t, Reach> reach{{m, {column, interval}}};
  for (auto at = m + 1; at-- > 0;) {  // inputs have smaller indexes than their readers
    if (!reach.contains(at)) continue;
    const auto& module = graph.modules[at];
    auto read = reach[at].span;
    if (module.window > 0) read.from += module.interval - module.window;
    read.from -= module.warmup;
    for (const auto& input : module.inputs) {
      if (input.kind == InputKind::flows) continue;
      auto [entry, added] = reach.try_emplace(input.source, Reach{input.column, read});
      if (!added) entry->second.span = {std::min(entry->second.span.from, read.from), std::max(entry->second.span.to, read.to)};
    }
  }
  return reach;
}

// Returns the lineage of every upstream block from which the interval is computed, sources first.
std::vector<BlockLineage> upstream_of(const store::Records& records, const dag::Graph& graph, std::uint32_t m,
                                      const std::string& column, TimeRange interval) {
  std::vector<BlockLineage> out;
  for (const auto& [source, reach] : reach_of(graph, m, column, interval)) {
    if (source == m) continue;
    const auto& grid = graph.grid(graph.modules[source]);
    const auto length = grid.block_length;
    for (auto block = grid.block_at(reach.span.from); block < reach.span.to; block += length) {
      auto one = lineage_of(records, graph, source, reach.column, block,
                            {std::max(block, reach.span.from), std::min(block + length, reach.span.to)});
      if (!one.rows_blob.empty() || !one.lineage.is_null()) out.push_back(std::move(one));
    }
  }
  return out;
}

// Decodes hex digits; nullopt if they are invalid.
std::optional<std::string> from_hex(const std::string& text) {
  std::string out;
  for (const char* at = text.data(); at + 1 < text.data() + text.size(); at += 2) {
    std::uint8_t byte = 0;
    if (std::from_chars(at, at + 2, byte, 16).ptr != at + 2) return std::nullopt;
    out += static_cast<char>(byte);
  }
  return out;
}

std::string to_hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += digits[static_cast<std::uint8_t>(c) >> 4];
    out += digits[static_cast<std::uint8_t>(c) & 15];
  }
  return out;
}

}  // namespace

// ---- lookups

Result<SharedGraph> Queries::graph_of(const Digest& revision) const {
  {
    State::Lock lock(state_);
    if (const auto found = state_.graphs.find(revision); found != state_.graphs.end()) return found->second;
  }
  return read_graph(records_, revision);
}

Result<Queries::Location> Queries::find_module(const std::string& name) const {
  ModuleRow row;
  std::vector<std::string> known;
  {
    State::Lock lock(state_);
    if (const auto* found = state_.module_row(name))
      row = *found;
    else
      for (const auto& [other, unused] : state_.modules)
        if (known.size() < 50) known.push_back(other);
  }
  if (row.fingerprint.empty() && !row.what_ifs.empty())
    return missing(name + " has only been computed with --set; add --what-if " +
                   requests::request_id(row.what_ifs.back().latest) + " to see that, or run it without --set");
  if (row.fingerprint.empty())
    return missing("there is no module \"" + name.substr(0, 200) + "\"" + manifest::suggestion(name, known));
  MOLE_TRY(auto graph, graph_of(row.revision));
  const auto m = graph->find_module(local_name(name));
  if (!m) return corrupt("the stored pipeline revision of module " + name + " does not contain it; submit the manifest again");
  Location out{graph, *m, {}, {}, {}, {}, row.request};
  if (row.changed_by == 0) return out;
  if (const auto change = stored_request(row.changed_by))
    out.note = "request " + change->id + " (" + name_of(change->state) + ") computes " + name +
               " with a changed manifest; these are the earlier results; --what-if " + change->id + " shows the new ones";
  return out;
}

Result<Request> Queries::stored_request(std::uint64_t number) const {
  {
    State::Lock lock(state_);
    if (const auto live = state_.live.find(number); live != state_.live.end()) return live->second;
  }
  const auto row = records_.json(Table::requests, keys::number(number));
  if (!row.is_object()) return missing("there is no request " + requests::request_id(number) + "; see mole request list");
  return requests::request_from_row(number, row);
}

Result<std::uint64_t> Queries::latest_what_if(const std::string& pipeline) const {
  std::uint64_t latest = 0;
  State::Lock lock(state_);
  for (const auto& [name, row] : state_.modules)
    if (name.starts_with(pipeline + "/"))
      for (const auto& what_if : row.what_ifs) latest = std::max(latest, what_if.latest);
  if (latest == 0) return missing("the pipeline " + pipeline + " has not been run with --set; leave --what-if out");
  return latest;
}

Result<Queries::Location> Queries::find_what_if(const std::string& name, const std::string& what_if) const {
  const auto pipeline = name.substr(0, name.find('/'));
  MOLE_TRY(const auto number, what_if == "last" ? latest_what_if(pipeline) : requests::request_number(what_if));
  MOLE_TRY(const auto request, stored_request(number));
  if (request.kind != RequestKind::run || request.pipeline != pipeline)
    return missing("request " + request.id + " does not compute the pipeline " + pipeline + "; see mole request list");
  MOLE_TRY(auto graph, graph_of(request.revision));
  const auto m = graph->find_module(local_name(name));
  if (!m)
    return missing("request " + request.id + " has no module \"" + local_name(name) + "\"" +
                   manifest::suggestion(local_name(name), manifest::names_of(graph->modules)));
  const bool changed = request.overridden.contains(local_name(name));
  return Location{graph, *m, {}, request.id, changed ? request.overrides : std::vector<std::string>{}, {}, number};
}

Result<Queries::Location> Queries::find_archive(const std::string& name) const {
  json listed;
  std::string index;
  const auto order = [](const json& row) {
    return std::pair(!row.value("what_if", false), row.value("request", std::uint64_t{0}));
  };
  records_.scan_json(Table::archives, [&](std::string_view key, const json& row) {
    if (key.substr(0, key.find('@')) != name || !row.is_object() || (!index.empty() && order(row) < order(listed))) return true;
    index = key;
    listed = row;
    return true;
  });
  if (index.empty())
    return missing("the archive \"" + name.substr(0, 200) + "\" has not been listed yet; run mole archive index first");
  MOLE_TRY(auto graph, graph_of(listed.at("revision").get<Digest>()));
  const auto a = graph->find_archive(local_name(name));
  if (!a)
    return missing("the archive \"" + name + "\" has been removed from its pipeline; use an archive of the current manifest");
  return Location{graph, *a, index, {}, {}, {}, 0};
}

std::shared_ptr<const jobs::ArchiveIndex> Queries::index_of(const Location& archive) const {
  const auto& resolved = archive.graph->archives[archive.index];
  std::uint64_t read = 0;
  {
    State::Lock lock(state_);
    if (auto cached = state_.cached_index(*archive.graph, resolved)) return cached;
    read = state_.indexes_read;
  }
  auto index = read_index(records_, *archive.graph, resolved, state_.wall());
  State::Lock lock(state_);
  state_.keep_index(*archive.graph, resolved, index, read);
  return index;
}

// ---- results

Result<Lineage> Queries::why(const std::string& module, const std::string& column, Micros time,
                             const std::string& what_if) const {
  MOLE_TRY(auto found, what_if.empty() ? find_module(module) : find_what_if(module, what_if));
  const auto& graph = *found.graph;
  const auto& resolved = graph.modules[found.index];
  const auto names = manifest::names_of(dag::result_columns(resolved));
  if (std::ranges::find(names, column) == names.end())
    return missing("the module \"" + module + "\" has no column \"" + column + "\"" + manifest::suggestion(column, names));
  const auto start = floor_to(time, resolved.interval);
  const TimeRange interval{start, start + resolved.interval};
  const auto records = records_.snapshot();
  Lineage out;
  static_cast<BlockLineage&>(out) =
      lineage_of(records, graph, found.index, column, graph.grid(resolved).block_at(time), interval);
  if (out.rows_blob.empty())
    return missing("there is no result of " + module + " at " + format_time(time) +
                   "; compute it with mole run, or see which results exist with mole status --map");
  out.upstream = upstream_of(records, graph, found.index, column, interval);
  out.overrides = found.overrides;
  out.what_if = found.what_if;
  out.note = found.note;
  return out;
}

Result<ModuleResults> Queries::results(const std::string& module, TimeRange range, const std::string& what_if) const {
  MOLE_TRY(auto found, what_if.empty() ? find_module(module) : find_what_if(module, what_if));
  const auto& graph = *found.graph;
  const auto& resolved = graph.modules[found.index];
  ModuleResults out;
  out.module = graph.full_name(resolved);
  out.interval = resolved.interval;
  if (resolved.window > 0) out.window = resolved.window;
  out.totals = resolved.totals;
  if (dag::reads_scaled(graph, resolved)) out.scale = Scale::sampling;
  out.overrides = found.overrides;
  out.what_if = found.what_if;
  out.note = found.note;
  for (const auto& c : dag::result_columns(resolved))
    out.columns.push_back({c.name, c.type, c.unit, c.doc, dag::counted_over(graph, resolved, c.name)});
  if (range == TimeRange{})
    range = {INT64_MIN / 2, INT64_MAX / 2};
  else if (range.empty())
    return invalid("the range is empty; its end must be after its start");
  const auto length = graph.grid(resolved).block_length;
  records_.scan_catalogue(resolved.fingerprint, {range.from - length, range.to},
                          [&](Micros from, const store::CatalogueRow& row) {
                            if (row.rows_blob.empty() || from + length <= range.from) return;
                            out.blocks.push_back({from, from + length, row.rows_blob, row.rows, row.coverage,
                                                  row.coverage_min < 1 ? JobState::partial : JobState::done});
                          });
  return out;
}

// ---- archives, tables

Result<std::vector<ArchiveFile>> Queries::archive_files(const std::string& archive, TimeRange range) const {
  MOLE_TRY(auto found, find_archive(archive));
  const auto index = index_of(found);
  std::vector<ArchiveFile> out;
  const auto add = [&](const task::File& file, const store::FileRow& row) {
    out.push_back({.id = file.id,
                   .size = file.size,
                   .router = file.router,
                   .sequence = file.sequence,
                   .from = file.covers.from,
                   .to = file.covers.to,
                   .revision = row.revision,
                   .state = row.state,
                   .digest = row.digest,
                   .medium = row.medium,
                   .position = row.position});
  };
  if (!range.empty()) {
    for (const auto& file : index->reach(index->routers(), range))
      if (file.present) add(file, records_.file(found.name, file.id).value_or(store::FileRow{}));
    return out;
  }
  std::unordered_map<std::string, store::FileRow> rows;  // one scan is faster than reading every row
  records_.scan_files(found.name, [&](const std::string& id, const store::FileRow& row) { rows.emplace(id, row); });
  for (const auto& [file, key] : index->files()) add(file, rows[file.id]);
  for (const auto& file : index->findings().future)
    out.push_back({.id = file.id,
                   .size = file.size,
                   .router = file.router,
                   .sequence = file.sequence,
                   .from = file.covers.from,
                   .to = file.covers.to,
                   .revision = file.revision,
                   .state = FileState::future});
  return out;
}

Result<ArchiveGaps> Queries::archive_gaps(const std::string& archive) const {
  MOLE_TRY(auto found, find_archive(archive));
  const auto index = index_of(found);
  ArchiveGaps out;
  const auto faulty = records_.faulty_files(found.name);
  for (const auto& [file, key] : index->files()) {
    if (faulty.empty()) break;
    const auto state = faulty.find(file.id);
    if (state == faulty.end()) continue;
    const auto report = records_.json(Table::damage, keys::pair(found.name, file.id));
    out.damaged.push_back(requests::damaged_file(file, state->second, report, found.graph->archives[found.index].damage));
  }
  out.listed = listed_at(records_, found.name);
  for (const auto& gap : index->gaps(max_gaps_listed))
    out.missing.push_back({gap.router, gap.sequence, gap.covers.from, gap.covers.to, gap.cause, gap.file, gap.size});
  const auto& findings = index->findings();
  const auto conflicts = std::min(max_conflicts_listed, findings.conflicts.size());
  out.conflicts.assign(findings.conflicts.begin(), findings.conflicts.begin() + static_cast<std::ptrdiff_t>(conflicts));
  out.passed_over = findings.passed_over;
  return out;
}

Result<TableDump> Queries::dump(const std::string& table, const std::string& from, std::uint32_t limit) const {
  const auto which = store::table_of(table);
  if (!which)
    return missing("there is no table \"" + table.substr(0, 60) + "\"" + manifest::suggestion(table, store::table_names()));
  const auto start = from_hex(from);
  if (!start) return invalid("\"" + from.substr(0, 60) + "\" is not a cursor; pass \"next\" from the previous reply");
  limit = std::clamp<std::uint32_t>(limit, 1, 10'000);
  TableDump out;
  out.table_name = table;
  records_.store().scan(*which, *start, "", [&](std::string_view key, std::string_view value) {
    if (out.rows.size() == limit) {
      out.next = to_hex(key);
      return false;
    }
    out.rows.push_back(store::Records::describe_row(*which, key, value));
    return true;
  });
  return out;
}

}  // namespace mole::coordinator::control
