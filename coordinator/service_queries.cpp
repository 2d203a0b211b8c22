// What people ask: plans, reasons, lineage, states. Nothing here changes anything.
#include "coordinator/dag/routing_tables.hpp"
#include "coordinator/requests/lineage.hpp"
#include "coordinator/service.hpp"
#include "coordinator/store/keys.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace mole::coordinator {

using jobs::Flag;
using nlohmann::json;
using requests::Request;
using store::Table;
namespace keys = store::keys;

namespace {

constexpr std::size_t most_jobs = 1000, most_gaps = 1000, most_changes = 20, most_pieces = 2000, most_requests = 200;
constexpr std::size_t most_gaps_listed = 100'000;
constexpr double assumed_bytes_per_second = 20e6;  // before anything was measured

constexpr auto needs_any = static_cast<std::uint8_t>(Flag::needs_state | Flag::needs_result);

struct Totals {
  std::uint64_t blocks = 0, reused = 0, fresh = 0, waiting = 0;
};

Totals count(const jobs::ModulePlan& mine) {
  Totals t;
  for (const auto flags : mine.flags) {
    if (flags & Flag::asked) ++t.blocks;
    if (flags & Flag::waits)
      ++t.waiting;
    else if (flags & needs_any)
      ++t.fresh;
    else if (flags & Flag::asked)
      ++t.reused;
  }
  return t;
}

json files_document(const jobs::Plan& plan, json& list) {
  std::uint64_t files = 0, bytes = 0, twice = 0;
  for (const auto& needed : jobs::needed_files(plan)) {
    const auto& file = plan.indexes[needed.archive]->files()[needed.file].file;
    ++files;
    bytes += file.size;
    if (needed.blocks > 1) twice += file.size;
    list.push_back(file.id);
  }
  return {{"count", files},
          {"bytes", bytes},
          {"border_share", bytes ? static_cast<double>(twice) / static_cast<double>(bytes) : 0.0}};
}

json gaps_in_reach(const jobs::Plan& plan) {
  json out = json::array();
  std::set<std::pair<std::string, Micros>> seen;
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    if (plan.graph->modules[m].inputs[0].kind != "flows") continue;
    const auto& index = *plan.indexes[plan.graph->modules[m].inputs[0].source];
    const auto& mine = plan.modules[m];
    for (auto b = mine.first; b < mine.last() && out.size() < most_gaps; ++b)
      if (plan.reads_inputs(m, b))
        for (const auto& router : plan.routers(m)) {
          index.slots(router, plan.reach(m, b), [&](std::uint32_t file, TimeRange covers) {
            if (file != jobs::ArchiveIndex::no_file || !seen.insert({router, covers.from}).second || out.size() == most_gaps)
              return;
            const auto span = index.span({router});
            const bool within = span && span->from < covers.to && covers.from < span->to;
            out.push_back(
                {{"router", router}, {"from", format_time(covers.from)}, {"to", format_time(covers.to)}, {"within", within}});
          });
        }
  }
  return out;
}

// Routing tables that are not there for all of `range`, in words.
json tables_missed(const dag::Graph& graph, TimeRange range) {
  std::set<std::uint32_t> used;
  for (const auto& module : graph.modules)
    if (module.routes) used.insert(*module.routes);
  json texts = json::array();
  for (const auto resource : used)
    for (auto& text : dag::missing_tables(graph.resources[resource], range)) texts.push_back(std::move(text));
  return texts;
}

json column_document(const dag::Column& c) { return {{"name", c.name}, {"type", c.type}, {"unit", c.unit}, {"doc", c.doc}}; }

}  // namespace

// ---- plan

