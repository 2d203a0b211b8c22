// Registers nodes, leases tasks to them, and handles the loss of silent nodes.
#pragma once

#include "coordinator/control/listings.hpp"

namespace mole::coordinator::control {

class Grants {
 public:
  Grants(const store::Records& records, State& state, Requests& requests, Listings& listings)
      : records_(records), state_(state), requests_(requests), listings_(listings) {}

  // Call at start. Tasks that were leased when the coordinator stopped stay with their nodes for the length of a lease.
  void adopt_stored() MOLE_REQUIRES(service_mutex);
  // Handles expired leases, lost nodes, and archives to list again.
  void tick(Change& change) MOLE_REQUIRES(service_mutex);

  Result<Registration> register_node(const NodeInfo& info, Change& change) MOLE_REQUIRES(service_mutex);
  Result<std::vector<task::Spec>> lease(const LeaseRequest& request, Change& change) MOLE_REQUIRES(service_mutex);
  HeartbeatReply heartbeat(const Heartbeat& heartbeat, Change& change) MOLE_REQUIRES(service_mutex);

 private:
  leases::MediaWait media_wait() MOLE_REQUIRES(service_mutex);
  void store_node(const NodeRow& node, Change& change) const;
  std::uint64_t unused_number() const MOLE_REQUIRES(service_mutex);  // for a new node
  void set_drives() MOLE_REQUIRES(service_mutex);
  void manage_cache(const leases::Grant& grant, const std::string& node, task::Spec& spec) MOLE_REQUIRES(service_mutex);
  Result<task::Spec> fetch_spec_of(const leases::Grant& grant) MOLE_REQUIRES(service_mutex);
  Result<task::Spec> spec_of(const leases::Grant& grant) MOLE_REQUIRES(service_mutex);
  Result<task::Spec> archive_spec_of(const leases::Grant& grant, const Request& request) MOLE_REQUIRES(service_mutex);

  const store::Records& records_;
  State& state_;
  Requests& requests_;
  Listings& listings_;
  leases::MediaWait media_wait_ MOLE_GUARDED_BY(service_mutex);
  std::optional<Micros> media_wait_at_ MOLE_GUARDED_BY(service_mutex);  // as returned by State::now
};

}  // namespace mole::coordinator::control
