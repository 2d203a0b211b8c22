#include "coordinator/control/change.hpp"

namespace mole::coordinator::control {

store::CatalogueRow& Change::edit(const leases::JobKey& job) {
  const auto [found, added] = rows_.try_emplace(job);
  if (added) found->second = records_.catalogue(job.fingerprint, job.from).value_or(store::CatalogueRow{});
  return found->second;
}

json& Change::edit_lineage(const leases::JobKey& job) {
  const auto [found, added] = lineage_.try_emplace(job);
  if (added) found->second = records_.job_row(Table::lineage, job.fingerprint, job.from);
  if (!found->second.is_object()) found->second = json::object();
  return found->second;
}

std::optional<store::CatalogueRow> Change::catalogue(const leases::JobKey& job) const {
  if (const auto found = rows_.find(job); found != rows_.end()) return found->second;
  return records_.catalogue(job.fingerprint, job.from);
}

Change::File& Change::file_entry(const std::string& archive, const std::string& id) {
  const auto [found, added] = files_.try_emplace({archive, id});
  if (added) found->second.row = records_.file(archive, id);
  return found->second;
}

const std::optional<store::FileRow>& Change::file(const std::string& archive, const std::string& id) {
  return file_entry(archive, id).row;
}

void Change::put_file(const std::string& archive, const std::string& id, const store::FileRow& row) {
  file_entry(archive, id) = {row, true};
}

std::uint64_t Change::flush() {
  for (const auto& [job, row] : rows_) records_.put(batch, job.fingerprint, job.from, row);
  for (const auto& [job, row] : lineage_) records_.put_job_row(batch, Table::lineage, job.fingerprint, job.from, row);
  for (const auto& [key, file] : files_)
    if (file.changed) records_.put_file(batch, key.first, key.second, *file.row);
  must_sync_ = must_sync_ || !batch.empty();
  const auto ticket = records_.store().write(batch);
  batch = {};
  rows_.clear();
  lineage_.clear();
  files_.clear();
  return ticket;
}

}  // namespace mole::coordinator::control