Result<PlanReport> Service::plan(const Submission& submission) {
  if (submission.range.empty()) return invalid("the range is empty; --to must be after --from");
  auto parsed = parse(submission);
  if (!parsed) return parsed.error();
  auto part = asked_part(submission, parsed->resolved.graph);
  if (!part) return part.error();
  Guard guard(mutex_);
  jobs::PlanRequest ask{{}, round_outward(**part, submission.range), submission.partial};
  if (!submission.module.empty()) ask.modules = {*(*part)->find_module(submission.module)};
  auto plan = make_plan(*part, ask);
  if (!plan) return plan.error();
  Totals all;
  json modules = json::array(), new_jobs = json::array(), file_list = json::array();
  for (std::size_t m = 0; m < plan->modules.size(); ++m) {
    const auto& module = plan->graph->modules[m];
    const auto& mine = plan->modules[m];
    const auto t = count(mine);
    all.reused += t.reused;
    all.fresh += t.fresh;
    all.waiting += t.waiting;
    std::uint64_t state_bytes = 0;
    if (!mine.flags.empty())
      records_->scan_catalogue(
          module.fingerprint, {plan->grid(m).start(mine.first), plan->grid(m).start(mine.last())},
          [&](Micros, const store::CatalogueRow& row) { state_bytes += row.state_blob.empty() ? 0 : row.state_bytes; });
    modules.push_back({{"module", plan->graph->full_name(module)},
                       {"blocks", t.blocks},
                       {"reused", t.reused},
                       {"new", t.fresh},
                       {"waiting", t.waiting},
                       {"states_kept_bytes", state_bytes}});
    for (auto b = mine.first; b < mine.last() && new_jobs.size() < most_jobs; ++b)
      if (mine.flags_at(b) & needs_any)
        new_jobs.push_back({{"job", plan->graph->full_name(module) + "@" + format_time(plan->grid(m).start(b))},
                            {"reason", reasons(*plan, m, b).value("reason", "")}});
  }
  auto files = files_document(*plan, file_list);
  const double rate = bytes_per_second_ > 0 ? bytes_per_second_ : assumed_bytes_per_second;
  const double seconds = files["bytes"].get<double>() / rate;
  return read_document<PlanReport>(json{{"jobs", {{"reused", all.reused}, {"new", all.fresh}, {"waiting", all.waiting}}},
                                        {"modules", modules},
                                        {"files", files},
                                        {"file_list", file_list},
                                        {"gaps", gaps_in_reach(*plan)},
                                        {"estimate_seconds", seconds},
                                        {"new_jobs", new_jobs},
                                        {"missing_tables", tables_missed(*plan->graph, ask.range)},
                                        {"waits", plan->waits}});
}

// Says which of the states a window reaches are not the stored ones, as long as that can still be told.
void Service::name_states(const jobs::Plan& plan, std::size_t m, std::int64_t block, json& changed) const {
  const auto& module = plan.graph->modules[m];
  for (auto b = plan.window_from(m, block); b < block && changed.size() < most_changes; ++b) {
    const auto row = catalogue({module.fingerprint, plan.grid(m).start(b)});
    if (row && row->state_key == plan.modules[m].state_key(b)) continue;
    changed.push_back({{"part", "state of " + module.name + "@" + format_time(plan.grid(m).start(b))},
                       {"was", row ? row->state_key.hex() : std::string("not there")},
                       {"is", plan.modules[m].state_key(b).hex()}});
  }
}

