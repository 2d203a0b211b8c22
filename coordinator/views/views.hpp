// Files derived from the store: the links of tables/ and the folders of finished requests. They are written after the
// change is durable. Files missing after a crash or a failed write are written at the next start.
#pragma once

#include "coordinator/requests/request.hpp"
#include "coordinator/store/records.hpp"
#include "coordinator/views/in_flight_tickets.hpp"
#include "coordinator/views/table_links.hpp"
#include "sdk/model/mutex.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace mole::coordinator::views {

// Files to write after one change.
struct Update {
  struct Link {
    std::string module;
    Digest fingerprint;
    Micros from = 0;
    Digest rows;
  };
  std::vector<Link> links;
  std::vector<std::string> relink;             // modules whose links are all rebuilt
  std::vector<std::uint64_t> folders;          // of requests that have finished now
  std::vector<std::uint64_t> missing_folders;  // of requests finished earlier; written only if incomplete

  bool empty() const { return links.empty() && relink.empty() && folders.empty() && missing_folders.empty(); }
};

// Thread-safe.
class Views {
 public:
  Views(std::filesystem::path state, const store::Records& records, const store::Blobs& blobs)
      : state_(std::move(state)), records_(records), blobs_(blobs), tables_(state_ / "tables", blobs) {}

  // Delays wait() until the ticket ends. Open it before the change is visible to other callers.
  InFlightTickets& tickets() { return tickets_; }
  // Returns when the files of all changes made so far are written.
  void wait() { tickets_.wait(); }

  void write(const Update& update) MOLE_EXCLUDES(mutex_);

 private:
  void relink(const std::string& module) MOLE_REQUIRES(mutex_);
  void link(const std::vector<Update::Link>& links) MOLE_REQUIRES(mutex_);
  bool has_folder(std::uint64_t number) const;
  void write_folder(std::uint64_t number) MOLE_REQUIRES(mutex_);
  Digest current_fingerprint(const std::string& module) const;

  const std::filesystem::path state_;
  const store::Records& records_;
  const store::Blobs& blobs_;
  InFlightTickets tickets_;
  Mutex mutex_;  // one writer at a time
  TableLinks tables_ MOLE_GUARDED_BY(mutex_);
};

}  // namespace mole::coordinator::views
