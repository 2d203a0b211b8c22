// Reports what a submission would do, and why a job is computed.
#include "coordinator/control/causes.hpp"
#include "coordinator/control/lacking_input.hpp"
#include "coordinator/control/places.hpp"
#include "coordinator/control/plan_cost.hpp"
#include "coordinator/control/plan_overhead.hpp"
#include "coordinator/control/queries.hpp"
#include "coordinator/control/requests.hpp"
#include "coordinator/requests/lineage.hpp"
#include "coordinator/tasks/spec_builder.hpp"
#include "sdk/model/filter.hpp"
#include "sdk/model/kept_columns.hpp"

#include <unordered_map>

namespace mole::coordinator::control {

using jobs::Flag;

namespace {

constexpr std::size_t max_jobs = 1000, max_gaps = 1000, max_changes = 20;

constexpr auto needs_any = static_cast<std::uint8_t>(Flag::needs_state | Flag::needs_result);

PlanModule count(const jobs::ModulePlan& planned) {
  PlanModule out;
  for (const auto flags : planned.flags) {
    if (flags & Flag::requested) ++out.blocks;
    if (flags & Flag::waits)
      ++out.waiting;
    else if (flags & needs_any)
      ++out.fresh;
    else if (flags & Flag::requested)
      ++out.reused;
  }
  return out;
}

// The names of the columns that nodes keep of the files of an archive.
class KeptColumns {
 public:
  // `files`: of how many the columns are asked for. Few of them are read one by one, many by one scan.
  KeptColumns(const store::Records& records, std::string index, std::size_t files) : records_(records), index_(std::move(index)) {
    if (files <= max_single) return;
    scanned_ = true;
    records_.scan_files(index_, [&](const std::string& id, const store::FileRow& row) {
      if (!row.columns.empty()) columns_[id] = row.columns;
    });
  }
  Digest of(const std::string& id) const {
    if (!scanned_) return records_.file(index_, id).value_or(store::FileRow{}).columns;
    const auto found = columns_.find(id);
    return found == columns_.end() ? Digest{} : found->second;
  }

 private:
  static constexpr std::size_t max_single = 10'000;

  const store::Records& records_;
  std::string index_;
  bool scanned_ = false;
  std::unordered_map<std::string, Digest> columns_;
};

// Returns the columns beyond those of NetFlow v5 that the tasks of a plan read of an archive. Those that a metric itself reads
// are not known here, except information elements.
std::vector<int> columns_read(const jobs::Plan& plan, std::uint32_t archive) {
  std::set<int> out;
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    const auto& module = plan.graph->modules[m];
    if (module.inputs[0].kind != InputKind::flows || module.inputs[0].source != archive) continue;
    bool reads = false;
    for (auto b = plan.modules[m].first; b < plan.modules[m].last() && !reads; ++b) reads = plan.reads_inputs(m, b);
    if (!reads) continue;
    for (const auto* names : {&module.by, &module.elements})
      for (const auto& name : *names) out.insert(flow_column_named(name));
    std::vector<std::string> filters{module.filter};
    const auto& home = plan.graph->archives[archive].home;
    if (dag::by_direction(module.by)) filters.insert(filters.end(), {home.source, home.destination});
    for (const auto& text : filters)
      if (const auto filter = parse_filter(text)) out.insert(filter->columns().begin(), filter->columns().end());
  }
  std::erase_if(out, [](int column) { return column < 0; });  // dimensions that are no columns
  return {out.begin(), out.end()};
}

// Returns the files to fetch from media: no node keeps their columns.
std::set<FileRef> add_files(const store::Records& records, const jobs::Plan& plan, PlanReport& out) {
  std::set<FileRef> on_media;
  std::map<std::uint32_t, KeptColumns> kept;       // by archive
  std::map<std::uint32_t, std::vector<int>> read;  // by archive
  const auto all = jobs::needed_files(plan);
  for (const auto& needed : all) {
    const auto& file = plan.indexes[needed.archive]->files()[needed.file].file;
    const auto& archive = plan.graph->archives[needed.archive];
    const auto [columns, added] = kept.try_emplace(needed.archive, records, plan.graph->index_name(archive), all.size());
    if (added) read[needed.archive] = columns_read(plan, needed.archive);
    ++out.files.count;
    out.files.bytes += file.size;
    if (columns->second.of(file.id) == kept_columns_name(file, tasks::archive_of(archive), read[needed.archive])) {
      ++out.files.from_columns;
    } else {
      ++out.files.decoded;
      out.files.decoded_bytes += file.size;
      if (!file.medium.empty()) on_media.insert({needed.archive, needed.file});
    }
    out.file_list.push_back(file.id);
  }
  out.files.not_read = jobs::files_in_reach(plan) - out.files.count;
  return on_media;
}

std::vector<PlanGap> gaps_in_reach(const jobs::Plan& plan) {
  std::vector<PlanGap> out;
  std::set<std::pair<std::string, Micros>> seen;
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    if (plan.graph->modules[m].inputs[0].kind != InputKind::flows) continue;
    const auto& index = *plan.indexes[plan.graph->modules[m].inputs[0].source];
    const auto& planned = plan.modules[m];
    const auto routers = plan.routers(m);
    for (auto b = planned.first; b < planned.last() && out.size() < max_gaps; ++b)
      if (plan.reads_inputs(m, b))
        for (const auto& router : routers) {
          index.slots(router, plan.reach(m, b), [&](std::uint32_t file, TimeRange covers) {
            if (file != jobs::ArchiveIndex::no_file || !seen.insert({router, covers.from}).second || out.size() == max_gaps)
              return;
            const auto span = index.span({router});
            const bool within = span && span->from < covers.to && covers.from < span->to;
            out.push_back({router, covers.from, covers.to, within});
          });
        }
  }
  return out;
}

