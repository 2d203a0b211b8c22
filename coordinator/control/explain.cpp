// Reports what a submission would do, and why a job is computed.
#include "coordinator/control/queries.hpp"
#include "coordinator/requests/lineage.hpp"

namespace mole::coordinator::control {

using jobs::Flag;

namespace {

constexpr std::size_t max_jobs = 1000, max_gaps = 1000, max_changes = 20;
constexpr double assumed_bytes_per_second = 20e6;  // used until a task has reported its speed

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

void add_files(const jobs::Plan& plan, PlanReport& out) {
  std::uint64_t shared = 0;
  for (const auto& needed : jobs::needed_files(plan)) {
    const auto& file = plan.indexes[needed.archive]->files()[needed.file].file;
    ++out.files.count;
    out.files.bytes += file.size;
    if (needed.blocks > 1) shared += file.size;
    out.file_list.push_back(file.id);
  }
  if (out.files.bytes) out.files.border_share = static_cast<double>(shared) / static_cast<double>(out.files.bytes);
}

std::vector<PlanGap> gaps_in_reach(const jobs::Plan& plan) {
  std::vector<PlanGap> out;
  std::set<std::pair<std::string, Micros>> seen;
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    if (plan.graph->modules[m].inputs[0].kind != InputKind::flows) continue;
    const auto& index = *plan.indexes[plan.graph->modules[m].inputs[0].source];
    const auto& planned = plan.modules[m];
    for (auto b = planned.first; b < planned.last() && out.size() < max_gaps; ++b)
      if (plan.reads_inputs(m, b))
        for (const auto& router : plan.routers(m)) {
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

// Describes the parts of `range` without a routing table.
std::vector<std::string> missing_tables(const dag::Graph& graph, TimeRange range) {
  std::vector<std::string> out;
  for (std::uint32_t r = 0; r < graph.resources.size(); ++r)
    if (std::ranges::find(graph.modules, r, &dag::Module::routes) != graph.modules.end())
      for (auto& warning : dag::missing_tables(graph.resources[r], range)) out.push_back(std::move(warning));
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

// Returns the flags of a block that only the plans of running requests contain: failed, blocked, waits.
std::uint8_t live_flags(const State& state, const dag::Module& module, Micros from) MOLE_REQUIRES(service_mutex) {
  std::uint8_t out = 0;
  for (const auto& [number, request] : state.live) {
    const auto* live = state.scheduler.plan(number);
    const auto m = live ? live->graph->find_module(module.name) : std::nullopt;
    if (!m || live->graph->modules[*m].fingerprint != module.fingerprint) continue;
    out |= live->modules[*m].flags_at(live->grid(*m).number(from)) & (Flag::failed | Flag::blocked | Flag::waits);
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
  double rate = 0;
  {
    State::Lock lock(state_);
    now = copy_for_plan(state_, records_, *query.graph);
    rate = state_.bytes_per_second;
  }
  const store::Records records(records_.store(), now.stored);
  MOLE_TRY(auto plan, make_plan(records, query.graph, std::move(now.inputs), query.request));
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
  add_files(plan, out);
  out.gaps = gaps_in_reach(plan);
  out.estimate_seconds = static_cast<double>(out.files.bytes) / (rate > 0 ? rate : assumed_bytes_per_second);
  out.missing_tables = missing_tables(*plan.graph, query.request.range);
  out.waits = plan.waits;
  return out;
}

Result<JobExplanation> Queries::explain(const std::string& job) const {
  const auto at = job.rfind('@');
  const auto time = at == std::string::npos ? Result<Micros>(invalid("")) : parse_time(job.substr(at + 1));
  if (!time)
    return invalid("\"" + job.substr(0, 200) +
                   "\" is not a job; write PIPELINE/MODULE@TIME, such as border/traffic@2007-09-22T18:00:00Z");
  MOLE_TRY(auto found, find_module(job.substr(0, at)));
  const auto graph = std::make_shared<const dag::Graph>(dag::prune(*found.graph, {found.index}));
  const auto m = *graph->find_module(found.graph->modules[found.index].name);
  const auto& module = graph->modules[m];
  const auto& archive = graph->grid(module);
  const auto from = archive.block_at(*time);
  Copy now;
  std::uint8_t live = 0;
  bool running = false;
  std::optional<leases::FailureRecord> failure;
  {
    State::Lock lock(state_);
    now = copy_for_plan(state_, records_, *graph);
    live = live_flags(state_, module, from);
    running = state_.scheduler.running({module.fingerprint, from});
    if (const auto* known = state_.scheduler.failure({module.fingerprint, from}); known && known->given_up) failure = *known;
  }
  const store::Records records(records_.store(), now.stored);
  MOLE_TRY(auto plan, make_plan(records, graph, std::move(now.inputs), {{m}, {from, from + archive.block_length}, true}));
  const auto b = plan.grid(m).number(from);
  const auto& planned = plan.modules[m];
  if (!planned.covers(b))
    return missing("there is no such job: " + (plan.waits.empty()
                                                   ? "the block is before the archive's first file; choose a later time"
                                                   : plan.waits.front()));
  auto flags = static_cast<std::uint8_t>(planned.flags_at(b) | live);
  if (failure && (flags & needs_any)) flags |= Flag::failed;  // even if its request has ended
  const auto row = records.catalogue(module.fingerprint, from);
  const auto record = record_with_flows(records.job_row(Table::lineage, module.fingerprint, from));
  auto reason = Reasons{records, plan, now.known}.of(m, b);
  JobExplanation out;
  out.job = graph->job_name(module, from);
  out.state = job_state(flags, running);
  out.fingerprint = module.fingerprint;
  out.state_key = planned.state_key(b);
  out.result_key = planned.result_key(b);
  if (row) out.stored_result_key = row->result_key;
  out.reason = failure ? name_of(failure->code) + (": " + failure->message) : std::move(reason.sentence);
  out.changed = std::move(reason.changed);
  if (record.contains("flows_from"))
    if (auto flows = read_document<FlowSources>(record["flows_from"])) out.flows_from = *flows;
  out.node = record.value("node", "");
  out.waits_for = jobs_before(plan, m, b);
  return out;
}

}  // namespace mole::coordinator::control
