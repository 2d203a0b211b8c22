// A task's way out and back: leases, heartbeats, completions.
#include "coordinator/leases/grant_row.hpp"
#include "coordinator/requests/lineage.hpp"
#include "coordinator/service.hpp"
#include "coordinator/store/keys.hpp"
#include "sdk/model/durable_file.hpp"

#include <algorithm>

namespace mole::coordinator {

using nlohmann::json;
using requests::Request;
using store::Table;
namespace keys = store::keys;

namespace {

constexpr std::size_t most_changes = 20;

json failure_row(const leases::FailureRecord& t, const std::string& job) {
  return {{"job", job},
          {"plugin_failures", t.plugin_failures},
          {"infra_failures", t.infra_failures},
          {"given_up", t.given_up},
          {"code", t.code},
          {"message", t.message},
          {"log_tail", t.log_tail}};
}

// The blobs of `spec` that a "missing" message names.
bool names(const std::string& message, const Digest& blob) { return message.find(blob.hex()) != std::string::npos; }

}  // namespace

Result<Registration> Service::register_node(const NodeInfo& info) {
  if (info.name.empty() || info.name.size() > 256 || info.incarnation.empty() || info.incarnation.size() > 256)
    return invalid("a node registers with a name and an incarnation of 1 to 256 characters");
  Guard guard(mutex_);
  Aftermath after;
  auto& node = nodes_[info.name];
  if (node.number == 0 || node.address != info.address || node.lost) {
    if (node.number == 0) node.number = node_names_.empty() ? 1 : node_names_.rbegin()->first + 1;
    const bool back = node.lost;
    node.name = info.name;
    node.address = info.address;
    node.lost = false;
    node_names_[node.number] = node.name;
    records_->put_json(after.batch, Table::nodes, keys::number(node.number),
                       {{"name", node.name}, {"address", node.address}, {"lost", false}});
    if (back) replan_all(after);  // its states are there again
  }
  const auto registration = scheduler_->register_node(info, now());
  settle(guard, std::move(after));
  return registration;
}

// What time alone changes.
void Service::tick(Aftermath& after) {
  forget_lost(scheduler_->tick(now()), after);
  for (auto& [number, request] : live_) {
    if (request.state != "WAITING" || !request.unlisted.empty()) continue;
    for (const auto& archive : request.graph->archives) {
      const auto name = request.graph->full_name(archive);
      const auto at = listed_at_.find(place_of(*request.graph, archive));
      if (at == listed_at_.end() || now() - at->second >= config_.relist_after) request.unlisted.insert(name);
    }
    if (!request.unlisted.empty()) begin_listing(request);
  }
}

// States only a lost node holds are computed again when they are needed.
void Service::forget_lost(const std::vector<std::string>& lost, Aftermath& after) {
  for (const auto& name : lost) {
    auto& node = nodes_[name];
    node.lost = true;
    records_->put_json(after.batch, Table::nodes, keys::number(node.number),
                       {{"name", name}, {"address", node.address}, {"lost", true}});
    log_event(after, {{"event", "node lost"}, {"node", name}});
  }
  if (!lost.empty()) replan_all(after);
}

std::uint32_t Service::node_number(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? 0 : static_cast<std::uint32_t>(found->second.number);
}

Result<std::vector<task::Spec>> Service::lease(const LeaseRequest& ask) {
  Guard guard(mutex_);
  Aftermath after;
  tick(after);
  auto grants = scheduler_->lease(ask, now());
  if (!grants) {
    settle(guard, std::move(after));
    return grants.error();
  }
  const tasks::SpecSources sources{[this](const leases::JobKey& job) { return catalogue(job); },
                                   [this](std::uint32_t number) {
                                     const auto name = node_names_.find(number);
                                     return name == node_names_.end() ? std::string{} : nodes_.at(name->second).address;
                                   }};
  std::vector<task::Spec> out;
  bool outdated = false;
  store::Batch leased;
  for (const auto& grant : *grants) {
    if (const auto known = specs_.find(grant.id); known != specs_.end()) {
      out.push_back(known->second);
      continue;
    }
    Result<task::Spec> spec = missing("the request has ended");
    const auto request = live_.find(grant.request);
    if (grant.archive_task && request != live_.end()) {
      const auto archive_task = scheduler_->archive_task(grant.request, grant.archive_task);
      const auto& graph = *request->second.graph;
      const auto a =
          archive_task ? graph.find_archive(archive_task->archive.substr(archive_task->archive.find('/') + 1)) : std::nullopt;
      if (a) {
        std::vector<task::File> files;
        if (grant.kind == "verify")
          for (auto& file :
               index_of(graph, graph.archives[*a])->reach(index_of(graph, graph.archives[*a])->routers(), grant.block))
            if (file.present && file.covers.from >= grant.block.from) files.push_back(std::move(file));
        spec = tasks::build_archive_spec(grant, graph.archives[*a], std::move(files));
      }
    } else if (const auto* plan = scheduler_->plan(grant.request); plan && !grant.archive_task) {
      spec = tasks::build_spec(grant, *plan, sources);
    }
    if (!spec) {
      scheduler_->release(ask.node, ask.incarnation, {grant.id}, now());
      outdated = true;
      continue;
    }
    if (!grant.archive_task)
      records_->put_json(leased, Table::leases, grant.id, leases::to_row(grant, ask.node, ask.incarnation));
    out.push_back(*spec);
    specs_.emplace(grant.id, std::move(*spec));
  }
  std::erase_if(specs_, [&](const auto& entry) {
    if (scheduler_->leased(entry.first)) return false;
    leased.erase(Table::leases, entry.first);
    return true;
  });
  store_->write(leased);  // not made durable for its own sake: a lost lease costs work, never truth
  if (outdated) replan_all(after);
  settle(guard, std::move(after));
  return out;
}

Result<HeartbeatReply> Service::heartbeat(const Heartbeat& beat) {
  Guard guard(mutex_);
  Aftermath after;
  tick(after);
  auto reply = scheduler_->heartbeat(beat, now());
  settle(guard, std::move(after));
  return reply;
}

Result<> Service::release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) {
  Guard guard(mutex_);
  scheduler_->release(node, incarnation, tasks, now());
  return {};
}

