#include "coordinator/control/completions.hpp"

#include "coordinator/jobs/listing.hpp"
#include "coordinator/requests/lineage_shape.hpp"
#include "coordinator/store/keys.hpp"
#include "sdk/model/durable_file.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace mole::coordinator::control {

using nlohmann::json;
using requests::Request;
using store::Table;
namespace keys = store::keys;

namespace {

constexpr std::size_t max_shared_files = 100, max_formats = 1000;

std::string archive_of(const Completion& completion) {
  if (!completion.spec.archive || completion.spec.steps.empty()) return {};
  return completion.spec.steps[0].pipeline + "/" + completion.spec.archive->name + "@" + completion.spec.archive->index;
}

// Counts a file that a request read to check the archive by its decoder.
void count_format(Request& request, const task::File& file, const task::FileReport& report) {
  if (report.state == task::FileState::missing || report.state == task::FileState::unread ||
      report.state == task::FileState::duplicate)
    return;
  auto& formats = request.formats;
  auto format =
      std::ranges::find_if(formats, [&](const FormatCount& f) { return f.router == file.router && f.decoder == report.decoder; });
  if (format == formats.end()) {
    if (formats.size() == max_formats) return;
    format = formats.insert(format, {file.router, report.decoder, 0, file.covers.from, file.covers.to});
  }
  ++format->files;
  format->from = std::min(format->from, file.covers.from);
  format->to = std::max(format->to, file.covers.to);
}

void add_absent(Request& request, const std::string& module, Micros block, const json& lineage) {
  if (!lineage.is_object()) return;
  for (const auto& column : lineage.value("columns_absent", json::array())) {
    auto& absent = request.absent[column.value("column", "")];
    absent.modules.insert(module);
    absent.decoders.insert(column.value("decoder", ""));
    absent.blocks.insert(block);
  }
}

void count_sampled(Request& request, const std::string& module, const json& lineage) {
  if (!lineage.is_object() || !lineage.contains("sampling")) return;
  const auto& sampling = lineage["sampling"];
  auto& sampled = request.sampled[module];
  sampled.unscaled += sampling.value("unscaled", std::uint64_t{0});
  sampled.manifest_differs += sampling.value("manifest_differs", std::uint64_t{0});
  sampled.saturated += sampling.value("saturated", std::uint64_t{0});
  sampled.not_divisible += sampling.value("not_divisible", std::uint64_t{0});
}

bool valid_ranges(const std::vector<task::CoverageRange>& ranges, TimeRange block) {
  Micros from = block.from;
  for (const auto& [range, coverage, coverage_min] : ranges) {
    if (range.from < from || range.empty() || range.to > block.to) return false;
    if (!(coverage_min >= 0 && coverage_min <= coverage && coverage <= 1)) return false;
    from = range.to;
  }
  return ranges.size() <= task::max_coverage_ranges;
}

}  // namespace

// ---- checking

Result<CheckedCompletions> Completions::check(const std::vector<Completion>& completions) const {
  CheckedCompletions checked{completions, {}, {}};
  for (const auto& completion : completions)
    if (auto good = check_report(completion); !good) return good.error();
  for (const auto& completion : completions) {
    const auto& report = completion.report;
    auto listing = read_listing(report);
    if (!listing) return listing.error();
    // Only a blob that contains a listing may be removed.
    if (!report.index_blob.empty() && !listing->empty()) checked.listing_blobs.push_back(report.index_blob);
    checked.listings.push_back(std::move(*listing));
  }
  if (auto synced = blobs_.sync(); !synced) return synced.error();  // before the catalogue refers to them
  return checked;
}

Result<> Completions::check_report(const Completion& completion) const {
  const auto& spec = completion.spec;
  const auto& report = completion.report;
  if (report.task != spec.id)
    return invalid("the report of task " + report.task + " was sent with the spec of task " + spec.id +
                   "; send each report with the spec of its own task");
  std::set<std::uint32_t> seen;
  for (const auto& step : report.steps) {
    if (step.step >= spec.steps.size() || !seen.insert(step.step).second)
      return invalid("the report of task " + spec.id + " contains step " + std::to_string(step.step) +
                     ", which is not a step of the task or is repeated; report each step once");
    if (!(step.coverage >= 0 && step.coverage <= 1 && step.coverage_min >= 0 && step.coverage_min <= 1))
      return invalid("the report of task " + spec.id + " has a coverage outside 0..1; report a share of the expected input");
    if (!valid_ranges(step.incomplete, spec.block))
      return invalid("the report of task " + spec.id +
                     " has incomplete ranges that are not parts of its block in order; update the node");
    if (auto good = requests::check_lineage(step.lineage); !good)
      return invalid("the report of task " + spec.id + ": " + good.error().message);
    if (step.outcome == task::Outcome::done && !step.rows_blob.empty() && !blobs_.claim(step.rows_blob))
      return transient("the rows " + step.rows_blob.hex() + " of task " + spec.id +
                       " have not been uploaded yet; upload them, then send the completion again");
  }
  return {};
}

