// Reports the status of requests, modules and nodes, from copies of the state that are used without the service's lock.
#include "coordinator/control/queries.hpp"
#include "coordinator/control/requests.hpp"

#include <chrono>
#include <tuple>

namespace mole::coordinator::control {

using jobs::Flag;

namespace {

constexpr std::size_t max_pieces = 2000, max_requests = 200;
constexpr std::size_t max_looked_at = 1000;      // ended requests, for their failures
constexpr std::size_t max_what_ifs = 3;          // of a module
constexpr std::size_t max_failed_requests = 50;  // whose failed and blocked jobs are shown
constexpr std::int64_t max_refused_blocks = 100'000;

// A module of a running request's plan: the flags of its blocks at one moment.
struct PlannedModule {
  Digest fingerprint;
  jobs::Grid grid;
  std::int64_t first = 0;
  std::vector<std::uint8_t> flags;
};

std::vector<PlannedModule> modules_of(const jobs::Plan& plan) {
  std::vector<PlannedModule> out;
  for (std::size_t m = 0; m < plan.modules.size(); ++m)
    out.push_back({plan.graph->modules[m].fingerprint, plan.grid(m), plan.modules[m].first, plan.modules[m].flags});
  return out;
}

struct LiveRequest {
  Request request;
  std::vector<PlannedModule> modules;  // empty: not planned yet
};

struct Snapshot {
  store::Store::Snapshot stored;  // the store at the same moment
  std::map<std::uint64_t, LiveRequest> live;
  std::set<leases::JobKey> running;

