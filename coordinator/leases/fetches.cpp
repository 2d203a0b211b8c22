// Fetch tasks: the scheduler asks the stager which files are next, and tells it what has become of them.
#include "coordinator/leases/scheduler.hpp"
#include "sdk/model/kept_columns.hpp"

#include <algorithm>
#include <tuple>

namespace mole::coordinator::leases {

void Scheduler::set_drives(const std::string& library, std::uint32_t drives, Micros now) {
  staging_.stager.set_drives(library, breakers_.allowed(library, drives, now));
  if (staging_.stager.limit_batches(library, drives)) cancel_unwanted();
}

std::vector<MediumWait> Scheduler::media(std::uint64_t request, Micros now) const {
  std::vector<MediumWait> out;
  const bool unreached = !nodes_.empty() && !any_reaches_archives();
  for (auto& demand : staging_.stager.demand(request)) {
    MediumWait wait{demand.medium.name, demand.node, demand.files, demand.bytes, demand.blocks};
    if (const auto* failure = breakers_.find(demand.medium.library); failure && demand.node.empty())
      wait.reason = failure->message + "; attempt " + std::to_string(failure->failures + 1) + " in " +
                    std::to_string(std::max<Micros>(failure->until - now, 0) / second_us) + " s";
    else if (demand.node.empty() && staging_.stager.drives_of(demand.medium.library) == 0)
      wait.reason = "the manifest allows no drive at this time of day";
    else if (demand.node.empty() && unreached)
      wait.reason = "no node reaches the archive; start a node without --fetches 0";
    out.push_back(std::move(wait));
  }
  return out;
}

std::optional<Grant> Scheduler::next_fetch(const std::string& node, Micros now, bool idle) {
  auto batch = staging_.stager.next(node, now, idle);
  if (!batch) return std::nullopt;
  auto grant = make_grant(batch->request);
  grant.kind = task::Kind::fetch;
  grant.batch = batch->number;
  grant.library = batch->medium.library;
  grant.medium = batch->medium.name;
  grant.files = std::move(batch->files);
  grant.mounts = batch->mounts;
  return grant;
}

// Makes the blocks candidates whose last file has become ready.
void Scheduler::reopen_staged() {
  for (const auto& [request, ref] : staging_.stager.take_staged())
    if (const auto work = work_.find(request); work != work_.end()) work->second.reopen(ref);
}

std::set<Digest> Scheduler::shared_files(const std::string& node, const Grant& grant) {
  // A later task reads the same files for the other jobs of the block.
  if (const auto* plan = this->plan(grant.request); plan && staging_.reads_again(*plan, grant)) return staged_files(node, grant);
  return staging_.stager.shared_files(node, grant.request, grant.ref);
}

std::set<Digest> Scheduler::staged_files(const std::string& node, const Grant& grant) const {
  // A job that has failed on a machine may fetch its files itself, so that a wrong belief about a cache cannot stop it for long.
  for (const auto& step : grant.steps)
    if (const auto* record = failures_.find(step.job); record && record->infra_failures > 0) return {};
  return staging_.stager.staged_files(node, grant.request, grant.ref);
}

// ---- nodes that do not reach the archives

// Returns the nodes that may run blocks whose files others could copy from them, and have nothing to run in a slot.
std::vector<std::string> Scheduler::idle_sources() const {
  std::map<std::string, std::uint32_t> used;
  for (const auto& [id, lease] : leases_) used[lease.node] += lease.grant.kind != task::Kind::fetch;
  std::vector<std::string> out;
  for (const auto& [name, node] : nodes_)
    if (serves(node) && used[name] < node.info.slots) out.push_back(name);
  return out;
}

bool Scheduler::serves(const Node& node) const {
  return node.info.cache_limit > 0 && !node.info.address.empty() && !node.draining && !node.lost &&
         last_tick_ - node.heard <= settings_.lease;
}

bool Scheduler::copies(const std::string& node) const { return staging_.stager.copies(node); }

// Whether a node that copies files leaves a block to other nodes: its files cannot all be copied, or not beside those of the
// blocks that it runs; a node that holds them has nothing else to do; or a job has failed on a machine, so that its next task
// fetches the files itself.
bool Scheduler::leaves_block(const std::string& node, std::uint64_t request, const jobs::Plan& plan, BlockRef ref,
                             const std::vector<std::string>& idle) const {
  const auto& stager = staging_.stager;
  const auto from = plan.grids[ref.grid].start(ref.number);
  const bool has_failed = std::ranges::any_of(plan.graph->modules, [&](const auto& module) {
    const auto* record = failures_.find({module.fingerprint, from});
    return record && record->infra_failures > 0;
  });
  if (!staging_.reads_media(request, plan, ref)) return has_failed && any_reaches_archives();
  if (has_failed || !stager.waits(request, ref) || !stager.may_run(node, request, ref)) return true;
  if (std::ranges::any_of(idle, [&](const auto& other) { return stager.may_run(other, request, ref); })) return true;
  std::uint64_t copied = 0;
  for (const auto& [id, lease] : leases_)
    if (lease.node == node) copied += stager.bytes_of(lease.grant.request, lease.grant.ref);
  return copied > 0 && copied + stager.bytes_of(request, ref) > nodes_.at(node).info.copy_limit;
}

bool Scheduler::any_reaches_archives() const {
  return std::ranges::any_of(nodes_, [&](const auto& entry) { return !copies(entry.first) && !entry.second.lost; });
}

std::map<Digest, std::string> Scheduler::peer_files(const std::string& node, const Grant& grant) const {
  auto out = staging_.stager.sources(node, grant.request, grant.ref);
  for (auto& [file, source] : out) source = nodes_.at(source).info.address;
  return out;
}

// Whether another node may succeed, because one that reaches no archive on media was denied what others reach.
bool Scheduler::lacks_access(const Completion& completion) const {
  using enum task::FailureCode;
  const auto code = completion.report.code;
  return copies(completion.node) && (code == denied || code == invalid);
}

// ---- results

// Notes which files of a running fetch task are in the node's cache, by their numbers in the grant.
void Scheduler::add_ready(const std::string& node, const Grant& grant, const std::vector<std::uint32_t>& files) {
  bool any = false;
  for (const auto file : files)
    if (file < grant.files.size()) any = staging_.stager.add_ready(node, grant.files[file]) || any;
  if (any) breakers_.succeed(grant.library);
}

// Notes what a fetch task has put into the cache, also after its lease has ended. Only under a lease (`grant`) failures count.
void Scheduler::settle_fetch(const std::optional<Grant>& grant, const Completion& completion, Micros now, Random& random) {
  if (!grant && !nodes_.contains(completion.node)) return;
  const auto& [spec, report] = std::tie(completion.spec, completion.report);
  const auto cache_name = spec.archive ? task::cache_name_of(*spec.archive) : "";
  std::map<std::string, const task::FetchReport*> reports;
  for (const auto& fetched : report.fetched) reports[fetched.id] = &fetched;
  std::set<Digest> granted;  // none: not known after a restart
  if (grant) granted.insert(grant->files.begin(), grant->files.end());
  std::set<Digest> reported;
  bool any = false;
  for (const auto& file : spec.files) {
    const auto key = kept_file_name(file, cache_name);
    const auto fetched = reports.find(file.id);
    if (fetched == reports.end() || (!granted.empty() && !granted.contains(key))) continue;
    reported.insert(key);
    if (fetched->second->outcome != task::FetchOutcome::failed) {
      staging_.stager.add_ready(completion.node, key);
      any = true;
    } else if (grant) {
      fail_file(key, fetched->second->code, now, random);
    }
  }
  if (grant && any) breakers_.succeed(grant->library);
  if (grant && report.code != task::FailureCode::cancelled) {
    std::vector<Digest> unreported;
    for (const auto& key : grant->files)
      if (!reported.contains(key) && !staging_.stager.has(completion.node, key)) unreported.push_back(key);
    fail_batch(*grant, report, unreported, now, random);
  }
  reopen_staged();
}

// The failure of a file. It is tried again, by any node, or is left to the tasks that read it, which report why.
void Scheduler::fail_file(const Digest& key, task::FailureCode code, Micros now, Random& random) {
  using enum task::FailureCode;
  const bool permanent = code == missing || code == corrupt || code == denied || code == invalid || code == unsupported;
  const auto failures = staging_.stager.failures(key) + 1;
  const auto until = now + backoff(settings_.infra_delay, settings_.infra_delay_cap, failures, random);
  staging_.stager.add_failure(key, until, permanent);
}

// The failure of a fetch task as a whole. `files`: those that are not ready, and that it did not report, in its order.
void Scheduler::fail_batch(const Grant& grant, const task::Report& report, const std::vector<Digest>& files, Micros now,
                           Random& random) {
  if (files.empty()) return;
  const auto fail_each = [&] {
    for (const auto& key : files) fail_file(key, report.code, now, random);
  };
  // An archive that never stages some files must not stop the use of its other drives again and again.
  const bool only_these_fail = report.code == task::FailureCode::transient && !breakers_.find(grant.library) &&
                               std::ranges::all_of(files, [&](const Digest& key) { return staging_.stager.failures(key) > 0; });
  switch (report.code) {
    using enum task::FailureCode;
    case crashed:
    case hung:
    case internal:  // probably because of the first file; the others are fetched without it
      return fail_file(files.front(), report.code, now, random);
    case none:
    case denied:
    case invalid:
    case unsupported:
      return fail_each();
    default:
      if (only_these_fail) return fail_each();
      // because of the archive, or of the node
      breakers_.fail(grant.library, report.message, settings_, now, random);
      if (breakers_.find(grant.library)->failures >= settings_.infra_attempts)
        for (const auto& key : files) staging_.stager.add_failure(key, now, true);
  }
}

// Files that should have been in the cache of a node, but were not when a task was to read or copy them. Returns whether there
// are any.
bool Scheduler::lose_files(const Completion& completion) {
  if (!completion.spec.archive) return false;
  const auto cache_name = task::cache_name_of(*completion.spec.archive);
  bool any = false;
  const std::set<std::string> lost(completion.report.unstaged.begin(), completion.report.unstaged.end());
  std::map<std::uint32_t, std::string> peers;  // addresses
  for (const auto& peer : completion.spec.peers) peers.emplace(peer.file, peer.address);
  for (std::uint32_t i = 0; i < completion.spec.files.size(); ++i) {
    const auto& file = completion.spec.files[i];
    if (!lost.contains(file.id)) continue;
    const auto key = kept_file_name(file, cache_name);
    if (const auto peer = peers.find(i); peer == peers.end())
      any = staging_.stager.lose(completion.node, key) || any;
    else
      for (const auto& [name, node] : nodes_)
        if (node.info.address == peer->second) any = staging_.stager.stop_copying(name, key) || any;
  }
  return any;
}

// Ends blocks of which no job reads files any more. An abandoned job also stops jobs of other blocks.
void Scheduler::refresh_blocks(const Completion& completion, const Effects& effects) {
  if (staging_.stager.empty() || completion.spec.steps.empty()) return;
  const bool any_abandoned = std::ranges::any_of(effects.failures, [](const auto& failure) { return failure.second.given_up; });
  for (const auto& [request, work] : work_) {
    const auto* plan = work.plan();
    if (!plan) continue;
    if (any_abandoned)
      for (const auto ref : staging_.stager.blocks_of(request)) staging_.refresh(request, *plan, ref, completion.node);
    for (std::uint32_t grid = 0; grid < plan->grids.size(); ++grid)
      staging_.refresh(request, *plan, {grid, plan->grids[grid].number(completion.spec.block.from)}, completion.node);
  }
}

}  // namespace mole::coordinator::leases