Result<std::vector<task::IndexEntry>> Completions::read_listing(const task::Report& report) const {
  if (report.index_blob.empty()) return report.index;
  const auto text = read_file(blobs_.path_of(report.index_blob), task::max_index_bytes);
  if (!text && text.error().code == Code::missing)  // or read and removed, because another node sent the same listing
    return transient("the listing " + report.index_blob.hex() + " of task " + report.task +
                     " has not been uploaded yet; upload it, then send the completion again");
  auto entries = text ? task::parse_index(*text) : text.error();
  if (!entries) return Error{entries.error().code, "the listing of task " + report.task + ": " + entries.error().message};
  return entries;
}

// ---- applying

std::vector<Verdict> Completions::apply(const CheckedCompletions& checked, Change& change) {
  change.require_sync();  // for a duplicate, the first report may not be durable yet
  std::vector<Verdict> verdicts;
  for (std::size_t i = 0; i < checked.completions.size(); ++i)
    verdicts.push_back(apply_one(checked.completions[i], checked.listings[i], change));
  for (auto& [number, request] : state_.live) requests_.check_finished(request, change);
  return verdicts;
}

Verdict Completions::apply_one(const Completion& given, const std::vector<task::IndexEntry>& listing, Change& change) {
  if (!state_.scheduler.was_granted(given)) {
    change.warn(task::title_of(given.spec) + ": node " + given.node + " reports a task that was not granted to it; ignored");
    return Verdict::stale;
  }
  const auto refused = listings_.refused(given);
  const auto& completion = refused ? *refused : given;
  const auto& report = completion.report;
  const bool given_up = count_unread_files(completion, archive_of(completion), change);
  if (apply_file_reports(completion, change) || given_up) {
    state_.forget_all_indexes();
    requests_.replan_all(change);
  }
  const auto effects = state_.scheduler.complete(completion, state_.now(), state_.random);
  log_completion(completion, effects, change);
  if (effects.live)
    for (const auto& file : report.bad_copies)
      state_.log({{"event", "copy damaged"}, {"node", completion.node}, {"archive", archive_of(completion)}, {"file", file}},
                 change);
  // A lease that was stored before a restart has no spec.
  if (state_.specs.erase(completion.spec.id) || effects.live) change.batch.erase(Table::leases, completion.spec.id);
  const auto owner = state_.live.find(effects.request);
  if (owner != state_.live.end() && effects.live) count_progress(owner->second, report);
  if (effects.time) state_.add_time(*effects.time, change);
  if (effects.live)
    state_.loads.add(state_.node_number(completion.node), leases::minutes_of(report, state_.wall()), state_.wall(), state_.now());
  for (const auto& step : effects.accepted) {
    apply_result(completion, step, change);
    if (owner == state_.live.end()) continue;
    const auto& module = completion.spec.steps[report.steps[step.step].step].module;
    add_absent(owner->second, module, completion.spec.block.from, report.steps[step.step].lineage);
    count_sampled(owner->second, module, report.steps[step.step].lineage);
    if (report.log_tail.empty()) continue;
    auto& printed = owner->second.printed[module];
    ++printed.blocks;
    printed.last = step.job.from;
  }
  for (const auto& step : effects.duplicates) apply_duplicate(completion, step, change);
  store_failures(completion, effects, change);
  if (effects.archive_task && owner != state_.live.end()) {
    change.flush();  // listing and planning read the store
    if (effects.archive_task->kind == task::Kind::index)
      listings_.apply_listing(*effects.archive_task, owner->second, report, listing, change);
    else
      listings_.apply_verification(*effects.archive_task, owner->second, report, change);
  }
  if (drop_missing_blobs(completion, change)) requests_.replan_all(change);
  return effects.verdict == Verdict::stale ? stale_or_duplicate(completion, change) : effects.verdict;
}