// Why the job's key is not the stored one: {"reason", "changed"}.
json Service::reasons(const jobs::Plan& plan, std::size_t m, std::int64_t block) const {
  const auto& module = plan.graph->modules[m];
  const auto from = plan.grid(m).start(block);
  const auto flags = plan.modules[m].flags_at(block);
  const auto lineage = records_->of_job(Table::lineage, module.fingerprint, from);
  if (lineage.is_object()) {
    auto changed = requests::changed_inputs(lineage.value("decides", json()), requests::inputs_now(plan, m, block), most_changes);
    if (module.window > 0 && !changed.empty()) name_states(plan, m, block, changed);
    if (!changed.empty()) {
      const auto sentence = requests::sentence_of(changed);
      return {{"reason", sentence}, {"changed", std::move(changed)}};
    }
    if ((flags & Flag::has_result) && !(flags & Flag::needs_state)) {
      json before = lineage.value("because", json::array());
      if (!before.empty())
        return {{"reason", "computed again because of: " + requests::sentence_of(before)}, {"changed", before}};
    } else if (flags & Flag::needs_state && flags & Flag::has_result) {
      return {{"reason", "its state is needed again and no node holds it"}, {"changed", json::array()}};
    } else if (flags & needs_any) {
      return {{"reason", "a state its window reaches is computed again"}, {"changed", json::array()}};
    }
  }
  const auto row = module_row(plan.graph->full_name(module));
  auto history = row ? row->history : std::vector<Digest>{};
  if (row && row->fingerprint != module.fingerprint) history.insert(history.begin(), row->fingerprint);
  for (const auto& former : history) {
    if (former == module.fingerprint || !records_->catalogue(former, from)) continue;
    const auto parts = records_->json(Table::fingerprints, keys::text(former));
    auto changed = requests::changed_parts(parts.is_object() ? parts["parts"] : json(), module.parts);
    if (changed.empty()) continue;
    const auto sentence = requests::sentence_of(changed);
    return {{"reason", sentence}, {"changed", std::move(changed)}};
  }
  return {{"reason", lineage.is_object() ? "computed once, nothing has changed since" : "no result yet"},
          {"changed", json::array()}};
}

// ---- requests

Result<RequestStatus> Service::request(const std::string& id) {
  const auto number = requests::request_number(id);
  if (!number) return number.error();
  Guard guard(mutex_);
  if (const auto found = live_.find(*number); found != live_.end()) return request_document(found->second, true);
  guard.unlock();
  views_.await();
  guard.lock();
  const auto row = records_->json(Table::requests, keys::number(*number));
  if (!row.is_object()) return missing("there is no request " + id + "; mole request list shows them");
  return request_document(requests::request_from_row(*number, row), true);
}

Result<std::vector<RequestStatus>> Service::requests() {
  Guard guard(mutex_);
  std::vector<RequestStatus> out;
  records_->scan_json(Table::requests, "", [&](std::string_view key, const json& row) {
    const auto number = keys::read_u64(key);
    if (const auto found = live_.find(number); found != live_.end())
      out.push_back(request_document(found->second, false));
    else if (row.is_object())
      out.push_back(request_document(requests::request_from_row(number, row), false));
    if (out.size() > most_requests) out.erase(out.begin());
    return true;
  });
  guard.unlock();
  views_.await();  // those that have ended have their tables
  return out;
}

// ---- status

std::string Service::job_state(const leases::JobKey& job, std::uint8_t flags) const {
  if (flags & Flag::waits) return "waiting";
  if (flags & Flag::failed) return "failed";
  if (flags & Flag::blocked) return "blocked";
  if (flags & needs_any) return scheduler_->running(job) ? "running" : "ready";
  return "done";
}

