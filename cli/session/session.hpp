// A coordinator to talk to, wherever it is (session/README.md says how it is found).
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
  std::string coordinator;                     // --coordinator; empty: the state folder's own
  std::vector<std::filesystem::path> plugins;  // --plugins, searched first
  bool json = false;
  std::uint32_t slots = 1;    // of the embedded node: tasks at once
  std::uint32_t threads = 0;  // cores a task; 0: all there are
  std::uint64_t memory = 0;   // bytes a worker may take; 0: the node's default
  bool columns = true;        // the embedded node keeps decoded columns in its cache, and reads them
  std::string stall_limit;    // longest time of a worker without a sign of life; empty: the node's default
};

enum class Need {
  look,   // read and plan: an embedded coordinator is enough, and its state must be there
  store,  // the same, but the state is made if it is not there
  work,   // tasks must run: an embedded node beside it
};

class Session {
 public:
  virtual ~Session() = default;
  virtual coordinator::ClientApi& api() = 0;
  // Folder of the state this process owns ("blobs/", "tables/" lie in it); empty if the coordinator is elsewhere.
  virtual std::filesystem::path folder() const = 0;
  // False: the requests live only as long as this process works on them.
  virtual bool outlives_us() const = 0;
  // An error if work cannot go on: the embedded node ended and could not be started again. Cheap; asked at every poll.
  virtual Result<> check() = 0;
};

// Where plugins are looked for, in rising precedence.
std::vector<std::filesystem::path> plugin_search_path(const Options& options);

// The session the options ask for. missing: no state there and nothing to make it for (`look`); transient: the state is
// held by another process that does not answer.
Result<std::unique_ptr<Session>> open_session(const Options& options, Need need);

}  // namespace mole::cli