// Stores the reports on files, even if the task failed. Returns whether the key of any file has changed.
bool Completions::apply_file_reports(const Completion& completion, Change& change) {
  auto archive = archive_of(completion);
  Request* verifying = nullptr;
  if (const auto* grant = state_.scheduler.grant(completion.spec.id); grant && grant->kind == task::Kind::verify)
    if (const auto found = state_.live.find(grant->request); found != state_.live.end()) {
      verifying = &found->second;
      archive = index_name(*verifying);
    }
  if (archive.empty()) return false;
  bool keys_change = false;
  std::map<std::string, const task::File*> files_read;
  for (const auto& file : completion.spec.files)
    if (file.present) files_read[file.id] = &file;
  for (const auto& report : completion.report.files) {
    const auto read = files_read.find(report.id);
    const auto known = read == files_read.end() ? std::nullopt : change.file(archive, report.id);
    if (!known) continue;
    auto file = jobs::apply_file_report(*known, report, read->second->revision);
    if (verifying) {
      file.row.verified = verifying->number;
      file.row.columns = known->columns;  // it reads the archive, not the cache
      file.changed = true;
      if (is_faulty(report.state)) verifying->damaged = true;
      if (report.state == task::FileState::sound) verifying->delays += report.delays;
      if (report.exporters > 1 && verifying->shared_files.size() < max_shared_files)
        verifying->shared_files.push_back({report.id, report.exporters});
      count_format(*verifying, *read->second, report);
      verifying->changed += file.digest_changed;
    }
    if (file.digest_changed)
      state_.log(
          {{"event", "file changed"}, {"archive", archive}, {"file", report.id}, {"was", known->digest}, {"is", report.digest}},
          change);
    if (file.gone) state_.log({{"event", "file missing"}, {"archive", archive}, {"file", report.id}}, change);
    if (file.changed) change.put_file(archive, report.id, file.row);
    if (const auto listed = state_.listings.find(archive); file.gone && listed != state_.listings.end())
      listed->second.change({{report.id, known, file.row}});
    if (file.changed && is_faulty(report.state))
      records_.put_json(change.batch, Table::damage, keys::pair(archive, report.id), report);
    if (file.changed && !report.digest.empty() && report.state != task::FileState::sound && !is_faulty(report.state))
      state_.forget_indexes(archive);  // which say what is known about files of one router and time
    keys_change = keys_change || file.digest_changed || file.gone;
  }
  return keys_change;
}

void Completions::count_progress(Request& request, const task::Report& report) const {
  if (request.kind == RequestKind::index || report.code != task::FailureCode::none) return;
  for (const auto& file : report.files) {
    request.bytes.done += file.size;
    if (file.state == task::FileState::duplicate) request.copies.insert(file.id);
    request.files.decoded += file.source == task::FlowSource::archive;
    request.files.from_columns += file.source == task::FlowSource::columns;
  }
  request.files.done += report.files.size();
  request.bytes.done = std::min(request.bytes.done, request.bytes.total);
  request.files.done = std::min(request.files.done, request.files.total);
}

void Completions::store_failures(const Completion& completion, const leases::Effects& effects, Change& change) {
  for (const auto& [job, failure] : effects.failures) {
    const auto name = state_.put_failure(job, failure, change);
    change.warn("job " + name + " for " + requests::request_id(effects.request) + ": " +
                (failure.given_up ? "given up" : "will be tried again") + " after attempt " +
                std::to_string(failure.plugin_failures + failure.infra_failures) + ", task " + completion.spec.id + " on node " +
                completion.node + ": " + name_of(failure.code) + ": " + failure.message);
  }
}

void Completions::log_completion(const Completion& completion, const leases::Effects& effects, Change& change) {
  const auto& report = completion.report;
  change.log.emplace_back(task::has_failed(report) ? LogLevel::warning : LogLevel::info,
                          task::title_of(completion.spec) + ": report of node " + completion.node + " " +
                              name_of(effects.verdict) + ", " + task::summary_of(report));
}

// A repeated report after the end of its request is a duplicate if the catalogue refers to its blobs: the node keeps its states.
Verdict Completions::stale_or_duplicate(const Completion& completion, const Change& change) const {
  for (const auto& report : completion.report.steps) {
    const auto row = change.catalogue({completion.spec.steps[report.step].fingerprint, completion.spec.block.from});
    if (!row || report.outcome != task::Outcome::done) continue;
    if ((!report.state_blob.empty() && row->state_blob == report.state_blob) ||
        (!report.rows_blob.empty() && row->rows_blob == report.rows_blob))
      return Verdict::duplicate;
  }
  return Verdict::stale;
}

}  // namespace mole::coordinator::control