// ---- completions

Result<std::vector<std::string>> Service::complete(const std::vector<Completion>& sent) {
  for (const auto& completion : sent)
    if (auto good = check(completion); !good) return good.error();
  std::vector<Completion> with_indexes;
  std::vector<Digest> read;
  const bool large = std::any_of(sent.begin(), sent.end(), [](const auto& c) { return !c.report.index_blob.empty(); });
  if (large) {  // read before anybody has to wait for us
    with_indexes = sent;
    for (auto& completion : with_indexes)
      if (auto got = fetch_index(completion.report, read); !got) return got.error();
  }
  const auto& completions = large ? with_indexes : sent;
  if (auto synced = blobs_->sync(); !synced) return synced.error();  // before the catalogue names them
  Guard guard(mutex_);
  Aftermath after;
  tick(after);
  after.written = true;  // also for "duplicate": whoever took it first may not have made it durable yet
  std::vector<std::string> verdicts;
  for (const auto& completion : completions) {
    try {
      verdicts.push_back(complete_one(completion, after));
    } catch (
        const json::exception& e) {  // some text of it is not as it should be: what the catalogue has decides, not what was begun
      log_event(
          after,
          {{"event", "completion refused"}, {"task", completion.spec.id}, {"node", completion.node}, {"message", e.what()}});
      replan_all(after);
      verdicts.push_back("stale");
    }
    flush(after);  // the next one reads it; settle makes all of them durable at once
  }
  settle(guard, std::move(after));
  for (const auto& index : read) blobs_->remove(index);
  return verdicts;
}