// Describes the parts of `range` without a routing table, and tables with unusable lines.
std::vector<std::string> table_warnings(const dag::Graph& graph, TimeRange range) {
  std::vector<std::string> out;
  for (std::uint32_t r = 0; r < graph.resources.size(); ++r)
    if (std::ranges::find(graph.modules, r, &dag::Module::routes) != graph.modules.end())
      for (auto& warning : dag::table_warnings(graph.resources[r], range)) out.push_back(std::move(warning));
  return out;
}

// ---- reasons

// Current and former fingerprints of a graph's modules by full name, latest first.
using Fingerprints = std::map<std::string, std::vector<Digest>>;

struct Reason {
  std::string sentence;
  std::vector<KeyChange> changed;
};

// Explains why a job's key differs from the stored one.
struct Reasons {
  const store::Records& records;
  const jobs::Plan& plan;
  const Fingerprints& known;

  Reason of(std::uint32_t m, std::int64_t block) const {
    const auto lineage = records.job_row(Table::lineage, plan.graph->modules[m].fingerprint, plan.grid(m).start(block));
    if (lineage.is_object())
      if (auto reason = from_lineage(m, block, lineage)) return *reason;
    if (auto reason = from_history(m, block)) return *reason;
    return {lineage.is_object() ? "computed once; nothing has changed since then" : "no result yet", {}};
  }

  std::optional<Reason> from_lineage(std::uint32_t m, std::int64_t block, const json& lineage) const {
    const auto flags = plan.modules[m].flags_at(block);
    auto changed = requests::changed_inputs(lineage.value("decides", json()), requests::inputs_now(plan, m, block), max_changes);
    if (plan.graph->modules[m].window > 0 && !changed.empty()) add_states(m, block, changed);
    if (!changed.empty()) return Reason{requests::sentence_of(changed), changed};
    if ((flags & Flag::has_result) && !(flags & Flag::needs_state)) {
      std::vector<KeyChange> before;
      for (const auto& change : lineage.value("because", json::array()))
        if (auto read = read_document<KeyChange>(change)) before.push_back(std::move(*read));
      if (before.empty()) return std::nullopt;
      return Reason{"computed again because of: " + requests::sentence_of(before), before};
    }
    if (flags & Flag::needs_state && flags & Flag::has_result)
      return Reason{"its state is needed again and no node holds it", {}};
    if (flags & needs_any) return Reason{"a state in its window is computed again", {}};
    return std::nullopt;
  }

  // Adds the states in the window's reach that differ from the stored ones.
  void add_states(std::uint32_t m, std::int64_t block, std::vector<KeyChange>& changed) const {
    const auto& module = plan.graph->modules[m];
    for (auto b = plan.window_from(m, block); b < block && changed.size() < max_changes; ++b) {
      const auto from = plan.grid(m).start(b);
      const auto row = records.catalogue(module.fingerprint, from);
      const auto& key = plan.modules[m].state_key(b);
      if (row && row->state_key == key) continue;
      changed.push_back({"state of " + module.name + "@" + format_time(from), row ? row->state_key.hex() : "absent", key.hex()});
    }
  }

  std::optional<Reason> from_history(std::uint32_t m, std::int64_t block) const {
    const auto& module = plan.graph->modules[m];
    const auto history = known.find(plan.graph->full_name(module));
    if (history == known.end()) return std::nullopt;
    for (const auto& former : history->second) {
      if (former == module.fingerprint || !records.catalogue(former, plan.grid(m).start(block))) continue;
      const auto parts = records.json(Table::fingerprints, keys::bytes_of(former));
      auto changed = requests::changed_parts(parts.is_object() ? parts["parts"] : json(), module.parts);
      if (!changed.empty()) return Reason{requests::sentence_of(changed), changed};
    }
    return std::nullopt;
  }
};

