// Completed tasks: checks reports and turns them into catalogue rows, file rows, failures and verdicts.
#pragma once

#include "coordinator/control/change.hpp"
#include "coordinator/control/listings.hpp"
#include "coordinator/control/requests.hpp"
#include "coordinator/control/state.hpp"
#include "coordinator/store/blobs.hpp"
#include "coordinator/wire/node_api.hpp"

#include <string>
#include <vector>

namespace mole::coordinator::control {

// Completions with valid reports: every index, digest and number has been checked.
struct CheckedCompletions {
  const std::vector<Completion>& completions;
  std::vector<std::vector<task::IndexEntry>> listings;  // one per completion, from its report or from a blob
  std::vector<Digest> listing_blobs;                    // blobs that were read; remove them when the listings are stored
};

class Completions {
 public:
  Completions(const store::Records& records, store::Blobs& blobs, State& state, Requests& requests, Listings& listings)
      : records_(records), blobs_(blobs), state_(state), requests_(requests), listings_(listings) {}

  // Checks reports, which are untrusted, and reads the listings they refer to. Takes no lock. `completions` must
  // outlive the result. transient: a blob has not been uploaded yet.
  Result<CheckedCompletions> check(const std::vector<Completion>& completions) const;
  std::vector<Verdict> apply(const CheckedCompletions& checked, Change& change) MOLE_REQUIRES(service_mutex);

 private:
  // ---- completions.cpp
  Result<> check_report(const Completion& completion) const;
  Result<std::vector<task::IndexEntry>> read_listing(const task::Report& report) const;
  Verdict apply_one(const Completion& given, const std::vector<task::IndexEntry>& listing, Change& change)
      MOLE_REQUIRES(service_mutex);
  bool apply_file_reports(const Completion& completion, Change& change) MOLE_REQUIRES(service_mutex);
  // ---- unreadable_files.cpp
  bool count_unread_files(const Completion& completion, const std::string& archive, Change& change) MOLE_REQUIRES(service_mutex);
  bool give_up_file(const task::File& file, const std::string& archive, const std::string& why, Change& change)
      MOLE_REQUIRES(service_mutex);
  // ---- completions.cpp
  void count_progress(requests::Request& request, const task::Report& report) const;
  void store_failures(const Completion& completion, const leases::Effects& effects, Change& change) MOLE_REQUIRES(service_mutex);
  static void log_completion(const Completion& completion, const leases::Effects& effects, Change& change);
  Verdict stale_or_duplicate(const Completion& completion, const Change& change) const;
  // ---- results.cpp
  void apply_result(const Completion& completion, const leases::SettledStep& step, Change& change) MOLE_REQUIRES(service_mutex);
  void note_inputs(const task::Step& step, const leases::JobKey& job, nlohmann::json& lineage) MOLE_REQUIRES(service_mutex);
  void apply_duplicate(const Completion& completion, const leases::SettledStep& step, Change& change)
      MOLE_REQUIRES(service_mutex);
  bool drop_missing_blobs(const Completion& completion, Change& change) MOLE_REQUIRES(service_mutex);
  bool drop_state(const task::Step& step, const task::StateRef& state, Change& change) const;
  bool drop_rows(const std::string& module, const task::RowsRef& rows, Change& change) MOLE_REQUIRES(service_mutex);

  const store::Records& records_;
  store::Blobs& blobs_;
  State& state_;
  Requests& requests_;
  Listings& listings_;
};

}  // namespace mole::coordinator::control
