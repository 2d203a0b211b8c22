#include "coordinator/control/change.hpp"

namespace mole::coordinator::control {

store::CatalogueRow& Change::edit(const leases::JobKey& job) {
  const auto found = rows_.find(job);
  if (found != rows_.end()) return found->second;
  return rows_[job] = records_.catalogue(job.fingerprint, job.from).value_or(store::CatalogueRow{});
}

std::uint64_t Change::flush() {
  for (const auto& [job, row] : rows_) records_.put(batch, job.fingerprint, job.from, row);
  must_sync_ = must_sync_ || !batch.empty();
  const auto ticket = records_.store().write(batch);
  batch = {};
  rows_.clear();
  return ticket;
}

}  // namespace mole::coordinator::control
