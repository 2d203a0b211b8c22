// A request: "this module, [from, to)", or a task on an archive. Durable when `submit` returns.
//
//   accepted -> running <-> waiting -> complete | partial | failed        any but the last three -> cancelled
//
// accepted: its archives are being listed. waiting: the remaining jobs are past the end of the archive. Jobs are not stored: the
// remaining ones follow from their keys at any time (jobs/).
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/leases/scheduler.hpp"
#include "coordinator/wire/documents/request.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mole::coordinator::requests {

inline std::string request_id(std::uint64_t number) { return "r" + std::to_string(number); }
// "r17" -> 17. missing: not a valid id.
Result<std::uint64_t> request_number(const std::string& id);

struct Request {
  std::uint64_t number = 0;
  RequestKind kind = RequestKind::run;
  std::string pipeline;
  std::string module;   // run: empty for all
  std::string archive;  // index, verify: "pipeline/archive"
  TimeRange range;      // rounded outward to blocks
  bool partial = false;
  std::int32_t priority = 0;
  std::string client_id;
  std::vector<std::string> overrides;  // run: of the manifest (--set), as submitted
  Digest revision;                     // of the graph
  Micros submitted = 0, finished = 0;  // wall clock
  RequestState state = RequestState::accepted;
  std::string reason;
  std::string code;      // failed before any job ran: why, as a word ("missing", "invalid", "exhausted", ...)
  bool damaged = false;  // verify: some file is not sound. In memory only, because it follows from the rows of the files
  // Final values, set when it ends.
  JobCounts counts;
  std::optional<double> coverage;  // mean over the requested jobs
  // The same for jobs without and with a window, their own or of a module they read. Empty unless there are jobs of both kinds.
  std::optional<double> coverage_plain, coverage_windowed;
  std::vector<JobFailure> failures;
  std::vector<std::string> waits;
  FileProgress files;
  ByteProgress bytes;

  // In memory only.
  std::shared_ptr<const dag::Graph> graph;  // the part of its pipeline that the request needs; shared with its plan
  std::set<std::string> unlisted;           // archives that must be listed first

  std::string id() const { return request_id(number); }
  bool terminal() const { return is_final(state); }
};

nlohmann::json to_row(const Request& request);
Request request_from_row(std::uint64_t number, const nlohmann::json& row);

// Returns the document of Api::request. `counts`: for a live request, from the scheduler.
RequestStatus describe(const Request& request, const JobCounts& counts, bool with_failures);

}  // namespace mole::coordinator::requests
