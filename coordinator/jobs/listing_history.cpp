#include "coordinator/jobs/listing.hpp"

#include <set>

namespace mole::coordinator::jobs {
namespace {

std::optional<task::IndexEntry> listed(const std::string& id, const std::optional<store::FileRow>& row) {
  if (!row || row->gone) return std::nullopt;
  return entry_of(id, *row);
}

}  // namespace

task::IndexEntry entry_of(const std::string& id, const store::FileRow& row) {
  return {id, row.size, row.version, row.medium, row.position, row.stated_digest, row.offline, row.tier};
}

void ListingHistory::add(const std::string& id, const store::FileRow& row) {
  if (!row.gone) present_.add(entry_of(id, row));
}

void ListingHistory::apply(const std::vector<RowChange>& changes, task::ListingDigest& digest) const {
  for (const auto& [id, before, after] : changes) {
    if (const auto entry = listed(id, before)) digest.remove(*entry);
    if (const auto entry = listed(id, after)) digest.add(*entry);
  }
}

Digest ListingHistory::after(const std::vector<RowChange>& changes) const {
  auto digest = present_;
  apply(changes, digest);
  return digest.value();
}

void ListingHistory::change(const std::vector<RowChange>& changes) {
  if (changes.size() > max_changes) {
    earlier_.clear();
    return apply(changes, present_);
  }
  Earlier earlier{present_.value(), {}};
  for (const auto& [id, before, after] : changes)
    if (auto entry = listed(id, before); entry != listed(id, after)) earlier.differences[id] = std::move(entry);
  if (earlier.differences.empty()) return;
  apply(changes, present_);
  earlier_.push_back(std::move(earlier));
  std::size_t kept = 0;
  for (auto at = earlier_.size(); at-- > 0;) {
    kept += earlier_[at].differences.size();
    if (kept <= max_changes && earlier_.size() - at < max_listings) continue;
    earlier_.erase(earlier_.begin(), earlier_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    return;
  }
}

std::vector<Digest> ListingHistory::known() const {
  std::vector<Digest> out{present()};
  for (auto at = earlier_.rbegin(); at != earlier_.rend(); ++at) out.push_back(at->listing);
  return out;
}

Result<ListedChanges> ListingHistory::changes_of(const task::Report& report) const {
  const auto refused = [&](const std::string& why) { return invalid("the listing of task " + report.task + " " + why); };
  if (!report.index_blob.empty()) return refused("has its differences in a blob; update the node");
  if (report.index.size() + report.removed.size() > max_listed_changes)
    return refused("has more than " + std::to_string(max_listed_changes) + " differences; update the node");
  ListedChanges changes;
  bool known = report.listing_before == present();
  for (auto at = earlier_.rbegin(); !known && at != earlier_.rend(); ++at) {
    for (const auto& [id, entry] : at->differences) changes[id] = entry;  // the older entry replaces a newer one
    known = at->listing == report.listing_before;
  }
  if (!known) return refused("is a difference to a listing that the coordinator does not know; the archive is listed again");
  std::set<std::string> ids;
  for (const auto& entry : report.index) {
    if (!task::is_usable_id(entry.id) || !ids.insert(entry.id).second)
      return refused("repeats a file or has an id that is not usable; update the node");
    changes[entry.id] = entry;
  }
  for (const auto& id : report.removed) {
    if (!task::is_usable_id(id) || !ids.insert(id).second)
      return refused("repeats a file or has an id that is not usable; update the node");
    changes[id] = std::nullopt;
  }
  return changes;
}

}  // namespace mole::coordinator::jobs