// The module's timeline in pieces of equal state.
json Service::strip_of(const std::string& name, const ModuleRow& row, json& blocks) const {
  std::map<Micros, std::string> states;
  Micros length = 0;
  records_->scan_catalogue(row.fingerprint, {INT64_MIN, INT64_MAX}, [&](Micros from, const store::CatalogueRow& r) {
    if (!r.rows_blob.empty()) states[from] = r.coverage_min < 1 ? "partial" : "done";
  });
  if (const auto graph = graphs_.find(row.revision); graph != graphs_.end())
    if (const auto m = graph->second->find_module(name.substr(name.find('/') + 1)))
      length = graph->second->grid(graph->second->modules[*m]).block_length;
  for (const auto& [number, request] : live_) {
    const auto* plan = scheduler_->plan(number);
    if (!plan || request.terminal()) continue;
    for (std::size_t m = 0; m < plan->modules.size(); ++m) {
      if (plan->graph->modules[m].fingerprint != row.fingerprint) continue;
      const auto& mine = plan->modules[m];
      for (auto b = mine.first; b < mine.last(); ++b) {
        const auto from = plan->grid(m).start(b);
        if (mine.flags_at(b) & (needs_any | Flag::waits)) states[from] = job_state({row.fingerprint, from}, mine.flags_at(b));
      }
    }
  }
  json strip = json::array();
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [from, state] : states) {
    ++counts[state];
    if (!strip.empty() && strip.back()["state"] == state && strip.back()["end"] == from)
      strip.back()["end"] = from + length;
    else if (strip.size() < most_pieces)
      strip.push_back({{"begin", from}, {"end", from + length}, {"state", state}});
  }
  for (auto& piece : strip) {
    piece["from"] = format_time(piece["begin"].get<Micros>());
    piece["to"] = format_time(piece["end"].get<Micros>());
    piece.erase("begin");
    piece.erase("end");
  }
  blocks = counts;
  return strip;
}

namespace {

// Of its blocks' states the one that says most: what goes on, then what went wrong, then what is still to come.
std::string module_state(const json& blocks) {
  for (const auto* state : {"running", "failed", "blocked", "ready", "waiting", "partial", "done"})
    if (blocks.contains(state)) return state;
  return "empty";
}

}  // namespace

Result<ClusterStatus> Service::status() {
  auto all = requests();
  Guard guard(mutex_);
  json nodes = json::array(), modules = json::array();
  for (const auto& node : scheduler_->nodes()) {
    const auto silent = now() - node.heard;
    nodes.push_back({{"name", node.info.name},
                     {"address", node.info.address},
                     {"slots", node.info.slots},
                     {"threads", node.info.threads},
                     {"leases", node.leases},
                     {"heard_seconds_ago", silent / second_us},
                     {"state", silent > config_.leases.lease ? "silent"
                               : node.draining               ? "draining"
                                                             : "online"}});
  }
  std::vector<std::string> names;
  records_->scan_json(Table::modules, "", [&](std::string_view name, const json&) {
    names.emplace_back(name);
    return true;
  });
  for (const auto& name : names) {
    const auto row = module_row(name);
    if (!row || !graph_of(row->revision)) continue;
    json blocks;
    auto strip = strip_of(name, *row, blocks);
    modules.push_back({{"module", name}, {"state", module_state(blocks)}, {"blocks", blocks}, {"strip", strip}});
  }
  return read_document<ClusterStatus>(json{{"nodes", nodes},
                                           {"modules", modules},
                                           {"requests", *all},
                                           {"leases", scheduler_->lease_count()},
                                           {"epoch", store_->epoch()}});
}

// ---- explain, why, results

