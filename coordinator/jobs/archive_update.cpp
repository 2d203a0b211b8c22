// ArchiveFiles::update: the index after few changes.
#include "coordinator/jobs/archive_files.hpp"

namespace mole::coordinator::jobs {
namespace {

constexpr std::size_t max_changes = 256;  // each of them moves a pointer for every file

auto by_reason(std::vector<task::PassedOver>& names, const std::string& reason) {
  return std::ranges::find(names, reason, &task::PassedOver::reason);
}

// Keeps the examples the first ones in the order of the rows. Returns false if it is not known which one comes next.
bool remove_name(std::vector<task::PassedOver>& names, const std::string& reason, const std::string& id) {
  const auto passed = by_reason(names, reason);
  if (passed == names.end() || passed->count == 0) return false;
  if (const auto example = std::ranges::find(passed->examples, id); example != passed->examples.end()) {
    if (passed->count > passed->examples.size()) return false;
    passed->examples.erase(example);
  }
  if (--passed->count == 0) names.erase(passed);
  return true;
}

void add_name(std::vector<task::PassedOver>& names, const std::string& reason, const std::string& id) {
  auto passed = by_reason(names, reason);
  if (passed == names.end()) passed = names.insert(names.end(), {reason, 0, {}});
  ++passed->count;
  passed->examples.insert(std::ranges::lower_bound(passed->examples, id), id);
  if (passed->examples.size() > task::max_passed_over_examples) passed->examples.pop_back();
}

void remove_file(std::vector<task::File>& files, const std::string& id) {
  const auto found = std::ranges::lower_bound(files, id, {}, &task::File::id);
  if (found != files.end() && found->id == id) files.erase(found);
}

void add_file(std::vector<task::File>& files, task::File file) {
  files.insert(std::ranges::lower_bound(files, file.id, {}, &task::File::id), std::move(file));
}

bool is_listed(const std::optional<store::FileRow>& row) { return row && !row->gone; }

}  // namespace

std::optional<ArchiveIndex> ArchiveFiles::update(const ArchiveIndex& before, const std::vector<RowChange>& changes,
                                                 const RowOf& row_of) && {
  const auto& old = before.findings();
  if (!problem_.empty() || changes.size() > max_changes || before.is_scattered() || old.valid_until <= now_) return std::nullopt;
  findings_.names = old.names;
  findings_.conflicts = old.conflicts;
  findings_.repeated = old.repeated;
  findings_.future = old.future;
  findings_.too_small = old.too_small;
  Places places;
  for (const auto& change : changes)
    if (is_listed(change.before) && !unuse(change.id, *change.before, places)) return std::nullopt;
  for (const auto& change : changes)
    if (is_listed(change.after) && !use(change.id, change.after, places)) return std::nullopt;
  std::vector<ArchiveIndex::Group> groups;
  for (auto& [place, ids] : places) {
    if (depends_on_neighbours(before, place, changes.size())) return std::nullopt;
    auto group = group_at(before, place, std::move(ids), row_of);
    if (!group) return std::nullopt;
    groups.push_back(std::move(*group));
  }
  compose_findings();
  return before.with(std::move(groups), std::move(findings_));
}

// Removes what an earlier row has added. Returns false if all files must be added again.
bool ArchiveFiles::unuse(const std::string& id, const store::FileRow& row, Places& places) {
  const auto use = use_of(id, row);
  const auto& file = use.candidate.file;
  if (use.reason.empty()) {
    places[{file.router, file.covers.from}];
    return !use.candidate.later;
  }
  if (use.future) remove_file(findings_.future, id);
  if (use.too_small) remove_file(findings_.too_small, id);
  return remove_name(findings_.names, use.reason, id);
}

bool ArchiveFiles::use(const std::string& id, const store::FileRow& row, Places& places) {
  auto use = use_of(id, row);
  const auto& file = use.candidate.file;
  if (use.reason.empty()) {
    places[{file.router, file.covers.from}].insert(id);
    return !use.candidate.later;
  }
  add_name(findings_.names, use.reason, id);
  if (use.future) add_file(findings_.future, std::move(use.candidate.file));
  if (use.too_small) add_file(findings_.too_small, std::move(use.candidate.file));
  return true;
}

// Whether the meaning of a local time that occurs twice may follow from the files at this place: unless a file that has not
// changed lies between them.
bool ArchiveFiles::depends_on_neighbours(const ArchiveIndex& before, const Place& place, std::size_t changes) const {
  const auto& [router, from] = place;
  for (const auto& [other, time] : findings_.repeated) {
    if (other != router) continue;
    const auto [first, last] = before.starting(router, {std::min(from, time) + 1, std::max(from, time)});
    if (time == from || last <= first + changes) return true;
  }
  return false;
}

// Returns the files of a place after the changes, and replaces its conflict. nullopt: all files must be added again.
std::optional<ArchiveIndex::Group> ArchiveFiles::group_at(const ArchiveIndex& before, const Place& place,
                                                          std::set<std::string> ids, const RowOf& row_of) {
  const auto& [router, from] = place;
  const auto [first, last] = before.starting(router, {from, from + 1});
  for (auto i = first; i < last; ++i) ids.insert(before.files()[i].file.id);
  std::erase_if(findings_.conflicts, [&](const FileConflict& conflict) {
    if (conflict.router != place.first || conflict.from != place.second) return false;
    ids.insert(conflict.files.begin(), conflict.files.end());
    return true;
  });
  Candidates candidates;
  for (const auto& id : ids) {  // in order
    const auto row = row_of(id);
    if (!is_listed(row)) continue;
    auto use = use_of(id, *row);
    const auto& file = use.candidate.file;
    if (!use.reason.empty() || file.router != router || file.covers.from != from) continue;
    if (use.candidate.later) return std::nullopt;
    candidates.push_back(std::move(use.candidate));
  }
  if (duplicates_ != Duplicates::all && candidates.size() > 1) resolve_group(candidates);
  ArchiveIndex::Group group{router, from, {}};
  for (auto& candidate : candidates)
    if (candidate.file.present) group.files.push_back(std::move(candidate.file));
  return group;
}

}  // namespace mole::coordinator::jobs
