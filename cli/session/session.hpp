// A connection to a coordinator; session/README.md describes how it is found.
#pragma once

#include "coordinator/wire/client_api.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mole::cli {

// The global options, with defaults filled in.
struct Options {
  std::filesystem::path state = "mole-state";  // --state, else $MOLE_STATE
  std::string coordinator;                     // --coordinator; empty: that of the state folder
  std::filesystem::path secret;                // --secret, else $MOLE_SECRET_FILE; empty: STATE/secret
  std::vector<std::filesystem::path> plugins;  // --plugins, searched first, in this order
  bool json = false;
  std::uint32_t slots = 1;        // embedded node: concurrent tasks
  std::uint32_t threads = 0;      // embedded node: threads per task; 0: all cores
  std::uint64_t memory = 0;       // embedded node: bytes per worker; 0: the node's default
  bool columns = true;            // embedded node: cache decoded columns
  std::uint64_t cache_limit = 0;  // embedded node: bytes of the file cache; 0: nodes::default_cache_limit
  std::string stall_limit;        // embedded node: how long a worker may go without progress; empty: the node's default
};

// What a command needs a coordinator for.
enum class Need {
  read,   // to read and plan; the state must exist
  store,  // to store something; the state is created if needed
  work,   // to run tasks; starts an embedded node
};

// The file cache of an embedded node: staged files and decoded columns.
struct FileCache {
  std::filesystem::path folder;
  std::uint64_t bytes = 0;  // used now
  std::uint64_t limit = 0;  // 0: not known, because this process has no node
};

class Session {
 public:
  virtual ~Session() = default;
  virtual coordinator::ClientApi& api() = 0;
  // The state folder with "blobs/" and "tables/"; empty for a coordinator chosen by address.
  virtual std::filesystem::path folder() const = 0;
  // True if the coordinator is in this process, so that requests make progress only while this process runs.
  virtual bool embedded() const { return false; }
  // The file cache in the state folder; nullopt: there is none.
  virtual std::optional<FileCache> cache() const { return std::nullopt; }
  // Restarts the embedded node if it has exited; returns an error if that fails. Cheap; called at every poll.
  // transient: the other run has ended.
  virtual Result<> check() { return {}; }
  // The process of a different `mole run` whose coordinator this session uses; 0: none.
  virtual pid_t other_run() const { return 0; }
  // Waits at most this long for that process to end. Returns whether it has ended.
  virtual bool other_run_ended(std::chrono::milliseconds) const { return false; }
};

// Returns the plugin folders in increasing precedence.
std::vector<std::filesystem::path> plugin_search_path(const Options& options);
// Appends --plugins FOLDER for each folder in `options`, for a mole-worker.
void add_plugin_folders(std::vector<std::string>& command, const Options& options);

// Opens the session that the options select. missing: there is no state (`read`); unsupported: another process has locked the
// state and is not listening.
Result<std::unique_ptr<Session>> open_session(const Options& options, Need need);

}  // namespace mole::cli