Result<JobExplanation> Service::explain(const std::string& job) {
  const auto at = job.rfind('@');
  const auto time = at == std::string::npos ? Result<Micros>(invalid("")) : parse_time(job.substr(at + 1));
  if (!time)
    return invalid("\"" + job.substr(0, 200) +
                   "\" is no job; write PIPELINE/MODULE@TIME, such as border/traffic@2007-09-22T18:00:00Z");
  Guard guard(mutex_);
  auto found = find_module(job.substr(0, at));
  if (!found) return found.error();
  const auto& whole = *found->first;
  const auto name = whole.modules[found->second].name;
  const auto graph = std::make_shared<const dag::Graph>(dag::prune(whole, {found->second}));
  const auto m = *graph->find_module(name);
  const auto& archive = graph->grid(graph->modules[m]);
  const auto from = floor_to(*time, archive.block_length, archive.block_origin);
  auto plan = make_plan(graph, {{m}, {from, from + archive.block_length}, true});
  if (!plan) return plan.error();
  const auto b = plan->grid(m).number(from);
  if (!plan->modules[m].covers(b))
    return missing("there is no such job: " +
                   (plan->waits.empty() ? "the block lies before the archive's first file" : plan->waits.front()));
  const auto& fingerprint = graph->modules[m].fingerprint;
  auto flags = plan->modules[m].flags_at(b);
  json waits_for = json::array();
  for (const auto& [number, request] : live_) {  // a live request knows more: what failed, what waits
    const auto* live = scheduler_->plan(number);
    const auto lm = live ? live->graph->find_module(name) : std::nullopt;
    if (!lm || live->graph->modules[*lm].fingerprint != fingerprint) continue;
    flags |= live->modules[*lm].flags_at(b) & (Flag::failed | Flag::blocked | Flag::waits);
  }
  for (std::size_t other = 0; other < plan->modules.size(); ++other)
    for (auto x = plan->modules[other].first; x < plan->modules[other].last() && waits_for.size() < most_changes; ++x)
      if ((plan->modules[other].flags_at(x) & needs_any) && !(other == m && x == b))
        waits_for.push_back(graph->full_name(graph->modules[other]) + "@" + format_time(plan->grid(other).start(x)));
  const auto row = catalogue({fingerprint, from});
  const auto lineage = records_->of_job(Table::lineage, fingerprint, from);
  json made = json::object();
  for (const auto* part : {"result", "state"})  // states are computed from flows, a result of a window from states
    if (lineage.is_object() && lineage.contains(part) && lineage[part].is_object() && lineage[part].contains("flows_from"))
      made = lineage[part];
  const auto why = reasons(*plan, m, b);
  const auto* failure = scheduler_->failure({fingerprint, from});
  if (failure && failure->given_up && (flags & needs_any)) flags |= Flag::failed;  // stays so when its request has ended
  return read_document<JobExplanation>(
      json{{"job", graph->full_name(graph->modules[m]) + "@" + format_time(from)},
           {"state", job_state({fingerprint, from}, flags)},
           {"fingerprint", fingerprint},
           {"state_key", plan->modules[m].state_key(b)},
           {"result_key", plan->modules[m].result_key(b)},
           {"stored_result_key", row ? json(row->result_key) : json("")},
           {"reason", failure && failure->given_up ? failure->code + ": " + failure->message : why.value("reason", "")},
           {"changed", why.value("changed", json::array())},
           {"flows_from", made.value("flows_from", json(nullptr))},
           {"node", made.value("node", "")},
           {"waits_for", waits_for}});
}

// What was made of one block of a module, and from what, for the part of it that `span` asks for.
json Service::lineage_of(const dag::Graph& graph, std::uint32_t m, const std::string& column, Micros block,
                         TimeRange span) const {
  const auto& module = graph.modules[m];
  const auto row = catalogue({module.fingerprint, block});
  json out = {{"module", graph.full_name(module)},
              {"column", column},
              {"interval", {{"from", format_time(span.from)}, {"to", format_time(span.to)}}},
              {"block", format_time(block)},
              {"rows_blob", row && !row->rows_blob.empty() ? json(row->rows_blob) : json("")}};
  auto lineage = records_->of_job(Table::lineage, module.fingerprint, block);
  if (lineage.is_object()) lineage.erase("decides");
  for (const auto* part : {"result", "state"})
    if (lineage.is_object() && lineage.contains(part)) lineage[part] = requests::expand(lineage[part]);
  out["lineage"] = std::move(lineage);
  return out;
}

namespace {

// How far upstream a number of a module reaches: by module, the column that is read and the hull of the times read.
struct Reach {
  std::string column;
  TimeRange span;
};

std::map<std::uint32_t, Reach> reach_of(const dag::Graph& graph, std::uint32_t m, const std::string& column, TimeRange interval) {
  std::map<std::uint32_t, Reach> reach{{m, {column, interval}}};
  for (auto at = m + 1; at-- > 0;) {  // inputs stand before their readers
    if (!reach.contains(at)) continue;
    const auto& module = graph.modules[at];
    auto read = reach[at].span;
    if (module.window > 0) read.from += module.interval - module.window;
    read.from -= module.warmup;
    for (const auto& input : module.inputs) {
      if (input.kind == "flows") continue;
      auto [entry, fresh] = reach.try_emplace(input.source, Reach{input.column, read});
      if (!fresh) entry->second.span = {std::min(entry->second.span.from, read.from), std::max(entry->second.span.to, read.to)};
    }
  }
  return reach;
}

}  // namespace

