// The coordinator as the command line and other clients use it. The documents it returns are described in docs/formats/api.md.
#pragma once

#include "coordinator/wire/blob_api.hpp"
#include "coordinator/wire/documents/documents.hpp"
#include "sdk/model/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mole::coordinator {

struct Submission {
  std::string manifest, manifest_name, base;
  std::vector<std::string> overrides;
  std::string module;
  TimeRange range;
  bool partial = false;
  std::int32_t priority = 0;
  std::string client_id;
  bool internal = false;
  std::uint64_t sample = 0;
  std::uint64_t drives = 0, nodes = 0, cache_bytes = 0;

  static constexpr auto table = document(
      "Submission", "A manifest and a time range.",  //
      field("manifest", &Submission::manifest, "YAML text"),
      field("manifest_name", &Submission::manifest_name, "For messages: the path as the user wrote it"),
      field("base", &Submission::base, "Absolute folder; relative paths in the manifest are relative to it"),
      field("overrides", &Submission::overrides, "`modules.mean.window=1d`, applied before validation (`--set`)"),
      field("module", &Submission::module, "Requested module; empty: every module of the pipeline"),
      field("range", &Submission::range, "Rounded outward to blocks"),
      field("partial", &Submission::partial, "Blocks past the end of the archive are computed too"),
      field("priority", &Submission::priority, "Requests with a higher priority run first"),
      field("client_id", &Submission::client_id,
            "Chosen by the caller; submitting again with the same id returns the same request"),
      field("internal", &Submission::internal, "It prepares another request; lists of requests leave it out").optional(),
      field("sample", &Submission::sample, "`profile`: number of times whose files are read; 0: 12").optional(),
      field("drives", &Submission::drives, "`plan`: with this number of tape drives; 0: as configured").optional(),
      field("nodes", &Submission::nodes, "`plan`: with this number of nodes; 0: those of the coordinator").optional(),
      field("cache_bytes", &Submission::cache_bytes, "`plan`: with file caches of this size; 0: unlimited").unit("B").optional());
};

// Thread-safe.
class ClientApi : public virtual BlobApi {
 public:
  // Accepts a request. It is durable when this returns.
  virtual Result<Accepted> submit(const Submission&) = 0;
  // Describes what `submit` would do.
  virtual Result<PlanReport> plan(const Submission&) = 0;
  // Validates the manifest and describes its pipeline.
  virtual Result<PipelineDescription> validate(const Submission&) = 0;
  virtual Result<RequestStatus> request(const std::string& id) = 0;
  // Lists the latest requests, oldest first, without their failures.
  virtual Result<std::vector<RequestStatus>> requests() = 0;
  // Cancels a request; the results it has computed are kept.
  virtual Result<RequestStatus> cancel(const std::string& id) = 0;
  virtual Result<ClusterStatus> status() = 0;
  // Explains why a job ran, is reused or waits. job: "PIPELINE/MODULE@2007-09-22T18:00:00Z".
  // what_if: empty: the results of the manifest; the id of a request: its results; "last": those of the latest request with
  // `--set` options.
  virtual Result<JobExplanation> explain(const std::string& job, const std::string& what_if) = 0;
  // Traces one number to files, plugins and upstream blocks. what_if: as for explain.
  virtual Result<Lineage> why(const std::string& module, const std::string& column, Micros time, const std::string& what_if) = 0;
  // Lists the stored rows of a module ("PIPELINE/MODULE"). An empty range means all. what_if: as for
  // explain.
  virtual Result<ModuleResults> results(const std::string& module, TimeRange range, const std::string& what_if) = 0;
  // Lists the files in the index of an archive ("PIPELINE/ARCHIVE") that overlap the range; an empty range means all.
  virtual Result<std::vector<ArchiveFile>> archive_files(const std::string& archive, TimeRange range) = 0;
  // Lists the missing and damaged files of an archive.
  virtual Result<ArchiveGaps> archive_gaps(const std::string& archive) = 0;
  // Returns what the nodes did over time, merged into longer samples if there are many. An empty range means all.
  virtual Result<LoadHistory> load_history(TimeRange range) = 0;
  // Removes what no current result, request or node needs, or says what would be removed.
  virtual Result<Collection> collect_garbage(const CollectOptions& options) = 0;
  // Lists an archive again (index), or reads all its files (verify) or a sample of them (profile): a durable request, as with
  // `submit`.
  virtual Result<Accepted> archive_task(const Submission&, const std::string& archive, RequestKind kind) = 0;
  // Returns rows of one table of the store, from a snapshot. `from`: "" or `next` of the previous call.
  virtual Result<TableDump> dump(const std::string& table, const std::string& from, std::uint32_t limit) = 0;
};

}  // namespace mole::coordinator
