#include "coordinator/control/listings.hpp"

#include "coordinator/jobs/listing.hpp"

namespace mole::coordinator::control {

constexpr std::size_t max_failures = 20;

void Listings::relist_waiting() {
  for (auto& [number, request] : state_.live) {
    if (request.state != RequestState::waiting || !request.unlisted.empty()) continue;
    for (const auto& archive : request.graph->archives)
      if (!state_.listed_within(config_.relist_after, *request.graph, archive))
        request.unlisted.insert(request.graph->full_name(archive));
    if (!request.unlisted.empty()) requests_.list_archives(request);
  }
}

void Listings::apply_listing(const leases::ArchiveTask& task, Request& request, const task::Report& report,
                             const std::vector<task::IndexEntry>& entries, Change& change) {
  if (report.code != task::FailureCode::none) return listing_failed(task, request, report, change);
  const auto changed = store_listing(task.archive, request, entries, change);
  const auto& archive = request.graph->archives[*request.graph->find_archive(local_name(task.archive))];
  state_.note_listed(*request.graph, archive);
  if (changed) std::erase_if(state_.indexes, [&](const auto& entry) { return entry.first.first == task.archive; });
  change.flush();
  if (request.kind == RequestKind::index) {
    const auto index = state_.index_of(*request.graph, archive);
    request.files.total = request.files.done = index->files().size();
    if (index->empty()) {
      request.code = name_of(task::FailureCode::missing);
      requests_.finish(request, RequestState::failed,
                       "the archive \"" + archive.name + "\" lists " + std::to_string(entries.size()) +
                           " files, none of which matches \"" + archive.files + "\"; check its \"params\" and \"files\"",
                       change);
    }
  }
  proceed_listed(task.archive, change);
  if (changed) replan_readers(task.archive, change);
}

// Fails the request and all others that need the same listing. Requests in state WAITING keep waiting: they were planned from an
// earlier listing.
void Listings::listing_failed(const leases::ArchiveTask& task, const Request& request, const task::Report& report,
                              Change& change) {
  const auto reason = report.message.empty() ? "listing " + task.archive + " failed: " + name_of(report.code) : report.message;
  for (auto& [number, other] : state_.live) {
    if (other.number != request.number &&
        (other.terminal() || !other.unlisted.contains(task.archive) || other.revision != request.revision))
      continue;
    if (other.state == RequestState::waiting) {
      other.unlisted.clear();
      state_.scheduler.remove_archive_tasks(number, task.archive);
      for (const auto& archive : other.graph->archives) state_.note_listed(*other.graph, archive);
      state_.log({{"event", "listing failed"}, {"archive", task.archive}, {"message", reason}}, change);
      continue;
    }
    other.code = name_of(report.code);
    requests_.finish(other, RequestState::failed, reason, change);
  }
}

// Returns the number of file rows that changed.
std::size_t Listings::store_listing(const std::string& archive, const Request& request,
                                    const std::vector<task::IndexEntry>& entries, Change& change) {
  jobs::FileRows known;
  records_.scan_files(archive, [&](const std::string& id, const store::FileRow& row) { known[id] = row; });
  const auto changes = jobs::apply_listing(known, entries);
  for (const auto& [id, row] : changes) {
    records_.put_file(change.batch, archive, id, row);
    if (row.digest.empty()) change.batch.erase(Table::damage, keys::pair(archive, id));
  }
  records_.put_json(change.batch, Table::archives, archive,
                    {{"revision", request.revision},
                     {"listed", format_time(state_.wall())},
                     {"entries", entries.size()},
                     {"changed", changes.size()}});
  return changes.size();
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
    const auto reads = [&](const dag::Archive& a) { return graph.full_name(a) == archive; };
    if (std::any_of(graph.archives.begin(), graph.archives.end(), reads)) requests_.replan(request, change);
  }
}

void Listings::apply_verification(const leases::ArchiveTask& task, Request& request, const task::Report& report, Change& change) {
  if (report.code != task::FailureCode::none && request.given_up.size() < max_failures)
    request.given_up.push_back({.job = task.archive + "@" + format_time(task.block.from),
                                .plugin = "",
                                .module = "",
                                .block = task.block.from,
                                .code = name_of(report.code),
                                .message = report.message,
                                .attempts = 0,
                                .log_tail = report.log_tail});
  if (!state_.scheduler.has_archive_tasks(request.number)) requests_.finish_verified(request, change);
}

}  // namespace mole::coordinator::control
