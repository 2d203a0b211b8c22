// The document that the call `plan` returns.
#pragma once

#include "sdk/model/field_json.hpp"

namespace mole::coordinator {

struct PlanJobs {
  std::uint64_t reused = 0, fresh = 0, waiting = 0;

  bool operator==(const PlanJobs&) const = default;
  static constexpr auto table =
      document("PlanJobs", "Jobs of a plan. A job is new if its state or its result must be computed.",  //
               field("reused", &PlanJobs::reused, "Requested jobs with a stored result"),
               field("new", &PlanJobs::fresh, "Jobs to compute"),
               field("waiting", &PlanJobs::waiting, "Jobs past the end of the archive"));
};

struct PlanModule {
  std::string module;
  std::uint64_t blocks = 0, reused = 0, fresh = 0, waiting = 0, states_kept_bytes = 0;

  bool operator==(const PlanModule&) const = default;
  static constexpr auto table = document(
      "PlanModule", "One module of a plan.",  //
      field("module", &PlanModule::module, "`PIPELINE/MODULE`"), field("blocks", &PlanModule::blocks, "Requested blocks"),
      field("reused", &PlanModule::reused, "Requested blocks with a stored result"),
      field("new", &PlanModule::fresh, "Blocks to compute"),
      field("waiting", &PlanModule::waiting, "Blocks past the end of the archive"),
      field("states_kept_bytes", &PlanModule::states_kept_bytes, "Size of its stored states").unit("B"));
};

struct PlanFiles {
  std::uint64_t count = 0, bytes = 0;
  std::uint64_t decoded = 0, decoded_bytes = 0, from_columns = 0, not_read = 0;

  bool operator==(const PlanFiles&) const = default;
  static constexpr auto table = document(
      "PlanFiles", "Files a plan reads.",  //
      field("count", &PlanFiles::count, "Number of files"), field("bytes", &PlanFiles::bytes, "Their size").unit("B"),
      field("decoded", &PlanFiles::decoded, "Files to decode: no node keeps their columns"),
      field("decoded_bytes", &PlanFiles::decoded_bytes, "Their size").unit("B"),
      field("from_columns", &PlanFiles::from_columns,
            "Files whose columns a node kept when it last read them, so that they need not be decoded"),
      field("not_read", &PlanFiles::not_read, "Files that need not be read, because what is computed from them is stored"));
};

struct PlanOverhead {
  double borders = 0, before_range = 0;
  Micros block_length = 0, better_length = 0;
  std::uint64_t block_bytes = 0;
  double block_seconds = 0;

  bool operator==(const PlanOverhead&) const = default;
  static constexpr auto table = document(
      "PlanOverhead", "What a plan reads more than once, or for blocks before its range, and what a crash loses.",  //
      field("borders", &PlanOverhead::borders, "Bytes that a further block reads again, as a share of the bytes of the files"),
      field("before_range", &PlanOverhead::before_range,
            "Share of the bytes that only blocks before the range read, for windows and checkpoints"),
      field("block_length", &PlanOverhead::block_length, "Length of the blocks that read most").unit("us"),
      field("better_length", &PlanOverhead::better_length,
            "Length with which `borders` would be about 0.05; 0: it is not more than that now")
          .unit("us"),
      field("block_bytes", &PlanOverhead::block_bytes, "Bytes of the files of the largest block").unit("B"),
      field("block_seconds", &PlanOverhead::block_seconds, "Time to decode them: what a crash of its worker loses at most")
          .unit("s"));
};

struct PlanGap {
  std::string router;
  Micros from = 0, to = 0;
  bool within = false;

  bool operator==(const PlanGap&) const = default;
  static constexpr auto table = document("PlanGap", "A file that the plan needs and the archive does not have.",  //
                                         field("router", &PlanGap::router, "Router"),
                                         time_field("from", &PlanGap::from, "Start of the time the file would cover"),
                                         time_field("to", &PlanGap::to, "End of that time"),
                                         field("within", &PlanGap::within, "Between the first and the last file of the router"));
};

struct NewJob {
  std::string job, reason;

  bool operator==(const NewJob&) const = default;
  static constexpr auto table = document("NewJob", "A job to compute.",  //
                                         field("job", &NewJob::job, "`PIPELINE/MODULE@START`"),
                                         field("reason", &NewJob::reason, "Why the stored result cannot be reused"));
};

struct PlanListing {
  std::string archive;
  Micros listed = 0;
  std::uint64_t files = 0;