// A consistent copy of everything a plan is made from.
struct Copy {
  store::Store::Snapshot stored;
  PlanInputs inputs;
  Fingerprints known;
};

Copy copy_for_plan(const State& state, const store::Records& records, const dag::Graph& graph) MOLE_REQUIRES(service_mutex) {
  Copy out{records.store().snapshot(), state.plan_inputs(graph), {}};
  for (const auto& module : graph.modules)
    if (const auto* row = state.module_row(graph.full_name(module))) {
      auto& history = out.known[graph.full_name(module)] = row->history;
      history.insert(history.begin(), row->fingerprint);
    }
  return out;
}

// Returns the jobs of a plan that must be computed before this one.
std::vector<std::string> jobs_before(const jobs::Plan& plan, std::uint32_t m, std::int64_t block) {
  std::vector<std::string> out;
  for (std::uint32_t other = 0; other < plan.modules.size(); ++other)
    for (auto b = plan.modules[other].first; b < plan.modules[other].last() && out.size() < max_changes; ++b)
      if ((plan.modules[other].flags_at(b) & needs_any) && !(other == m && b == block))
        out.push_back(plan.graph->job_name(plan.graph->modules[other], plan.grid(other).start(b)));
  return out;
}

// Returns the record of the task that read the job's files. With a window, the state is computed from flows, but not the result.
json record_with_flows(const json& lineage) {
  json out = json::object();
  for (const auto* part : {"result", "state"})
    if (lineage.is_object() && lineage.contains(part) && lineage[part].is_object() && lineage[part].contains("flows_from"))
      out = lineage[part];
  return out;
}

}  // namespace

Result<PlanReport> Queries::plan(const Submissions::PlanQuery& query) const {
  Copy now;
  StagingState staging;
  std::map<std::string, ModuleRow> modules;
  std::uint64_t read = 0;
  {
    State::Lock lock(state_);
    now = copy_for_plan(state_, records_, *query.graph);
    read = state_.indexes_read;
    staging = staging_state(state_);
    modules = state_.modules;
  }
  const store::Records records(records_.store(), now.stored);
  if (auto good = check_places(records, modules, without_overridden(*query.graph, query.overridden)); !good) return good.error();
  MOLE_TRY(auto plan, make_plan(records, query.graph, std::move(now.inputs), query.request));
  {
    State::Lock lock(state_);
    for (std::size_t a = 0; a < plan.indexes.size(); ++a)
      state_.keep_index(*query.graph, query.graph->archives[a], plan.indexes[a], read);
  }
  const Reasons reasons{records, plan, now.known};
  PlanReport out;
  for (std::uint32_t m = 0; m < plan.modules.size(); ++m) {
    const auto& module = plan.graph->modules[m];
    const auto& planned = plan.modules[m];
    auto counts = count(planned);
    counts.module = plan.graph->full_name(module);
    out.jobs.reused += counts.reused;
    out.jobs.fresh += counts.fresh;
    out.jobs.waiting += counts.waiting;
    if (!planned.flags.empty())
      records.scan_catalogue(module.fingerprint, {plan.grid(m).start(planned.first), plan.grid(m).start(planned.last())},
                             [&](Micros, const store::CatalogueRow& row) {
                               counts.states_kept_bytes += row.state_blob.empty() ? 0 : row.state_bytes;
                             });
    out.modules.push_back(std::move(counts));
    for (auto b = planned.first; b < planned.last() && out.new_jobs.size() < max_jobs; ++b)
      if (planned.flags_at(b) & needs_any)
        out.new_jobs.push_back({plan.graph->job_name(module, plan.grid(m).start(b)), reasons.of(m, b).sentence});
  }
  const auto on_media = add_files(records, plan, out);
  out.gaps = gaps_in_reach(plan);
  const double rate = staging.times.decode_rate().bytes_per_second;
  out.estimate_seconds = static_cast<double>(out.files.decoded_bytes) / rate;
  out.staging = plan_staging(plan, staging, query.what_if, on_media);
  out.overhead = overhead_of(plan, rate);
  out.table_warnings = table_warnings(*plan.graph, query.request.range);
  out.waits = plan.waits;
  out.notes = plan.notes;
  for (const auto& archive : plan.graph->archives)
    if (!archive.has_export_delay)
      out.notes.push_back("the coverage of \"" + archive.name +
                          "\" assumes the default export delays; measure them with mole archive profile");
  for (std::size_t a = 0; a < plan.indexes.size(); ++a) {
    const auto& archive = plan.graph->archives[a];
    out.listings.push_back(
        {plan.graph->full_name(archive), listed_at(records, plan.graph->index_name(archive)), plan.indexes[a]->files().size()});
  }
  return out;
}

