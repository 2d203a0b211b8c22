// A request: "this module, [from, to)", or a task on an archive. Durable from the moment `submit` answers.
//
//   ACCEPTED -> RUNNING <-> WAITING -> COMPLETE | PARTIAL | FAILED        any but the last three -> CANCELLED
//
// ACCEPTED: its archives are being listed. WAITING: all that is left lies past the archive's end. Jobs have no rows: what is
// left to do follows from the keys, at any time (jobs/).
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/leases/scheduler.hpp"
#include "coordinator/wire/client_api.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace mole::coordinator::requests {

struct Request {
  std::uint64_t number = 0;
  std::string kind = "run";  // "run", "index", "verify"
  std::string pipeline;
  std::string module;   // run: empty for all
  std::string archive;  // index, verify: "pipeline/archive"
  TimeRange range;      // rounded outward to blocks
  bool partial = false;
  std::int32_t priority = 0;
  std::string client_id;
  std::vector<std::string> overrides;  // run: of the manifest (--set), as asked
  Digest revision;                     // of the graph
  Micros submitted = 0, finished = 0;  // wall clock, for people
  std::string state = "ACCEPTED";
  std::string reason;
  std::string code;  // FAILED before any job ran: why, as a word ("missing", "invalid", "exhausted", ...)
  // Written when it ends.
  leases::JobCounts counts;
  double coverage = -1;  // mean over the asked jobs; below 0: none
  // Of these the jobs of modules without and with a window, their own or of what they read; below 0: not of both kinds.
  double coverage_plain = -1, coverage_windowed = -1;
  nlohmann::json failures = nlohmann::json::array();
  std::vector<std::string> waits;
  std::uint64_t files_total = 0, files_done = 0, bytes_total = 0, bytes_done = 0;
  // Of files read by tasks of this request since the coordinator started; one that two blocks need counts twice.
  std::uint64_t files_decoded = 0, files_from_columns = 0;

  // In memory only.
  std::shared_ptr<const dag::Graph> graph;  // what the request needs of its pipeline; shared with its plan
  std::set<std::string> unlisted;           // archives that must be listed first

  std::string id() const { return "r" + std::to_string(number); }
  bool terminal() const { return state == "COMPLETE" || state == "PARTIAL" || state == "FAILED" || state == "CANCELLED"; }
};

// "r17" -> 17. missing if it is no request's id.
Result<std::uint64_t> request_number(const std::string& id);

nlohmann::json to_row(const Request& request);
Request request_from_row(std::uint64_t number, const nlohmann::json& row);

// The document of a request. Of a live one, counts come from the scheduler.
RequestStatus describe(const Request& request, const leases::JobCounts& counts, bool with_failures);

}  // namespace mole::coordinator::requests
