#include "coordinator/jobs/listing.hpp"

namespace mole::coordinator::jobs {
namespace {

store::FileRow new_row(const task::IndexEntry& entry, std::uint64_t revision) {
  return {.size = entry.size,
          .revision = revision,
          .position = entry.position,
          .digest = {},
          .columns = {},
          .version = entry.version,
          .medium = entry.medium,
          .stated_digest = entry.stated_digest,
          .offline = entry.offline,
          .tier = static_cast<std::uint8_t>(entry.tier)};
}

// Whether the same content is listed, but not in the same place or way as before.
bool is_elsewhere(const store::FileRow& row, const task::IndexEntry& entry) {
  return row.gone || row.medium != entry.medium || row.position != entry.position || row.stated_digest != entry.stated_digest ||
         row.offline != entry.offline || row.tier != entry.tier;
}

// Whether other content is listed. Tiers have versions of their own, so only those of one tier are compared; digests of different
// algorithms cannot be compared.
bool has_changed(const store::FileRow& row, const task::IndexEntry& entry) {
  const auto algorithm = row.stated_digest.substr(0, row.stated_digest.find(':') + 1);
  return row.size != entry.size || (row.tier == entry.tier && row.version != entry.version) ||
         (!algorithm.empty() && entry.stated_digest.starts_with(algorithm) && entry.stated_digest != row.stated_digest);
}

}  // namespace

FileRows apply_listing(const FileRows& known, const std::vector<task::IndexEntry>& listed) {
  FileRows changes;
  std::map<std::string_view, const task::IndexEntry*> entries;
  for (const auto& entry : listed)
    if (task::is_usable_id(entry.id)) entries[entry.id] = &entry;
  for (const auto& [name, entry] : entries) {
    const auto& id = entry->id;
    const auto before = known.find(id);
    if (before == known.end()) {
      changes[id] = new_row(*entry, 1);
    } else if (has_changed(before->second, *entry)) {
      changes[id] = new_row(*entry, before->second.revision + 1);
    } else if (is_elsewhere(before->second, *entry)) {
      auto row = before->second;
      row.gone = false;
      row.version = entry->version;
      row.medium = entry->medium;
      row.position = entry->position;
      row.stated_digest = entry->stated_digest;
      row.offline = entry->offline;
      row.tier = static_cast<std::uint8_t>(entry->tier);
      changes[id] = std::move(row);
    }
  }
  for (const auto& [id, row] : known)
    if (!row.gone && !entries.contains(id)) {
      changes[id] = row;
      changes[id].gone = true;
    }
  return changes;
}

FileUpdate apply_file_report(const store::FileRow& known, const task::FileReport& report, std::uint64_t revision_read) {
  FileUpdate out{known, false, false, false};
  if (known.gone || known.revision != revision_read) return out;  // the file has changed since the task was granted
  if (report.state == task::FileState::missing) {
    out.row.gone = out.gone = out.changed = true;
    return out;
  }
  if (!known.digest.empty() && !report.digest.empty() && known.digest != report.digest) {
    ++out.row.revision;
    out.digest_changed = true;
  }
  if (!report.digest.empty()) out.row.digest = report.digest;
  if (report.state != task::FileState::unread) out.row.state = report.state;
  if (report.source != task::FlowSource::none) out.row.columns = report.columns;
  out.changed =
      out.row.digest != known.digest || out.row.columns != known.columns || out.row.state != known.state || out.digest_changed;
  return out;
}

}  // namespace mole::coordinator::jobs
