// The coordinator as the command line and other clients use it. The documents it returns are described in docs/formats/api.md.
#pragma once

#include "coordinator/wire/blob_api.hpp"
#include "sdk/model/time.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace mole::coordinator {

struct Submission {
  std::string manifest;                // YAML text
  std::string manifest_name;           // for messages: the path as the user wrote it
  std::string base;                    // absolute folder; relative paths in the manifest are relative to it
  std::vector<std::string> overrides;  // "modules.mean.window=1d", applied before validation (--set)
  std::string module;                  // empty: every module of the pipeline
  TimeRange range;                     // rounded outward to blocks
  bool partial = false;                // also compute blocks past the end of the archive
  std::int32_t priority = 0;           // higher first
  std::string client_id;               // chosen by the caller; submitting again with the same id returns the same request
};

// Thread-safe.
class ClientApi : public virtual BlobApi {
 public:
  // Accepts a request. It is durable when this returns. Accepted
  virtual Result<nlohmann::json> submit(const Submission&) = 0;
  // Says what `submit` would do. PlanReport
  virtual Result<nlohmann::json> plan(const Submission&) = 0;
  // Validates the manifest and describes its pipeline. PipelineDescription
  virtual Result<nlohmann::json> validate(const Submission&) = 0;
  // RequestStatus
  virtual Result<nlohmann::json> request(const std::string& id) = 0;
  // Lists the latest requests, oldest first. RequestStatus without failures
  virtual Result<nlohmann::json> requests() = 0;
  // Withdraws a request; what it has computed is kept. RequestStatus
  virtual Result<nlohmann::json> cancel(const std::string& id) = 0;
  // ClusterStatus
  virtual Result<nlohmann::json> status() = 0;
  // Says why a job ran, is reused or waits. job: "PIPELINE/MODULE@2007-09-22T18:00:00Z". JobExplanation
  virtual Result<nlohmann::json> explain(const std::string& job) = 0;
  // Traces one number to files, plugins and upstream blocks. Lineage
  virtual Result<nlohmann::json> why(const std::string& module, const std::string& column, Micros time) = 0;
  // Lists the stored rows of a module ("PIPELINE/MODULE"). An empty range means all. ModuleResults
  virtual Result<nlohmann::json> results(const std::string& module, TimeRange range) = 0;
  // Lists the files ("ls": list of ArchiveFile) or the missing and damaged files ("gaps": ArchiveGaps) of "PIPELINE/ARCHIVE".
  virtual Result<nlohmann::json> archive(const std::string& archive, const std::string& what) = 0;
  // Lists an archive again ("index") or reads all its files ("verify"): a durable request, as `submit`. Accepted
  virtual Result<nlohmann::json> archive_task(const Submission&, const std::string& archive, const std::string& what) = 0;
  // Returns rows of one table of the store, from a snapshot. `from`: "" or `next` of the previous call. TableDump
  virtual Result<nlohmann::json> dump(const std::string& table, const std::string& from, std::uint32_t limit) = 0;
};

}  // namespace mole::coordinator
