#include "coordinator/control/listings.hpp"

#include "coordinator/control/places.hpp"
#include "coordinator/jobs/listing.hpp"

namespace mole::coordinator::control {

namespace {

constexpr std::size_t max_failures = 20;

// Why the index of an archive is empty.
std::string why_empty(const dag::Archive& archive, std::size_t listed, const jobs::Findings& findings) {
  auto text = "the archive " + archive.name + " lists " + std::to_string(listed) + " files, none of which matches \"" +
              archive.files + "\"";
  for (const auto& passed : findings.passed_over)
    text += (&passed == &findings.passed_over.front() ? ": " : ", ") + std::to_string(passed.count) +
            (passed.examples.empty() ? "" : " such as " + passed.examples.front()) + " (" + passed.reason + ")";
  return text + "; check its \"params\" and \"files\"";
}

// Takes the rows, so that those of a large archive exist once.
std::vector<jobs::RowChange> with_rows_before(jobs::FileRows known, jobs::FileRows changed) {
  std::vector<jobs::RowChange> out;
  out.reserve(changed.size());
  while (!changed.empty()) {
    auto after = changed.extract(changed.begin());
    auto before = known.extract(after.key());
    out.push_back(
        {std::move(after.key()), before ? std::optional(std::move(before.mapped())) : std::nullopt, std::move(after.mapped())});
  }
  return out;
}

task::Report as_failed(const task::Report& report, const Error& error) {
  task::Report out;
  out.task = report.task;
  out.code = task::FailureCode::transient;
  out.message = error.message;
  out.log_tail = report.log_tail;
  return out;
}

}  // namespace

void Listings::relist_waiting() {
  for (auto& [number, request] : state_.live) {
    if (request.state != RequestState::waiting || !request.unlisted.empty()) continue;
    for (const auto& archive : request.graph->archives)
      if (!state_.listed_within(config_.relist_after, *request.graph, archive))
        request.unlisted.insert(request.graph->index_name(archive));
    if (!request.unlisted.empty()) requests_.list_archives(request);
  }
}

void Listings::apply_listing(const leases::ArchiveTask& task, Request& request, const task::Report& report,
                             const std::vector<task::IndexEntry>& entries, Change& change) {
  if (report.code != task::FailureCode::none) return listing_failed(task, request, report, change);
  const auto& archive = archive_named(*request.graph, task.archive);
  const auto changes = changes_of(task.archive, report, entries);
  if (!changes) return listing_failed(task, request, as_failed(report, changes.error()), change);
  const bool changed = !changes->empty() || passed_over(records_, task.archive) != report.passed_over ||
                       records_.json(Table::archives, task.archive).is_null();
  store_listing(task.archive, request, report, *changes, change);
  state_.note_listed(*request.graph, archive);
  change.flush();
  change.info("archive " + task.archive + ": " + std::to_string(state_.listings_of(task.archive).entries()) + " files listed, " +
              std::to_string(changes->size()) + " rows changed, " +
              (report.listing_before.empty() ? "from the whole listing" : "from the differences to an earlier listing"));
  if (changed) state_.update_indexes(task.archive, *changes);
  if (request.kind == RequestKind::index) {
    const auto index = state_.index_of(*request.graph, archive);
    if (index->empty()) {
      request.code = name_of(task::FailureCode::missing);
      const auto listed = state_.listings_of(task.archive).entries();
      requests_.finish(request, RequestState::failed, why_empty(archive, listed, index->findings()), change);
    }
  }
  proceed_listed(task.archive, change);
  if (changed) replan_readers(task.archive, change);
}

// Fails the request and all others that need the same listing. Requests that wait for files keep waiting: they were planned from
// an earlier listing, which a note says.
void Listings::listing_failed(const leases::ArchiveTask& task, const Request& request, const task::Report& report,
                              Change& change) {
  const auto reason =
      report.message.empty() ? "listing " + local_name(task.archive) + " failed: " + name_of(report.code) : report.message;
  for (auto& [number, other] : state_.live) {
    if (other.number != request.number &&
        (other.terminal() || !other.unlisted.contains(task.archive) || other.revision != request.revision))
      continue;
    if (requests_.waits(other)) {
      other.unlisted.clear();
      state_.scheduler.remove_archive_tasks(number, task.archive);
      for (const auto& archive : other.graph->archives) state_.note_listed(*other.graph, archive);
      state_.log({{"event", "listing failed"}, {"archive", task.archive}, {"message", reason}}, change);
      if (other.state == RequestState::accepted) requests_.proceed(other, change);
      auto note = "planned from an earlier listing of " + local_name(task.archive) + ": " + reason;
      if (std::ranges::find(other.notes, note) == other.notes.end()) other.notes.push_back(std::move(note));
      requests_.save(other, change);
      continue;
    }
    other.code = name_of(report.code);
    requests_.finish(other, RequestState::failed, reason, change);
  }
}

std::optional<Completion> Listings::refused(const Completion& completion) const {
  const auto* grant = state_.scheduler.grant(completion.spec.id);
  const auto task = grant ? state_.scheduler.archive_task(grant->request, grant->archive_task) : std::nullopt;
  if (!task || task->kind != task::Kind::index || completion.report.listing_before.empty()) return std::nullopt;
  const auto changes = differences_of(task->archive, completion.report);
  if (changes) return std::nullopt;
  auto out = completion;
  out.report = as_failed(completion.report, changes.error());
  return out;
}

Result<std::vector<jobs::RowChange>> Listings::changes_of(const std::string& archive, const task::Report& report,
                                                          const std::vector<task::IndexEntry>& entries) const {
  if (!report.listing_before.empty()) return differences_of(archive, report);
  jobs::FileRows known;
  records_.scan_files(archive, [&](const std::string& id, const store::FileRow& row) { known[id] = row; });
  auto changed = jobs::apply_listing(known, entries);
  return with_rows_before(std::move(known), std::move(changed));
}

Result<std::vector<jobs::RowChange>> Listings::differences_of(const std::string& archive, const task::Report& report) const {
  const auto& history = state_.listings_of(archive);
  MOLE_TRY(const auto differences, history.changes_of(report));
  jobs::FileRows known;
  std::vector<task::IndexEntry> entries;
  for (const auto& [id, entry] : differences) {
    if (const auto row = records_.file(archive, id)) known[id] = *row;
    if (entry) entries.push_back(*entry);
  }
  auto changed = jobs::apply_listing(known, entries);
  auto changes = with_rows_before(std::move(known), std::move(changed));
  if (history.after(changes) != report.listing)
    return invalid("the listing of task " + report.task +
                   " has another digest than the files of which it states the differences; the archive is listed again");
  return changes;
}

void Listings::store_listing(const std::string& archive, const Request& request, const task::Report& report,
                             const std::vector<jobs::RowChange>& changes, Change& change) {
  auto& history = state_.listings_of(archive);
  history.change(changes);
  for (const auto& [id, before, row] : changes) {
    records_.put_file(change.batch, archive, id, row);
    if (before && row.digest.empty()) change.batch.erase(Table::damage, keys::pair(archive, id));
  }
  records_.put_json(change.batch, Table::archives, archive,
                    {{"revision", request.revision},
                     {"passed_over", report.passed_over},
                     {"request", request.number},
                     {"what_if", !without_overridden(*request.graph, request.overridden).find_archive(local_name(archive))},
                     {"listed", format_time(state_.wall())},
                     {"entries", history.entries()},
                     {"changed", changes.size()}});
}

// Continues every request that waited for this listing.
void Listings::proceed_listed(const std::string& archive, Change& change) {
  for (auto& [number, request] : state_.live) {
    if (request.terminal() || request.unlisted.erase(archive) == 0) continue;
    state_.scheduler.remove_archive_tasks(number, archive);
    if (request.kind == RequestKind::index) {
      const auto index = state_.index_of(*request.graph, archive_named(*request.graph, archive));
      request.files.total = request.files.done = index->files().size();
      request.bytes.total = request.bytes.done = index->bytes();
    }
    if (request.unlisted.empty()) requests_.proceed(request, change);
  }
}

void Listings::replan_readers(const std::string& archive, Change& change) {
  for (auto& [number, request] : state_.live) {
    if (request.kind != RequestKind::run || request.terminal() || !request.unlisted.empty() || !state_.scheduler.plan(number))
      continue;
    const auto& graph = *request.graph;
    const auto reads = [&](const dag::Archive& a) { return graph.index_name(a) == archive; };
    if (std::any_of(graph.archives.begin(), graph.archives.end(), reads)) requests_.replan(request, change);
  }
}

void Listings::apply_verification(const leases::ArchiveTask& task, Request& request, const task::Report& report, Change& change) {
  if (report.code != task::FailureCode::none && request.given_up.size() < max_failures)
    request.given_up.push_back({.job = request.archive + "@" + format_time(task.block.from),
                                .plugin = "",
                                .module = "",
                                .block = task.block.from,
                                .code = name_of(report.code),
                                .message = report.message,
                                .attempts = 0,
                                .log_tail = report.log_tail});
  if (!state_.scheduler.has_archive_tasks(request.number)) return requests_.finish_verified(request, change);
  if (request.kind == RequestKind::verify) requests_.save(request, change);  // what was found so far
}

}  // namespace mole::coordinator::control
