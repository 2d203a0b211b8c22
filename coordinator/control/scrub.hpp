// Reads all that the coordinator keeps, slowly, to find damage before a reader does (docs/decisions/0239-scrub.md): the files and
// rows of the database, blobs, the links in tables/ and the folders of requests.
//
// It reads without the lock, which it takes only to repair what it found, as a reader's find is: a damaged blob goes to the
// quarantine and comes from its file again, or its result counts as not computed; a derived row is removed. Each is an event.
#pragma once

#include "coordinator/control/requests.hpp"
#include "coordinator/control/scrub_report.hpp"

namespace mole::coordinator::control {

class Scrub {
 public:
  using Step = std::function<void(Change&)>;       // called with the service's lock
  using Apply = std::function<void(const Step&)>;  // calls a step under the lock; returns when its changes are durable
  using Wait = std::function<bool(Micros)>;        // sleeps; false: stop

  Scrub(const Config& config, const store::Records& records, store::Blobs& blobs, const Submissions& submissions,
        const RoutingTables& tables, views::Views& views, State& state, Requests& requests)
      : config_(config),
        records_(records),
        blobs_(blobs),
        submissions_(submissions),
        tables_(tables),
        views_(views),
        state_(state),
        requests_(requests) {}

  // Reads everything once, evenly over `period`, the blobs from a random one on. Stores the report in table `meta` when the round
  // is complete. One thread at a time. nullopt: stopped.
  std::optional<ScrubReport> round(Micros period, const Apply& apply, const Wait& wait) MOLE_EXCLUDES(service_mutex);

 private:
  struct Round;  // its pace and what it has found
  void check_database(Round& round) const;
  void check_rows(Table table, Round& round) const;
  void check_blobs(Round& round) const;
  void check_blob(const Digest& digest, Round& round) const;
  void drop_lost_results(Round& round) const;
  void check_links(Round& round) const;
  void check_request_folders(Round& round) const;

  const Config& config_;
  const store::Records& records_;
  store::Blobs& blobs_;
  const Submissions& submissions_;
  const RoutingTables& tables_;
  views::Views& views_;
  State& state_;
  Requests& requests_;
};

}  // namespace mole::coordinator::control
