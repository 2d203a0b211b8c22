// A connection to a coordinator; session/README.md describes how it is found.
#pragma once

#include "coordinator/wire/client_api.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace mole::cli {

// The global options, with defaults filled in.
struct Options {
  std::filesystem::path state = "mole-state";  // --state, else $MOLE_STATE
  std::string coordinator;                     // --coordinator; empty: that of the state folder
  std::vector<std::filesystem::path> plugins;  // --plugins, searched first
  bool json = false;
  std::uint32_t slots = 1;    // embedded node: concurrent tasks
  std::uint32_t threads = 0;  // embedded node: threads per task; 0: all cores
  std::uint64_t memory = 0;   // embedded node: bytes per worker; 0: the node's default
  bool columns = true;        // embedded node: cache decoded columns
  std::string stall_limit;    // embedded node: how long a worker may go without progress; empty: the node's default
};

// What a command needs a coordinator for.
enum class Need {
  read,   // to read and plan; the state must exist
  store,  // to store something; the state is created if needed
  work,   // to run tasks; starts an embedded node
};

class Session {
 public:
  virtual ~Session() = default;
  virtual coordinator::ClientApi& api() = 0;
  // The state folder with "blobs/" and "tables/"; empty for a coordinator chosen by address.
  virtual std::filesystem::path folder() const = 0;
  // True if the coordinator is in this process, so that requests make progress only while this process runs.
  virtual bool embedded() const { return false; }
  // Restarts the embedded node if it has exited; returns an error if that fails. Cheap; called at every poll.
  virtual Result<> check() { return {}; }
};

// Returns the plugin folders in increasing precedence.
std::vector<std::filesystem::path> plugin_search_path(const Options& options);

// Opens the session that the options select. missing: there is no state (`read`); transient: another process has locked the
// state and is not listening.
Result<std::unique_ptr<Session>> open_session(const Options& options, Need need);

}  // namespace mole::cli
