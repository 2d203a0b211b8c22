// Applies the results of archive tasks: listings, and verifications of files.
#pragma once

#include "coordinator/control/requests.hpp"

namespace mole::coordinator::control {

class Listings {
 public:
  Listings(const Config& config, const store::Records& records, State& state, Requests& requests)
      : config_(config), records_(records), state_(state), requests_(requests) {}

  void relist_waiting() MOLE_REQUIRES(service_mutex);  // lists archives again for requests that wait for files
  // Returns the completion as a failed one, so that the task is repeated, if it belongs to a listing and reports differences that
  // cannot be applied. nullopt: otherwise.
  std::optional<Completion> refused(const Completion& completion) const MOLE_REQUIRES(service_mutex);
  // `entries`: the report's listing.
  void apply_listing(const leases::ArchiveTask& task, Request& request, const task::Report& report,
                     const std::vector<task::IndexEntry>& entries, Change& change) MOLE_REQUIRES(service_mutex);
  // Records the result for the files of one block; after the last block, ends the request.
  void apply_verification(const leases::ArchiveTask& task, Request& request, const task::Report& report, Change& change)
      MOLE_REQUIRES(service_mutex);

 private:
  void listing_failed(const leases::ArchiveTask& task, const Request& request, const task::Report& report, Change& change)
      MOLE_REQUIRES(service_mutex);
  // Returns the rows that the listing changes.
  Result<std::vector<jobs::RowChange>> changes_of(const std::string& archive, const task::Report& report,
                                                  const std::vector<task::IndexEntry>& entries) const
      MOLE_REQUIRES(service_mutex);
  Result<std::vector<jobs::RowChange>> differences_of(const std::string& archive, const task::Report& report) const
      MOLE_REQUIRES(service_mutex);
  void store_listing(const std::string& archive, const Request& request, const task::Report& report,
                     const std::vector<jobs::RowChange>& changes, Change& change) MOLE_REQUIRES(service_mutex);
  void proceed_listed(const std::string& archive, Change& change) MOLE_REQUIRES(service_mutex);
  void replan_readers(const std::string& archive, Change& change) MOLE_REQUIRES(service_mutex);

  const Config& config_;
  const store::Records& records_;
  State& state_;
  Requests& requests_;
};

}  // namespace mole::coordinator::control