// The listing a node put as a blob comes into its report. Only a blob that was a listing is put on `read`, to be removed.
Result<> Service::fetch_index(task::Report& report, std::vector<Digest>& read) const {
  if (report.index_blob.empty()) return {};
  const auto text = read_file(blobs_->path_of(report.index_blob), task::largest_index_bytes);
  if (!text && text.error().code == Code::missing)  // or another node sent the same, and it was read and removed
    return transient("the listing " + report.index_blob.hex() + " of task " + report.task +
                     " is not here yet; put the blob, then complete again");
  auto entries = text ? task::parse_index(*text) : text.error();
  if (!entries) return Error{entries.error().code, "the listing of task " + report.task + ": " + entries.error().message};
  report.index = std::move(*entries);
  if (!report.index.empty()) read.push_back(report.index_blob);
  return {};
}

// A report is from another machine: nothing in it is used as an index, a digest of ours or a number before this.
Result<> Service::check(const Completion& completion) const {
  const auto& spec = completion.spec;
  const auto& report = completion.report;
  if (report.task != spec.id)
    return invalid("the report of task " + report.task + " came with the spec of " + spec.id + "; send them together");
  std::set<std::uint32_t> seen;
  for (const auto& step : report.steps) {
    if (step.step >= spec.steps.size() || !seen.insert(step.step).second)
      return invalid("the report of task " + spec.id + " names step " + std::to_string(step.step) +
                     ", which the task does not have, or has once");
    if (!(step.coverage >= 0 && step.coverage <= 1 && step.coverage_min >= 0 && step.coverage_min <= 1))
      return invalid("the report of task " + spec.id + " has a coverage outside 0..1");
    if (step.outcome == "done" && !step.rows_blob.empty() && !blobs_->has(step.rows_blob))
      return transient("the rows " + step.rows_blob.hex() + " of task " + spec.id +
                       " are not here yet; put the blob, then complete again");
  }
  return {};
}

std::string Service::archive_of(const Completion& completion) const {
  if (!completion.spec.archive) return {};
  for (const auto& step : completion.spec.steps) return step.pipeline + "/" + completion.spec.archive->name;
  return {};
}

std::string Service::complete_one(const Completion& completion, Aftermath& after) {
  const auto& report = completion.report;
  if (take_evidence(completion, after)) {  // other bytes than the keys speak of: those keys are history
    indexes_.clear();
    replan_all(after);
  }
  const auto settled = scheduler_->complete(completion, now(), random_);
  if (specs_.erase(completion.spec.id)) after.batch.erase(Table::leases, completion.spec.id);
  const auto owner = live_.find(settled.request);
  if (owner != live_.end() && settled.live && owner->second.kind != "index" && report.code.empty()) {
    for (const auto& file : report.files) {
      owner->second.bytes_done += file.size;
      owner->second.files_decoded += file.source == "archive";
      owner->second.files_from_columns += file.source == "columns";
    }
    owner->second.files_done += report.files.size();
    owner->second.bytes_done = std::min(owner->second.bytes_done, owner->second.bytes_total);
    owner->second.files_done = std::min(owner->second.files_done, owner->second.files_total);
  }
  if (report.seconds > 0 && report.bytes_read > 0) {
    const double rate = static_cast<double>(report.bytes_read) / report.seconds;
    bytes_per_second_ = bytes_per_second_ > 0 ? 0.8 * bytes_per_second_ + 0.2 * rate : rate;
  }
  for (const auto& step : settled.accepted) take_result(completion, step, after);
  for (const auto& step : settled.duplicates) note_duplicate(completion, step, after);
  for (const auto& [job, failure] : settled.failures) {
    const auto& row = records_->json(Table::fingerprints, keys::text(job.fingerprint));
    records_->put_of_job(after.batch, Table::failures, job.fingerprint, job.from,
                         failure_row(failure, (row.is_object() ? row.value("module", "") : "") + "@" + format_time(job.from)));
  }
  if (settled.archive_task && owner != live_.end()) {
    if (settled.archive_task->kind == "index")
      take_listing(*settled.archive_task, owner->second, completion, after);
    else
      take_verified(*settled.archive_task, owner->second, completion, after);
  }
  if (drop_missing_states(completion, after)) replan_all(after);
  for (auto& [number, request] : live_) check_finished(request, after);
  return settled.verdict == "stale" ? stale_or_known(completion) : settled.verdict;
}