// The number's own block, and under "upstream" every block of every module it reaches, sources first, each once.
json Service::trace(const dag::Graph& graph, std::uint32_t m, const std::string& column, Micros time) const {
  const auto start = floor_to(time, graph.modules[m].interval);
  const TimeRange interval{start, start + graph.modules[m].interval};
  const auto block_of = [&](std::uint32_t module, Micros t) {
    const auto& archive = graph.grid(graph.modules[module]);
    return floor_to(t, archive.block_length, archive.block_origin);
  };
  auto out = lineage_of(graph, m, column, block_of(m, time), interval);
  out["upstream"] = json::array();
  for (const auto& [source, reach] : reach_of(graph, m, column, interval)) {
    if (source == m) continue;
    const auto length = graph.grid(graph.modules[source]).block_length;
    for (auto block = block_of(source, reach.span.from); block < reach.span.to; block += length) {
      auto one = lineage_of(graph, source, reach.column, block,
                            {std::max(block, reach.span.from), std::min(block + length, reach.span.to)});
      if (!one.value("rows_blob", "").empty() || !one["lineage"].is_null()) out["upstream"].push_back(std::move(one));
    }
  }
  return out;
}

Result<Lineage> Service::why(const std::string& module, const std::string& column, Micros time) {
  Guard guard(mutex_);
  auto found = find_module(module);
  if (!found) return found.error();
  const auto& graph = *found->first;
  const auto& resolved = graph.modules[found->second];
  std::vector<std::string> names;
  for (const auto& c : dag::result_columns(resolved)) names.push_back(c.name);
  if (std::find(names.begin(), names.end(), column) == names.end())
    return missing("the module " + module + " has no column \"" + column + "\"" + manifest::suggestion(column, names));
  auto document = trace(graph, found->second, column, time);
  if (document.value("rows_blob", "").empty())
    return missing("there is no result of " + module + " at " + format_time(time) +
                   "; mole run computes it, mole status --map shows what is there");
  document["overrides"] = module_row(module)->overrides;
  return read_document<Lineage>(document);
}

Result<ModuleResults> Service::results(const std::string& module, TimeRange range) {
  Guard guard(mutex_);
  auto found = find_module(module);
  if (!found) return found.error();
  const auto& graph = *found->first;
  const auto& resolved = graph.modules[found->second];
  const auto length = graph.grid(resolved).block_length;
  json columns = json::array(), blocks = json::array();
  for (const auto& c : dag::result_columns(resolved)) {
    columns.push_back(column_document(c));
    if (const auto over = dag::counted_over(graph, resolved, c.name)) columns.back()["counted_over"] = format_duration(*over);
  }
  if (range.empty()) range = {INT64_MIN / 2, INT64_MAX / 2};
  records_->scan_catalogue(resolved.fingerprint, {range.from - length, range.to},
                           [&](Micros from, const store::CatalogueRow& row) {
                             if (row.rows_blob.empty() || from + length <= range.from) return;
                             blocks.push_back({{"from", format_time(from)},
                                               {"to", format_time(from + length)},
                                               {"rows_blob", row.rows_blob},
                                               {"rows", row.rows},
                                               {"coverage", row.coverage},
                                               {"state", row.coverage_min < 1 ? "partial" : "done"}});
                           });
  return read_document<ModuleResults>(
      json{{"module", graph.full_name(resolved)},
           {"interval", format_duration(resolved.interval)},
           {"window", resolved.window > 0 ? json(format_duration(resolved.window)) : json(nullptr)},
           {"totals", resolved.totals},
           {"overrides", module_row(module)->overrides},
           {"columns", columns},
           {"blocks", blocks}});
}

