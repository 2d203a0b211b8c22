// Files derived from the store: the links of tables/ and the folders of finished requests. A thread writes them after the change
// is durable. Files missing after a crash or a failed write are written at the next start.
#pragma once

#include "coordinator/requests/module_row.hpp"
#include "coordinator/requests/request.hpp"
#include "coordinator/store/blobs.hpp"
#include "coordinator/store/records.hpp"
#include "coordinator/views/in_flight_tickets.hpp"

#include <deque>
#include <memory>
#include <thread>

namespace mole::coordinator::views {

// tables/<pipeline>/<module>/block_date=YYYY-MM-DD/<block start>.parquet: one hard link per block to the rows blob in the
// catalogue, for DuckDB, Spark and other readers. The folder is named after the date on which the block starts; its rows may
// continue on the next day. A link is replaced by rename, so a reader sees either the old rows or the new ones.
class TableLinks {
 public:
  TableLinks(std::filesystem::path root, const store::Blobs& blobs) : root_(std::move(root)), blobs_(blobs) {}

  // Links one block to `rows`. Idempotent.
  Result<> link(const std::string& module, Micros block_from, const Digest& rows) const;
  // Replaces the links of a module with those of `rows` (block start -> blob). Other files are not touched.
  Result<> link_exactly(const std::string& module, const std::map<Micros, Digest>& rows);

  // The same, in a new folder that takes the place of the old one in one step, if the file system can do that.
  Result<> replace(const std::string& module, const std::map<Micros, Digest>& rows);

  static std::string file_of(Micros block_from);  // "block_date=2007-09-22/20070922T180000Z.parquet"
  std::filesystem::path path_of(const std::string& module, Micros block_from) const {
    return root_ / module / file_of(block_from);
  }

 private:
  std::filesystem::path root_;
  const store::Blobs& blobs_;
};

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
  std::vector<std::string> switched;           // modules whose results are now those of another fingerprint
  std::vector<std::uint64_t> folders;          // of requests that have just finished
  std::vector<std::uint64_t> missing_folders;  // of requests finished earlier; written only if incomplete

  bool empty() const { return links.empty() && relink.empty() && switched.empty() && folders.empty() && missing_folders.empty(); }
};

// Thread-safe.
class Views {
 public:
  Views(std::filesystem::path state, const store::Records& records, const store::Blobs& blobs)
      : state_(std::move(state)), records_(records), blobs_(blobs), tables_(state_, blobs), thread_([this] { run(); }) {}
  ~Views();  // writes the queued files first

  // A ticket delays wait() until it is destroyed. Open it before the change is visible to other callers.
  InFlightTickets& tickets() { return tickets_; }
  void wait() { tickets_.wait(); }  // until the files of all changes made before this call are written

  // Queues the files of a durable change and destroys `ticket` when they are written. Waits while the queue is full.
  void write(Update update, std::unique_ptr<InFlightTickets::Ticket> ticket) MOLE_EXCLUDES(mutex_);

 private:
  struct QueuedUpdate {
    Update update;
    std::unique_ptr<InFlightTickets::Ticket> ticket;
  };
  void run() MOLE_EXCLUDES(mutex_);
  // Called by the thread.
  void write_files(const Update& update);
  void relink(const std::string& module);
  void link(const std::vector<Update::Link>& links);
  void switch_table(const std::string& module);

  const std::filesystem::path state_;
  const store::Records& records_;
  const store::Blobs& blobs_;
  InFlightTickets tickets_;
  TableLinks tables_;  // used by the thread only
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<QueuedUpdate> queue_ MOLE_GUARDED_BY(mutex_);
  bool stopping_ MOLE_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mole::coordinator::views