Result<JobExplanation> Queries::explain(const std::string& job, const std::string& what_if) const {
  const auto at = job.rfind('@');
  const auto time = at == std::string::npos ? Result<Micros>(invalid("")) : parse_time(job.substr(at + 1));
  if (!time)
    return invalid("\"" + job.substr(0, 200) +
                   "\" is not a job; write PIPELINE/MODULE@TIME, such as border/traffic@2007-09-22T18:00:00Z");
  MOLE_TRY(auto found, what_if.empty() ? find_module(job.substr(0, at)) : find_what_if(job.substr(0, at), what_if));
  const auto graph = std::make_shared<const dag::Graph>(dag::prune(*found.graph, {found.index}));
  const auto m = *graph->find_module(found.graph->modules[found.index].name);
  const auto& module = graph->modules[m];
  const auto& archive = graph->grid(module);
  const auto from = archive.block_at(*time);
  Copy now;
  LiveJob live;
  {
    State::Lock lock(state_);
    now = copy_for_plan(state_, records_, *graph);
    live = live_job(state_, module, from);
  }
  const store::Records records(records_.store(), now.stored);
  const auto stored = stored_request(found.request);
  const auto request = stored ? *stored : Request{};
  const TimeRange block{from, from + archive.block_length};
  JobExplanation out;
  out.job = graph->job_name(module, from);
  out.fingerprint = module.fingerprint;
  out.requests = live.requests;
  out.note = found.note;
  auto plan = make_plan(records, graph, std::move(now.inputs), {{m}, block, true});
  const auto b = plan ? plan->grid(m).number(from) : 0;
  if (!plan || !plan->modules[m].covers(b)) {  // past the end of the archive, or there is no listing yet
    const bool refused = request.state == RequestState::failed && !request.code.empty() && request.range().contains(from);
    if (!live.waits.empty() || !live.listing.empty() || refused) {
      out.state = !live.waits.empty() ? JobState::waiting : !live.listing.empty() ? JobState::ready : JobState::failed;
      add_cause(live, request, module.name, block, out);
      return out;
    }
    if (!plan) return plan.error();
    return missing("there is no such job: " + (plan->waits.empty()
                                                   ? "the block is before the archive's first file; choose a later time"
                                                   : plan->waits.front()));
  }
  const auto failures = failures_of(records, *graph);
  mark_failures(*plan, failures);
  const auto& planned = plan->modules[m];
  const bool stored_already = (planned.flags_at(b) & Flag::has_result) && !(planned.flags_at(b) & needs_any);
  const auto flags = static_cast<std::uint8_t>(planned.flags_at(b) | (live.waits.empty() || stored_already ? 0 : Flag::waits));
  out.state = job_state(flags, !live.node.empty());
  if (out.state == JobState::ready && live.requests.empty()) out.state = JobState::unrequested;
  out.state_key = planned.state_key(b);
  out.result_key = planned.result_key(b);
  const auto row = records.catalogue(module.fingerprint, from);
  if (row) out.stored_result_key = row->result_key;
  auto reason = Reasons{records, *plan, now.known}.of(m, b);
  out.reason = std::move(reason.sentence);
  out.changed = std::move(reason.changed);
  const auto record = record_with_flows(records.job_row(Table::lineage, module.fingerprint, from));
  if (record.contains("flows_from"))
    if (auto flows = read_document<FlowSources>(record["flows_from"])) out.flows_from = *flows;
  out.node = live.node.empty() ? record.value("node", "") : live.node;
  out.waits_for = jobs_before(*plan, m, b);
  if (const auto own = failures.find({module.fingerprint, from}); out.state == JobState::blocked)
    out.failures = failures_in(*plan, failures);
  else if (own != failures.end() && (flags & needs_any))
    out.failures = {failure_document(*graph, module, from, own->second)};
  if (out.state == JobState::done && row && row->coverage_min < 1) {
    out.state = JobState::partial;
    const TimeRange asked{std::max(block.from, request.asked_from), std::min(block.to, request.asked_to)};
    if (!asked.empty()) out.lacking = lacking_input(records, *plan, m, asked);
    if (!out.lacking && (out.lacking = lacking_input(records, *plan, m, block)) && !asked.empty())
      out.lacking->reasons.push_back("only rows outside of the range that request " + request.id + " asked for are partial");
  }
  add_cause(live, request, module.name, block, out);
  return out;
}

}  // namespace mole::coordinator::control