  // Returns the job counts of a request in `live`.
  JobCounts counts(const LiveRequest& request) const {
    if (request.request.terminal()) return request.request.jobs;
    JobCounts out;
    for (const auto& module : request.modules)
      for (const auto flags : module.flags) leases::count_job(flags, out);
    for (const auto& job : running)
      for (const auto& module : request.modules) {
        const auto i = module.grid.number(job.from) - module.first;
        if (module.fingerprint == job.fingerprint && i >= 0 && i < static_cast<std::int64_t>(module.flags.size()))
          out.running += leases::is_live(module.flags[static_cast<std::size_t>(i)]);
      }
    return out;
  }
};

LiveRequest copy_live(const State& state, const Request& request) MOLE_REQUIRES(service_mutex) {
  const auto* plan = state.scheduler.plan(request.number);
  if (!plan || request.terminal()) return {request, {}};
  return {request, modules_of(*plan)};
}

Snapshot snapshot_of(const State& state, const store::Records& records) MOLE_REQUIRES(service_mutex) {
  Snapshot out;
  for (const auto& [number, request] : state.live) out.live.emplace(number, copy_live(state, request));
  out.running = state.scheduler.running_jobs();
  out.stored = records.store().snapshot();
  return out;
}

// Merges adjacent blocks of equal state and counts blocks by state.
void fill_timeline(const std::map<Micros, JobState>& states, Micros length, ModuleStrip& out) {
  for (const auto& [from, state] : states) {
    ++out.blocks[state];
    auto& timeline = out.strip;
    if (!timeline.empty() && timeline.back().state == state && timeline.back().to == from)
      timeline.back().to = from + length;
    else if (timeline.size() < max_pieces)
      timeline.push_back({from, from + length, state});
  }
}

// Returns the first of these states that any block has.
JobState module_state(const std::map<JobState, std::uint64_t>& blocks) {
  for (const auto state : {JobState::running, JobState::failed, JobState::blocked, JobState::ready, JobState::waiting,
                           JobState::partial, JobState::done})
    if (blocks.contains(state)) return state;
  return JobState::empty;
}

// Sets the states of the blocks of a planned module whose flags include one of `wanted`.
void add_states(const PlannedModule& module, std::uint8_t wanted, const std::set<leases::JobKey>& running,
                std::map<Micros, JobState>& states) {
  for (std::size_t i = 0; i < module.flags.size(); ++i) {
    if (!(module.flags[i] & wanted)) continue;
    const auto from = module.grid.start(module.first + static_cast<std::int64_t>(i));
    const auto state = job_state(module.flags[i], running.contains({module.fingerprint, from}));
    if (state == JobState::waiting)
      states.try_emplace(from, state);  // an existing result, such as that of a request with `partial`, stays
    else
      states[from] = state;
  }
}

// `ended`: modules of requests that ended with failures, latest request first. `refused`: blocks of the latest request, which
// failed before any job ran.
ModuleStrip timeline_of(const store::Records& records, const std::string& name, const Digest& fingerprint,
                        const dag::Graph& graph, const Snapshot& now, const std::vector<PlannedModule>& ended,
                        TimeRange refused) {
  ModuleStrip out;
  out.module = name;
  std::map<Micros, JobState> states;
  records.scan_catalogue(fingerprint, {INT64_MIN, INT64_MAX}, [&](Micros from, const store::CatalogueRow& r) {
    if (!r.rows_blob.empty()) states[from] = r.coverage_min < 1 ? JobState::partial : JobState::done;
  });
  const auto named = graph.find_module(local_name(name));
  const auto length = named ? graph.grid(graph.modules[*named]).block_length : 0;
  if (length > 0 && (refused.to - refused.from) / length <= max_refused_blocks)
    for (auto from = refused.from; from < refused.to; from += length) states.try_emplace(from, JobState::failed);
  for (const auto& module : ended)
    if (module.fingerprint == fingerprint) add_states(module, Flag::failed | Flag::blocked, now.running, states);
  for (const auto& [number, live] : now.live)
    for (const auto& module : live.modules)
      if (module.fingerprint == fingerprint)
        add_states(module, Flag::needs_state | Flag::needs_result | Flag::waits, now.running, states);
  fill_timeline(states, length, out);
  out.state = module_state(out.blocks);
  return out;
}

NodeStatus describe(const leases::NodeView& node, Micros now, Micros lease) {
  NodeStatus out;
  out.name = node.info.name;
  out.address = node.info.address;
  out.slots = node.info.slots;
  out.threads = node.info.threads;
  out.leases = node.leases;
  out.sandbox = node.info.sandbox;
  const auto silent = now - node.heard;
  out.heard_seconds_ago = silent / second_us;
  out.state = silent > lease     ? NodeState::silent
              : node.draining    ? NodeState::draining
              : node.quarantined ? NodeState::quarantined
              : node.full        ? NodeState::full
                                 : NodeState::online;
  out.reason = node.reason;
  return out;
}

// Why no node takes tasks; empty: one does, or there is none.
std::string why_no_node(const std::vector<leases::NodeView>& nodes, Micros now, Micros lease) {
  std::string out;
  for (const auto& node : nodes) {
    if (node.reason.empty() && !node.draining && now - node.heard <= lease) return "";
    if (!node.reason.empty()) out += "; node " + node.info.name + ": " + node.reason;
  }
  return out.empty() ? "" : "no node takes tasks" + out;
}

constexpr std::size_t max_media = 20;      // in a RequestStatus
constexpr std::size_t max_estimates = 20;  // of running requests, in a ClusterStatus

// Describes the leased tasks, of one request or of all.
std::vector<TaskStatus> describe(const std::vector<leases::LeaseView>& leases, std::optional<std::uint64_t> request) {
  std::vector<TaskStatus> out;
  for (const auto& lease : leases)
    if (const auto& p = lease.progress; !request || std::ranges::find(lease.requests, *request) != lease.requests.end())
      out.push_back({p.task, lease.node, p.phase, p.bytes_done, p.bytes_total, p.flows, lease.medium});
  return out;
}

// Returns the latest requests and all that have not ended, oldest first. Reads no other rows.
std::vector<RequestStatus> all_requests(const store::Records& records, const Snapshot& now) {
  std::map<std::uint64_t, RequestStatus> latest;  // by number
  for (const auto& [number, live] : now.live) latest.emplace(number, requests::describe(live.request, now.counts(live), false));
  std::size_t visited = 0;
  records.scan_json_back(Table::requests, [&](std::string_view key, const json& row) {
    const auto number = keys::read_u64(key);
    if (row.is_object() && !latest.contains(number)) {
      const auto ended = requests::request_from_row(number, row);
      latest.emplace(number, requests::describe(ended, ended.jobs, false));
    }
    return ++visited < max_requests;
  });
  std::vector<RequestStatus> out;
  for (auto& [number, request] : latest) out.push_back(std::move(request));
  return out;
}

}  // namespace

JobState job_state(std::uint8_t flags, bool running) {
  if (flags & Flag::waits) return JobState::waiting;
  if (flags & Flag::failed) return JobState::failed;
  if (flags & Flag::blocked) return JobState::blocked;
  if (flags & (Flag::needs_state | Flag::needs_result)) return running ? JobState::running : JobState::ready;
  return JobState::done;
}

Result<RequestStatus> Queries::request(const std::string& id) const {
  MOLE_TRY(const auto number, requests::request_number(id));
  std::optional<LiveRequest> live;
  Snapshot now;
  std::vector<leases::LeaseView> leases;
  std::vector<MediumWait> media;
  std::vector<leases::NodeView> nodes;
  bool reads_media = false;
  {
    State::Lock lock(state_);
    if (const auto found = state_.live.find(number); found != state_.live.end()) {
      live = copy_live(state_, found->second);
      now.running = state_.scheduler.running_jobs();
      leases = state_.scheduler.leases();
      nodes = state_.scheduler.nodes(state_.now());
      reads_media = state_.scheduler.wanted(number, 1).count > 0;
      media = state_.scheduler.media(number, state_.now());
    }
  }
  if (live) {
    auto out = requests::describe(live->request, now.counts(*live), true);
    out.tasks = describe(leases, number);
    if (out.tasks.empty() && out.reason.empty()) out.reason = why_no_node(nodes, state_.now(), config_.leases.lease);
    if (reads_media) out.left = times_left_.of(number, state_);
    out.media.assign(media.begin(), media.begin() + static_cast<std::ptrdiff_t>(std::min(media.size(), max_media)));
    return out;
  }
  views_.wait();  // a caller that sees that a request has ended must find its tables
  return ended_request(records_, number);
}

std::vector<RequestStatus> Queries::requests() const {
  Snapshot now;
  {
    State::Lock lock(state_);
    now = snapshot_of(state_, records_);
  }
  auto out = all_requests(store::Records(records_.store(), now.stored), now);
  views_.wait();  // a caller that sees that a request has ended must find its tables
  return out;
}

Failures failures_of(const store::Records& records, const dag::Graph& graph) {
  Failures out;
  for (const auto& module : graph.modules)
    records.scan_jobs(Table::failures, module.fingerprint, [&](const Digest& fingerprint, Micros from, const json& row) {
      if (row.is_object()) out[{fingerprint, from}] = row.get<leases::FailureRecord>();
    });
  return out;
}

void mark_failures(jobs::Plan& plan, const Failures& failures) {
  leases::mark_failures(plan, [&](const Digest& fingerprint, const auto& visit) {
    for (auto at = failures.lower_bound({fingerprint, INT64_MIN}); at != failures.end() && at->first.fingerprint == fingerprint;
         ++at)
      if (at->second.given_up) visit(at->first.from);
  });
}

// Which jobs of an ended request failed follows from the failures that are still stored; a new request erases those that it tries
// again.
// Visits one plan after the other: a plan can have millions of blocks.
void Queries::visit_plans_with_failures(const store::Records& records,
                                        const std::function<void(const jobs::Plan&)>& visit) const {
  std::set<Digest> abandoned;
  records.scan_jobs(Table::failures, {}, [&](const Digest& fingerprint, Micros, const json& row) {
    if (row.is_object() && row.value("given_up", false)) abandoned.insert(fingerprint);
  });
  if (abandoned.empty()) return;
  std::map<std::tuple<Digest, std::string, Micros, Micros, bool>, Request> latest;  // one per plan
  std::size_t looked_at = 0;
  records.scan_json_back(Table::requests, [&](std::string_view key, const json& row) {
    if (++looked_at > max_looked_at) return false;
    if (!row.is_object()) return true;
    auto request = requests::request_from_row(keys::read_u64(key), row);
    if (request.kind == RequestKind::run && (request.state == RequestState::failed || request.state == RequestState::cancelled))
      latest.try_emplace({request.revision, request.module, request.asked_from, request.asked_to, request.partial}, request);
    return true;
  });
  std::vector<Request> ordered;
  for (auto& [same, request] : latest) ordered.push_back(std::move(request));
  std::ranges::sort(ordered, std::greater(), &Request::number);
  std::size_t visited = 0;
  for (const auto& request : ordered) {
    if (visited == max_failed_requests) break;
    auto graph = graph_of(request.revision);
    if (!graph) continue;
    jobs::PlanRequest wanted{{}, request.asked(), request.partial};
    if (const auto m = (*graph)->find_module(request.module)) {
      *graph = std::make_shared<const dag::Graph>(dag::prune(**graph, {*m}));
      wanted.modules = {*(*graph)->find_module(request.module)};
    }
    if (std::ranges::none_of((*graph)->modules, [&](const auto& m) { return abandoned.contains(m.fingerprint); })) continue;
    PlanInputs inputs;
    {
      State::Lock lock(state_);
      inputs = state_.plan_inputs(**graph);
    }
    auto plan = make_plan(records, *graph, std::move(inputs), wanted);
    if (!plan) continue;  // for example, its archive has been removed
    mark_failures(*plan, failures_of(records, **graph));
    ++visited;
    visit(*plan);
  }
}

// Returns the results of a module beside those that are shown: of a changed manifest, and of the latest what-ifs.
std::vector<requests::WhatIf> Queries::variants_of(const std::string& name, const ModuleRow& row) const {
  std::vector<requests::WhatIf> out;
  if (row.changed_by > 0)
    if (const auto request = stored_request(row.changed_by))
      if (const auto graph = graph_of(request->revision))
        if (const auto m = (*graph)->find_module(local_name(name)))
          out.push_back({request->number, request->number, (*graph)->modules[*m].fingerprint, request->revision, {}});
  const auto shown = std::min(max_what_ifs, row.what_ifs.size());
  out.insert(out.end(), row.what_ifs.rbegin(), row.what_ifs.rbegin() + static_cast<std::ptrdiff_t>(shown));
  return out;
}

ClusterStatus Queries::status() const {
  ClusterStatus out;
  Snapshot now;
  std::vector<leases::NodeView> nodes;
  std::vector<leases::LeaseView> leases;
  std::map<std::string, ModuleRow> modules;
  {
    State::Lock lock(state_);
    now = snapshot_of(state_, records_);
    nodes = state_.scheduler.nodes(state_.now());
    leases = state_.scheduler.leases();
    modules = state_.modules;
    out.leases = leases.size();
  }
  const store::Records records(records_.store(), now.stored);
  for (const auto& node : nodes) out.nodes.push_back(describe(node, state_.now(), config_.leases.lease));
  std::vector<PlannedModule> ended;
  visit_plans_with_failures(records, [&](const jobs::Plan& plan) {
    constexpr auto unsuccessful = [](std::uint8_t flags) { return (flags & (jobs::failed | jobs::blocked)) != 0; };
    for (auto& module : modules_of(plan))
      if (std::ranges::any_of(module.flags, unsuccessful)) ended.push_back(std::move(module));
  });
  const auto timeline = [&](const std::string& name, const Digest& fingerprint, const Digest& revision, std::uint64_t latest) {
    const auto graph = graph_of(revision);
    if (!graph) return std::optional<ModuleStrip>();
    const auto request = stored_request(latest);
    const bool refused = request && request->state == RequestState::failed && !request->code.empty() &&
                         (request->module.empty() || request->module == local_name(name));
    return std::optional(timeline_of(records, name, fingerprint, **graph, now, ended, refused ? request->range() : TimeRange{}));
  };
  for (const auto& [name, row] : modules) {
    if (!row.fingerprint.empty())
      if (auto strip = timeline(name, row.fingerprint, row.revision, row.request)) out.modules.push_back(std::move(*strip));
    for (auto& variant : variants_of(name, row)) {
      auto strip = timeline(name, variant.fingerprint, variant.revision, variant.latest);
      if (!strip) continue;
      strip->what_if = requests::request_id(variant.latest);
      strip->overrides = std::move(variant.overrides);
      out.variants.push_back(std::move(*strip));
    }
  }
  out.requests = all_requests(records, now);
  std::size_t estimated = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (auto& request : out.requests) {  // estimates are kept, so the next call reaches the others
    if (estimated == max_estimates || std::chrono::steady_clock::now() - begin > std::chrono::seconds(1)) break;
    const auto number = requests::request_number(request.id);
    const auto live = number ? now.live.find(*number) : now.live.end();
    if (live == now.live.end() || live->second.modules.empty()) continue;
    request.left = times_left_.of(*number, state_);
    estimated += request.left.has_value();
  }
  out.epoch = records_.store().epoch();
  out.tasks = describe(leases, std::nullopt);
  out.bound = read_bound(records, state_.wall());
  views_.wait();
  return out;
}

}  // namespace mole::coordinator::control