// Sent again after the request has ended: what it names is in the catalogue, and the node must keep its states.
std::string Service::stale_or_known(const Completion& completion) const {
  for (const auto& report : completion.report.steps) {
    const auto& step = completion.spec.steps[report.step];
    const auto row = catalogue({step.fingerprint, completion.spec.block.from});
    if (!row || report.outcome != "done") continue;
    if ((!report.state_blob.empty() && row->state_blob == report.state_blob) ||
        (!report.rows_blob.empty() && row->rows_blob == report.rows_blob))
      return "duplicate";
  }
  return "stale";
}

// What was read of files goes into their rows, whoever read them and whatever became of the task. True: some key is another now.
bool Service::take_evidence(const Completion& completion, Aftermath& after) {
  auto archive = archive_of(completion);
  std::uint64_t verify = 0;
  if (const auto* grant = scheduler_->grant(completion.spec.id);
      grant && grant->kind == "verify" && live_.contains(grant->request)) {
    verify = grant->request;
    archive = live_.at(verify).archive;
  }
  if (archive.empty()) return false;
  bool keys_change = false;
  std::map<std::string, std::uint64_t> revision_read;
  for (const auto& file : completion.spec.files)
    if (file.present) revision_read[file.id] = file.revision;
  for (const auto& report : completion.report.files) {
    const auto read = revision_read.find(report.id);
    auto known = read == revision_read.end() ? std::nullopt : records_->file(archive, report.id);
    if (!known) continue;
    auto evidence = jobs::apply_file_report(*known, report, read->second);
    if (verify) {
      evidence.row.verified = verify;
      evidence.changed = true;
      if (report.state != "sound") live_.at(verify).reason = "damaged or unreadable files: mole archive gaps names them";
    }
    if (evidence.digest_changed)
      log_event(
          after,
          {{"event", "file changed"}, {"archive", archive}, {"file", report.id}, {"was", known->digest}, {"is", report.digest}});
    if (evidence.gone) log_event(after, {{"event", "file missing"}, {"archive", archive}, {"file", report.id}});
    if (evidence.changed) records_->put_file(after.batch, archive, report.id, evidence.row);
    if (evidence.changed && report.state != "sound")
      records_->put_json(after.batch, Table::damage, keys::pair(archive, report.id), report);
    keys_change = keys_change || evidence.digest_changed || evidence.gone;
  }
  return keys_change;
}

// A block's files were read, or could not be; the last one ends the request.
void Service::take_verified(const leases::ArchiveTask& archive_task, Request& request, const Completion& completion,
                            Aftermath& after) {
  const auto& report = completion.report;
  if (!report.code.empty() && request.failures.size() < most_changes)
    request.failures.push_back({{"job", archive_task.archive + "@" + format_time(archive_task.block.from)},
                                {"block", format_time(archive_task.block.from)},
                                {"code", report.code},
                                {"message", report.message},
                                {"log_tail", report.log_tail}});
  if (scheduler_->has_archive_tasks(request.number)) return;
  if (!request.failures.empty())
    return finish(request, "FAILED", "some files could not be read; mole archive verify tries them again", after);
  finish(request, request.reason.starts_with("damaged") ? "PARTIAL" : "COMPLETE", request.reason, after);
}

