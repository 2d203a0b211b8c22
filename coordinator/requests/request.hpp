// A request: "this module, [from, to)", or a task on an archive. Durable when `submit` returns.
//
//   accepted -> running <-> waiting -> complete | partial | failed        accepted | running | waiting -> cancelled
//
// accepted: its archives are being listed. waiting: the remaining jobs are past the end of the archive. Jobs are not stored:
// their keys show which ones remain (jobs/).
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/wire/documents/request.hpp"

#include <map>
#include <memory>
#include <set>

namespace mole::coordinator::requests {

inline std::string request_id(std::uint64_t number) { return "r" + std::to_string(number); }
Result<std::uint64_t> request_number(const std::string& id);  // "r17" -> 17. missing: not a valid id.

// The status as clients see it, and fields that only the coordinator needs. `jobs`, coverage and failures are set when it ends.
struct Request : RequestStatus {
  std::uint64_t number = 0;
  std::string client_id;
  Digest revision;                           // of the graph
  std::set<std::string> overridden;          // modules whose measurements its `--set` options change
  std::vector<JobFailure> given_up;          // the status's `failures`
  std::uint64_t changed = 0;                 // verify: files with a different content than when they were last read
  std::vector<DamagedFile> unreadable = {};  // given up while it ran. In memory only
  bool damaged = false;  // verify: some file is not sound. In memory only, because the rows of the files show it

  // In memory only.
  std::shared_ptr<const dag::Graph> graph;  // the part of its pipeline that the request needs; shared with its plan
  std::set<std::string> unlisted;           // archives that must be listed first
  struct Printed {
    std::uint64_t blocks = 0;
    Micros last = 0;  // start of a block
  };
  std::map<std::string, Printed> printed;  // modules whose processes printed something although they succeeded
  struct Absent {
    std::set<std::string> modules;   // that read the column
    std::set<std::string> decoders;  // of the files that do not have it
    std::set<Micros> blocks;
  };
  std::map<std::string, Absent> absent;  // columns that some files do not have, in the blocks computed for the request

  std::set<std::string> copies;  // ids of files that were not counted, because their content repeats that of another file

  // Flows of a module whose counters could not be converted to its scale, or whose rate is disputed (docs/formats/lineage.md).
  struct Sampled {
    std::uint64_t unscaled = 0, manifest_differs = 0, saturated = 0, not_divisible = 0;
  };
  std::map<std::string, Sampled> sampled;  // by module, in the blocks computed for the request

  TimeRange range() const { return {from, to}; }  // of whole blocks
  TimeRange asked() const { return {asked_from, asked_to}; }
  bool terminal() const { return is_final(state); }
};

// Says what a request is: "run of border/traffic, 2007-09-22T00:00:00Z .. 2007-09-23T00:00:00Z, priority 1".
std::string title_of(const Request& request);

nlohmann::json to_row(const Request& request);
Request request_from_row(std::uint64_t number, const nlohmann::json& row);

// Returns the document of Api::request. `jobs`: the scheduler's counts for an active request.
RequestStatus describe(const Request& request, const JobCounts& jobs, bool with_failures);

}  // namespace mole::coordinator::requests
