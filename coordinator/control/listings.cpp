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
  const auto changed = store_listing(task.archive, request, report, entries, change);
  const auto& archive = archive_named(*request.graph, task.archive);
  state_.note_listed(*request.graph, archive);
  if (changed) state_.forget_indexes(task.archive);
  change.flush();
  if (request.kind == RequestKind::index) {
    const auto index = state_.index_of(*request.graph, archive);
    request.files.total = request.files.done = index->files().size();
    if (index->empty()) {
      request.code = name_of(task::FailureCode::missing);
      requests_.finish(request, RequestState::failed, why_empty(archive, entries.size(), index->findings()), change);
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

// Returns whether the index changes.
bool Listings::store_listing(const std::string& archive, const Request& request, const task::Report& report,
                             const std::vector<task::IndexEntry>& entries, Change& change) {
  jobs::FileRows known;
  records_.scan_files(archive, [&](const std::string& id, const store::FileRow& row) { known[id] = row; });
  const auto changes = jobs::apply_listing(known, entries);
  for (const auto& [id, row] : changes) {
    records_.put_file(change.batch, archive, id, row);
    if (row.digest.empty()) change.batch.erase(Table::damage, keys::pair(archive, id));
  }
  const auto before = records_.json(Table::archives, archive);
  const json passed_over = report.passed_over;
  records_.put_json(change.batch, Table::archives, archive,
                    {{"revision", request.revision},
                     {"passed_over", passed_over},
                     {"request", request.number},
                     {"what_if", !without_overridden(*request.graph, request.overridden).find_archive(local_name(archive))},
                     {"listed", format_time(state_.wall())},
                     {"entries", entries.size()},
                     {"changed", changes.size()}});
  return !changes.empty() || !before.is_object() || before.value("passed_over", json()) != passed_over;
}

// Continues every request that waited for this listing.
void Listings::proceed_listed(const std::string& archive, Change& change) {
  for (auto& [number, request] : state_.live) {
    if (request.terminal() || request.unlisted.erase(archive) == 0) continue;
    state_.scheduler.remove_archive_tasks(number, archive);
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