void Service::take_listing(const leases::ArchiveTask& archive_task, Request& request, const Completion& completion,
                           Aftermath& after) {
  const auto& report = completion.report;
  if (!report.code.empty()) {
    const auto reason = report.message.empty() ? "listing " + archive_task.archive + " failed: " + report.code : report.message;
    for (auto& [number, other] : live_) {  // others who wait for it would go the same way
      if (other.number != request.number &&
          (other.terminal() || !other.unlisted.contains(archive_task.archive) || other.revision != request.revision))
        continue;
      if (other.state == "WAITING") {  // it was listed before; look again later
        other.unlisted.clear();
        scheduler_->remove_archive_tasks(number, archive_task.archive);
        for (const auto& archive : other.graph->archives) listed_at_[place_of(*other.graph, archive)] = now();
        log_event(after, {{"event", "listing failed"}, {"archive", archive_task.archive}, {"message", reason}});
        continue;
      }
      other.code = report.code;
      finish(other, "FAILED", reason, after);
    }
    return;
  }
  jobs::FileRows known;
  records_->scan_files(archive_task.archive, [&](const std::string& id, const store::FileRow& row) { known[id] = row; });
  const auto changes = jobs::apply_listing(known, report.index);
  for (const auto& [id, row] : changes) {
    records_->put_file(after.batch, archive_task.archive, id, row);
    if (row.digest.empty()) after.batch.erase(Table::damage, keys::pair(archive_task.archive, id));
  }
  records_->put_json(after.batch, Table::archives, archive_task.archive,
                     {{"revision", request.revision},
                      {"listed", format_time(config_.wall())},
                      {"entries", report.index.size()},
                      {"changed", changes.size()}});
  const auto& archive =
      request.graph->archives[*request.graph->find_archive(archive_task.archive.substr(archive_task.archive.find('/') + 1))];
  std::erase_if(listed_at_,
                [&](const auto& entry) { return entry.first.starts_with(archive_task.archive + "\n"); });  // it was elsewhere
  listed_at_[place_of(*request.graph, archive)] = now();
  if (!changes.empty()) std::erase_if(indexes_, [&](const auto& entry) { return entry.first.first == archive_task.archive; });
  flush(after);
  if (request.kind == "index") {
    const auto index = index_of(*request.graph, archive);
    request.files_total = request.files_done = index->files().size();
    if (index->empty()) {
      request.code = "missing";
      finish(request, "FAILED",
             "the archive " + archive.name + " lists " + std::to_string(report.index.size()) + " files, none named like \"" +
                 archive.files + "\"; check its \"params\" and \"files\"",
             after);
    }
  }
  listed(archive_task.archive, after);
  if (changes.empty()) return;
  for (auto& [number, other] : live_) {
    if (other.kind != "run" || other.terminal() || !other.unlisted.empty() || !scheduler_->plan(number)) continue;
    const auto& graph = *other.graph;
    const auto concerns = [&](const dag::Archive& a) { return graph.full_name(a) == archive_task.archive; };
    if (std::any_of(graph.archives.begin(), graph.archives.end(), concerns)) replan(other, after);
  }
}

// Every request that waited for this listing goes on.
void Service::listed(const std::string& archive, Aftermath& after) {
  for (auto& [number, request] : live_) {
    if (request.terminal() || request.unlisted.erase(archive) == 0) continue;
    scheduler_->remove_archive_tasks(number, archive);
    if (!request.unlisted.empty()) continue;
    if (request.kind == "index")
      finish(request, "COMPLETE", "", after);
    else if (request.kind == "verify")
      begin_verify(request, after);
    else
      replan(request, after);
  }
}

// A step's part of the completion becomes the catalogue row, with its lineage.
void Service::take_result(const Completion& completion, const leases::SettledStep& settled, Aftermath& after) {
  const auto& report = completion.report.steps[settled.step];
  const auto& step = completion.spec.steps[report.step];
  const auto& job = settled.job;
  auto& row = edit(job, after);
  auto lineage = records_->of_job(Table::lineage, job.fingerprint, job.from);
  if (!lineage.is_object()) lineage = json::object();
  const auto record = requests::lineage_of(completion, report);
  if (settled.state) {
    row.state_key = step.state_key;
    row.state_blob = report.state_blob;
    row.state_bytes = report.state_bytes;
    row.holders = {node_number(completion.node)};
    lineage["state"] = record;
  }
  const auto module = step.pipeline + "/" + step.module;
  if (settled.result) {
    row.result_key = step.result_key;
    row.rows_blob = report.rows_blob;
    row.rows_bytes = report.rows_bytes;
    row.rows = report.rows;
    row.coverage = report.coverage;
    row.coverage_min = report.coverage_min;
    lineage["result"] = record;
    const auto* current = module_row(module);
    if (current && current->fingerprint == job.fingerprint) after.links.emplace_back(module, job, report.rows_blob);
  }
  for (const auto& [number, request] : live_) {  // what the keys were made of, for `explain`
    const auto* plan = scheduler_->plan(number);
    const auto m = plan ? plan->graph->find_module(step.module) : std::nullopt;
    if (!m || plan->graph->modules[*m].fingerprint != job.fingerprint) continue;
    auto decides = requests::inputs_now(*plan, *m, plan->grid(*m).number(job.from));
    if (lineage.contains("decides"))
      if (auto because = requests::changed_inputs(lineage["decides"], decides, most_changes); !because.empty())
        lineage["because"] = std::move(because);
    lineage["decides"] = std::move(decides);
    break;
  }
  lineage["at"] = format_time(config_.wall());
  records_->put_of_job(after.batch, Table::lineage, job.fingerprint, job.from, lineage);
  if (settled.had_failures) records_->erase_of_job(after.batch, Table::failures, job.fingerprint, job.from);
}

