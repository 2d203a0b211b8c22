// Finds and removes what no current result, request or running task needs (docs/decisions/0232-garbage.md).
//
// Rows are looked for in a snapshot, without the lock, and removed in small steps under it, each of which checks again what has
// been submitted since. A row goes before what it names: a folder or blob without a row is harmless and is found the next time.
#pragma once

#include "coordinator/control/state.hpp"
#include "coordinator/wire/documents/collection.hpp"

namespace mole::coordinator::control {

class Garbage {
 public:
  using Step = std::function<void(Change&)>;       // called with the service's lock
  using Apply = std::function<void(const Step&)>;  // calls a step under the lock; returns when its changes are durable
  using Stop = std::function<bool()>;              // whether to return early

  Garbage(const Config& config, const store::Records& records, store::Blobs& blobs, State& state)
      : config_(config), records_(records), blobs_(blobs), state_(state) {}

  // transient: another call is at work.
  Result<Collection> collect(const CollectOptions& options, const Apply& apply, const Stop& stop) MOLE_EXCLUDES(service_mutex);

 private:
  // What is needed: revisions, and the digests in their rows, which include the fingerprints of their modules.
  struct Needed {
    std::set<Digest> revisions, digests;
    std::set<std::uint64_t> requests;  // named by modules
    std::uint64_t next_request = 0;    // requests from this number on have not been looked at
  };
  struct OldRequest {
    std::uint64_t number = 0;
    std::vector<std::string> clients;
  };
  struct Found {
    Needed needed;
    std::vector<OldRequest> requests;
    std::vector<std::string> clients;            // of requests that do not exist
    std::vector<std::filesystem::path> folders;  // of requests that do not exist
    std::vector<Digest> revisions;
    std::set<Digest> fingerprints;
    std::set<std::uint32_t> silent;      // numbers of nodes that have been silent for long
    std::set<std::uint32_t> holders;     // numbers of nodes whose states are kept
    std::vector<leases::JobKey> held;    // jobs whose states are on silent nodes
    std::set<std::uint64_t> have_loads;  // numbers of nodes that did something
  };
  using Counts = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>;  // number and bytes, by kind
  static void add(Counts& counts, const std::string& kind, std::uint64_t bytes) {
    ++counts[kind].first;
    counts[kind].second += bytes;
  }
  static std::uint64_t bytes_of_folder(const std::filesystem::path& folder);  // without files that are linked elsewhere
  // A result goes before its lineage.
  static constexpr std::pair<Table, const char*> tables_of_jobs[] = {
      {Table::catalogue, "catalogue rows"}, {Table::lineage, "lineage rows"}, {Table::failures, "failure rows"}};

  // ---- garbage_search.cpp
  void read_memory(Needed& needed) const MOLE_REQUIRES(service_mutex);
  void read_new_requests(Needed& needed) const MOLE_REQUIRES(service_mutex);
  Found find(const Retention& keep, Counts& counts) MOLE_EXCLUDES(service_mutex);
  void find_requests(const store::Records& now, const Retention& keep, Found& found, Counts& counts) const;
  void find_revisions(const store::Records& now, Found& found, Counts& counts) const;
  void find_job_rows(const store::Records& now, Found& found, Counts& counts) const;
  std::vector<Digest> claimed_blobs(const store::Records& now, const Found& found, bool all_rows) const;
  // Returns how long each registered node has been silent; since now, if that is not known.
  std::map<std::string, Micros> silences() const MOLE_REQUIRES(service_mutex);
  std::set<std::uint32_t> silent_nodes(const Retention& keep) const MOLE_REQUIRES(service_mutex);
  std::vector<std::string> old_nodes(const Found& found, const Retention& keep) const MOLE_REQUIRES(service_mutex);

  // ---- garbage.cpp
  void remove_requests(Found& found, const Apply& apply, const Stop& stop, Counts& counts);
  void remove_job_rows(Found& found, const Apply& apply, const Stop& stop, Counts& counts);
  std::size_t erase_rows(const Digest& fingerprint, std::size_t limit, Change& change, Counts& counts)
      MOLE_REQUIRES(service_mutex);
  void remove_revisions(Found& found, const Apply& apply, const Stop& stop, Counts& counts);
  void remove_events(const Retention& keep, bool dry_run, const Apply& apply, const Stop& stop, Counts& counts);
  void remove_states(const Found& found, const Retention& keep, bool dry_run, const Apply& apply, const Stop& stop,
                     Counts& counts);
  void remove_nodes(const Found& found, const Retention& keep, bool dry_run, const Apply& apply, Counts& counts);
  void remove_blobs(Found& found, const Retention& keep, bool dry_run, const Stop& stop, Counts& counts);

  const Config& config_;
  const store::Records& records_;
  store::Blobs& blobs_;
  State& state_;
  std::mutex at_work_;
};

// exhausted: so many nodes are registered that no further name is accepted.
Result<> check_room(const State& state, const std::string& node) MOLE_REQUIRES(service_mutex);

}  // namespace mole::coordinator::control