  bool operator==(const PlanListing&) const = default;
  static constexpr auto table = document("PlanListing", "The listing of an archive that a plan was made from.",  //
                                         field("archive", &PlanListing::archive, "`PIPELINE/ARCHIVE`"),
                                         time_field("listed", &PlanListing::listed, "When the archive was last listed"),
                                         field("files", &PlanListing::files, "Number of files that match the pattern"));
};

struct PlanStaging {
  std::uint64_t files = 0, bytes = 0, media = 0, mounts = 0, cache_bytes = 0;
  double seconds = 0, drive_seconds = 0, compute_seconds = 0;
  std::uint64_t drives = 0, nodes = 0;
  double low_seconds = 0, high_seconds = 0;
  std::uint64_t batches = 0;

  bool operator==(const PlanStaging&) const = default;
  static constexpr auto table = document(
      "PlanStaging",
      "The cost of fetching the files of a plan from tapes, by a simulation. Files that a node already has cost nothing. The "
      "times of drives are learned from the batches of files that were fetched; before the first one, 90 s for a mount, 5 s for "
      "a file and 30 MB/s are assumed.",
      field("files", &PlanStaging::files, "Files to fetch, those that are evicted before their last reader more than once"),
      field("bytes", &PlanStaging::bytes, "Their size").unit("B"), field("media", &PlanStaging::media, "Tapes that have them"),
      field("mounts", &PlanStaging::mounts, "Mounts of these tapes"),
      field("cache_bytes", &PlanStaging::cache_bytes, "The most that a node needs in its cache at once").unit("B"),
      field("seconds", &PlanStaging::seconds, "From the start to the last result").unit("s"),
      field("drive_seconds", &PlanStaging::drive_seconds, "Time of all drives together").unit("s"),
      field("compute_seconds", &PlanStaging::compute_seconds, "Time of decoding on all nodes together").unit("s"),
      field("drives", &PlanStaging::drives, "Drives of a library that may be used at once now"),
      field("nodes", &PlanStaging::nodes, "Nodes that read the files"),
      field("low_seconds", &PlanStaging::low_seconds,
            "`seconds` if drives and nodes are as fast as the fastest tenth of what was measured, always five tasks together")
          .unit("s"),
      field("high_seconds", &PlanStaging::high_seconds, "The same for the slowest tenth").unit("s"),
      field("batches", &PlanStaging::batches,
            "Batches of files that the times of drives were learned from; of several libraries the smallest number; 0: assumed"));
};

struct PlanReport {
  PlanJobs jobs;
  std::vector<PlanModule> modules;
  PlanFiles files;
  std::vector<std::string> file_list;
  std::vector<PlanGap> gaps;
  double estimate_seconds = 0;
  std::vector<NewJob> new_jobs;
  std::vector<std::string> table_warnings, waits, notes;
  std::vector<PlanListing> listings = {};
  std::optional<PlanStaging> staging = {};
  std::optional<PlanOverhead> overhead = {};

  bool operator==(const PlanReport&) const = default;
  static constexpr auto table = document(
      "PlanReport", "What a submission would do.",  //
      field("jobs", &PlanReport::jobs, "Number of jobs"), field("modules", &PlanReport::modules, "The plan of each module"),
      field("files", &PlanReport::files, "Files to read"), field("file_list", &PlanReport::file_list, "Their ids"),
      field("gaps", &PlanReport::gaps, "Missing files, the first 1000"),
      field("estimate_seconds", &PlanReport::estimate_seconds,
            "Time to decode the files at the speed of the last tasks that decoded files; before the first one, 20 MB/s")
          .unit("s"),
      field("new_jobs", &PlanReport::new_jobs, "Jobs to compute, the first 1000"),
      field("table_warnings", &PlanReport::table_warnings,
            "The parts of the range for which a routing table is missing, with the table used instead, and tables with unusable "
            "lines"),
      field("waits", &PlanReport::waits, "Messages that state which jobs wait for which files"),
      field("notes", &PlanReport::notes, "Messages about the archives that need attention"),
      field("listings", &PlanReport::listings, "The listings of its archives").optional(),
      field("staging", &PlanReport::staging, "Absent: no file is on a tape").optional(),
      field("overhead", &PlanReport::overhead, "Absent: no file is read").optional());
};

}  // namespace mole::coordinator