// Computed twice: the first stays. Equal keys must mean equal bytes; if not, somebody should know.
void Service::note_duplicate(const Completion& completion, const leases::SettledStep& settled, Aftermath& after) {
  const auto& report = completion.report.steps[settled.step];
  auto& row = edit(settled.job, after);
  const auto alarm = [&](const char* what, const Digest& first, const Digest& second) {
    log_event(after, {{"event", "NONDETERMINISM"},
                      {"what", what},
                      {"module", completion.spec.steps[report.step].module},
                      {"block", format_time(settled.job.from)},
                      {"first", first},
                      {"second", second},
                      {"node", completion.node}});
  };
  if (settled.result && row.rows_blob != report.rows_blob) alarm("rows", row.rows_blob, report.rows_blob);
  if (!settled.state) return;
  if (row.state_blob != report.state_blob) return alarm("state", row.state_blob, report.state_blob);
  const auto node = node_number(completion.node);
  if (std::find(row.holders.begin(), row.holders.end(), node) == row.holders.end()) row.holders.push_back(node);
}

// A state nobody could be got to hand out is forgotten, and computed again where it is needed.
bool Service::drop_missing_states(const Completion& completion, Aftermath& after) {
  const auto& report = completion.report;
  std::string text = report.code == "missing" ? report.message : "";
  for (const auto& step : report.steps)
    if (step.code == "missing") text += " " + step.message;
  if (text.empty()) return false;
  bool dropped = false;
  for (const auto& step : completion.spec.steps)
    for (const auto& state : step.states) {
      if (!names(text, state.blob)) continue;
      auto& row = edit({step.fingerprint, state.block.from}, after);
      if (row.state_blob != state.blob) continue;
      row.state_blob = row.state_key = {};
      row.holders.clear();
      dropped = true;
    }
  // Rows are ours to keep; should one be gone all the same, it is computed again too.
  for (const auto& step : completion.spec.steps)
    for (const auto& input : step.inputs)
      for (const auto& rows : input.rows)
        if (names(text, rows.blob) && !blobs_->has(rows.blob))
          dropped = drop_rows(step.pipeline + "/" + input.module, rows, after) || dropped;
  for (const auto& step : completion.spec.steps) {  // nobody's fault: no attempt is counted
    if (!dropped) break;
    scheduler_->forget({step.fingerprint, completion.spec.block.from});
    records_->erase_of_job(after.batch, Table::failures, step.fingerprint, completion.spec.block.from);
  }
  return dropped;
}

bool Service::drop_rows(const std::string& module, const task::RowsRef& rows, Aftermath& after) {
  const auto* current = module_row(module);
  if (!current) return false;
  auto& row = edit({current->fingerprint, rows.block.from}, after);
  if (row.rows_blob != rows.blob) return false;
  row.rows_blob = row.result_key = {};
  log_event(after, {{"event", "rows lost"}, {"module", module}, {"block", format_time(rows.block.from)}, {"blob", rows.blob}});
  return true;
}

}  // namespace mole::coordinator