// ---- archives, tables

Result<std::vector<ArchiveFile>> Service::archive_files(const std::string& archive) {
  Guard guard(mutex_);
  auto found = find_archive(archive);
  if (!found) return found.error();
  const auto index = index_of(*found->first, found->first->archives[found->second]);
  std::vector<ArchiveFile> files;
  for (const auto& listed : index->files()) {
    const auto& file = listed.file;
    const auto row = records_->file(archive, file.id).value_or(store::FileRow{});
    files.push_back({.id = file.id,
                     .size = file.size,
                     .router = file.router,
                     .sequence = file.sequence,
                     .from = file.covers.from,
                     .to = file.covers.to,
                     .revision = row.revision,
                     .state = from_word<FileState>(row.state).value_or(FileState::unread),
                     .digest = row.digest,
                     .medium = row.medium,
                     .position = row.position});
  }
  return files;
}

Result<ArchiveGaps> Service::archive_gaps(const std::string& archive) {
  Guard guard(mutex_);
  auto found = find_archive(archive);
  if (!found) return found.error();
  const auto index = index_of(*found->first, found->first->archives[found->second]);
  ArchiveGaps gaps;
  for (const auto& listed : index->files()) {
    const auto row = records_->file(archive, listed.file.id).value_or(store::FileRow{});
    if (row.state.empty() || row.state == "sound") continue;
    const auto evidence = records_->json(Table::damage, keys::pair(archive, listed.file.id));
    const auto lost = [&](const char* key) {
      std::vector<LostRange> ranges;
      if (evidence.is_object())
        for (const auto& row_of_range : evidence.value(key, json::array()))
          if (auto range = read_document<LostRange>(row_of_range)) ranges.push_back(std::move(*range));
      return ranges;
    };
    gaps.damaged.push_back({.id = listed.file.id,
                            .state = from_word<FileState>(row.state).value_or(FileState::damaged),
                            .lost_compressed = lost("lost_compressed"),
                            .lost_content = lost("lost_content")});
  }
  for (const auto& gap : index->gaps(most_gaps_listed))
    gaps.missing.push_back({.router = gap.router, .sequence = gap.sequence, .from = gap.covers.from, .to = gap.covers.to});
  return gaps;
}

Result<TableDump> Service::dump(const std::string& table, const std::string& from, std::uint32_t limit) {
  const auto which = store::table_of(table);
  if (!which)
    return missing("there is no table \"" + table.substr(0, 60) + "\"" + manifest::suggestion(table, store::table_names()));
  std::string start;
  for (std::size_t i = 0; i + 1 < from.size(); i += 2) {
    const auto digit = [&](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    const int high = digit(from[i]), low = digit(from[i + 1]);
    if (high < 0 || low < 0)
      return invalid("\"" + from.substr(0, 60) + "\" is no cursor; pass the \"next\" of the answer before");
    start += static_cast<char>(high << 4 | low);
  }
  limit = std::clamp<std::uint32_t>(limit, 1, 10'000);
  std::vector<json> rows;
  std::string next;
  store_->scan(*which, start, "", [&](std::string_view key, std::string_view value) {
    if (rows.size() < limit) {
      rows.push_back(store::Records::describe_row(*which, key, value));
      return true;
    }
    static constexpr char digits[] = "0123456789abcdef";
    for (const char c : key) {
      next += digits[static_cast<std::uint8_t>(c) >> 4];
      next += digits[static_cast<std::uint8_t>(c) & 15];
    }
    return false;
  });
  return TableDump{.table_name = table, .rows = std::move(rows), .next = std::move(next)};
}

}  // namespace mole::coordinator
