// Documents about requests: submit, request, requests, cancel.
#pragma once

#include "coordinator/wire/documents/archive.hpp"
#include "coordinator/wire/documents/states.hpp"
#include "sdk/model/field_json.hpp"

namespace mole::coordinator {

struct Accepted {
  std::string id;
  bool created = false;
  std::vector<std::string> modules;
  Micros from = 0, to = 0;

  bool operator==(const Accepted&) const = default;
  static constexpr auto table =
      document("Accepted", "A durable request.",  //
               field("id", &Accepted::id, "`r17`"),
               field("created", &Accepted::created, "false: a request with this `client_id` already existed and is returned"),
               field("modules", &Accepted::modules, "Modules that were requested, as `PIPELINE/MODULE`"),
               time_field("from", &Accepted::from, "Start of the range, rounded down to a block"),
               time_field("to", &Accepted::to, "End of the range, rounded up to a block"));
};

struct JobCounts {
  std::uint64_t total = 0, done = 0, failed = 0, running = 0, waiting = 0, blocked = 0;

  bool operator==(const JobCounts&) const = default;
  static constexpr auto table =
      document("JobCounts", "Jobs of a request: the requested ones and those computed for them.",  //
               field("total", &JobCounts::total, "All"), field("done", &JobCounts::done, "Computed or reused"),
               field("failed", &JobCounts::failed, "Abandoned"), field("running", &JobCounts::running, "In a leased task"),
               field("waiting", &JobCounts::waiting, "Past the end of the archive"),
               field("blocked", &JobCounts::blocked, "An upstream job failed"));
};

struct FileProgress {
  std::uint64_t total = 0, done = 0, decoded = 0, from_columns = 0;

  bool operator==(const FileProgress&) const = default;
  static constexpr auto table =
      document("FileProgress", "Files of a request.",  //
               field("total", &FileProgress::total, "Files it needs"), field("done", &FileProgress::done, "Files read"),
               field("decoded", &FileProgress::decoded,
                     "Files decoded since the coordinator started; a file that two blocks need may count twice"),
               field("from_columns", &FileProgress::from_columns, "The same for files read from columns a node had cached"));
};

struct ByteProgress {
  std::uint64_t total = 0, done = 0;

  bool operator==(const ByteProgress&) const = default;
  static constexpr auto table = document("ByteProgress", "Bytes of the files of a request.",  //
                                         field("total", &ByteProgress::total, "Size of the files it needs").unit("B"),
                                         field("done", &ByteProgress::done, "Size of the files read").unit("B"));
};

struct JobFailure {
  std::string job, plugin, module;
  Micros block = 0;
  std::string code, message;
  std::uint64_t attempts = 0;
  std::string log_tail;

  bool operator==(const JobFailure&) const = default;
  static constexpr auto table = document(
      "JobFailure", "A job that was abandoned.",  //
      field("job", &JobFailure::job, "`PIPELINE/MODULE@START`"), field("plugin", &JobFailure::plugin, "Name and version"),
      field("module", &JobFailure::module, "Module"), time_field("block", &JobFailure::block, "Start of the block"),
      field("code", &JobFailure::code, "Kind of the last failure: `invalid`, `corrupt`, `crashed`, `hung`, ..."),
      field("message", &JobFailure::message, "Cause and remedy"), field("attempts", &JobFailure::attempts, "Failed attempts"),
      field("log_tail", &JobFailure::log_tail, "Last lines of the worker's log"));
};

struct TaskStatus {
  std::string task, node, phase;
  std::uint64_t bytes_done = 0, bytes_total = 0, flows = 0;
  std::string medium = {};

  bool operator==(const TaskStatus&) const = default;
  static constexpr auto table =
      document("TaskStatus", "A leased task, as last reported by its node.",  //
               field("task", &TaskStatus::task, "Id of the task"), field("node", &TaskStatus::node, "Node that runs it"),
               field("phase", &TaskStatus::phase, "`granted` before the first report, then `fetch`, `run`, `seal` or `upload`"),
               field("bytes_done", &TaskStatus::bytes_done, "Bytes of its files read so far").unit("B"),
               field("bytes_total", &TaskStatus::bytes_total, "Size of its files").unit("B"),
               field("flows", &TaskStatus::flows, "Flows decoded so far"),
               field("medium", &TaskStatus::medium, "`fetch` tasks: the tape or other medium it fetches files from").optional());
};

struct MediumWait {
  std::string medium, node;
  std::uint64_t files = 0, bytes = 0, blocks = 0;
  std::string reason = {};

  bool operator==(const MediumWait&) const = default;
  static constexpr auto table =
      document("MediumWait", "A tape or other medium with files that blocks wait for.",  //
               field("medium", &MediumWait::medium, "Medium"),
               field("node", &MediumWait::node, "Node that fetches files from it; empty: none does now"),
               field("files", &MediumWait::files, "Files on it that no cache of a node has yet"),
               field("bytes", &MediumWait::bytes, "Their size").unit("B"),
               field("blocks", &MediumWait::blocks, "Blocks that wait for them"),
               field("reason", &MediumWait::reason, "Why no node may fetch from it now").optional());
};

struct SharedFile {
  std::string id;
  std::uint64_t exporters = 0;

  bool operator==(const SharedFile&) const = default;
  static constexpr auto table = document("SharedFile", "A file that contains datagrams of several exporters.",  //
                                         field("id", &SharedFile::id, "Id of the file"),
                                         field("exporters", &SharedFile::exporters, "Exporters whose datagrams alternate in it"));
};

struct FormatCount {
  std::string router, decoder;
  std::uint64_t files = 0;
  Micros from = 0, to = 0;

  bool operator==(const FormatCount&) const = default;
  static constexpr auto table = document("FormatCount", "Files of one router that the same decoder read.",  //
                                         field("router", &FormatCount::router, "Router; empty: names contain none"),
                                         field("decoder", &FormatCount::decoder, "Decoder; empty: none recognises their content"),
                                         field("files", &FormatCount::files, "Number of files"),
                                         time_field("from", &FormatCount::from, "Start of the first of them"),
                                         time_field("to", &FormatCount::to, "End of the last of them"));
};

struct TimeLeft {
  double seconds = 0, low_seconds = 0, high_seconds = 0;
  std::uint64_t files = 0, mounts = 0, batches = 0;

  bool operator==(const TimeLeft&) const = default;
  static constexpr auto table = document(
      "TimeLeft",
      "What is left of a request that reads files from tapes, as if it were the only one. Estimated at most every 5 s, as in "
      "PlanStaging.",  //
      field("seconds", &TimeLeft::seconds, "Until the last block that reads files from tapes is computed").unit("s"),
      field("low_seconds", &TimeLeft::low_seconds, "If drives and nodes are as fast as the fastest tenth of what was measured")
          .unit("s"),
      field("high_seconds", &TimeLeft::high_seconds, "The same for the slowest tenth").unit("s"),
      field("files", &TimeLeft::files, "Files to fetch"), field("mounts", &TimeLeft::mounts, "Mounts of their tapes"),
      field("batches", &TimeLeft::batches, "Batches of files that the times of drives were learned from; 0: assumed"));
};

struct RequestStatus {
  std::string id;
  RequestKind kind = RequestKind::run;
  std::string pipeline, module, archive;
  Micros from = 0, to = 0;
  RequestState state = RequestState::accepted;
  std::string reason, code;
  std::int32_t priority = 0;
  bool partial = false;
  Micros submitted = 0;
  std::optional<Micros> finished;
  JobCounts jobs;
  FileProgress files;
  ByteProgress bytes;
  std::optional<double> coverage, coverage_without_windows, coverage_with_windows;
  std::vector<std::string> overrides, waits;
  std::optional<std::vector<JobFailure>> failures;
  std::vector<TaskStatus> tasks;
  DelayCounts delays;
  Micros asked_from = 0, asked_to = 0;
  std::vector<std::string> notes = {};
  std::string manifest = {};
  bool internal = false;
  std::vector<SharedFile> shared_files = {};
  std::uint64_t sample = 0;
  std::vector<DamagedFile> damaged_files = {};
  std::vector<FormatCount> formats = {};
  std::vector<MediumWait> media = {};
  std::optional<TimeLeft> left = {};

  bool operator==(const RequestStatus&) const = default;
  static constexpr auto table = document(
      "RequestStatus", "A request and its progress.",  //
      field("id", &RequestStatus::id, "`r17`"), field("kind", &RequestStatus::kind, "Kind of request"),
      field("pipeline", &RequestStatus::pipeline, "Pipeline"),
      field("module", &RequestStatus::module, "Requested module; empty: all modules of the pipeline"),
      field("archive", &RequestStatus::archive, "`index` and `verify`: `PIPELINE/ARCHIVE`").optional(),
      time_field("from", &RequestStatus::from, "Start of the range, a block boundary"),
      time_field("to", &RequestStatus::to, "End of the range, a block boundary"), field("state", &RequestStatus::state, "State"),
      field("reason", &RequestStatus::reason, "Why it is in this state; may be empty"),
      field("code", &RequestStatus::code, "If it failed before any job ran: `missing`, `invalid`, ...; otherwise empty"),
      field("priority", &RequestStatus::priority, "Requests with a higher priority run first"),
      field("partial", &RequestStatus::partial, "Blocks past the end of the archive are computed too"),
      time_field("submitted", &RequestStatus::submitted, "When it was accepted"),
      time_field("finished", &RequestStatus::finished, "When it ended; null: not ended yet"),
      field("jobs", &RequestStatus::jobs, "Jobs"), field("files", &RequestStatus::files, "Files"),
      field("bytes", &RequestStatus::bytes, "Bytes of the files"),
      field("coverage", &RequestStatus::coverage, "Mean coverage of the requested jobs; null: not finished, or no job has rows"),
      field("coverage_without_windows", &RequestStatus::coverage_without_windows,
            "If some jobs have a window, their own or of a module they read, and some do not: mean coverage of those that do not")
          .optional(),
      field("coverage_with_windows", &RequestStatus::coverage_with_windows, "The same for jobs with a window").optional(),
      field("overrides", &RequestStatus::overrides, "Its `--set` options").optional(),
      field("waits", &RequestStatus::waits, "Messages that state which jobs wait for which files"),
      field("failures", &RequestStatus::failures, "Abandoned jobs, the first 1000; absent in lists of requests").optional(),
      field("tasks", &RequestStatus::tasks, "Its leased tasks; absent if there are none, and in lists of requests").optional(),
      field("delays", &RequestStatus::delays, "`verify` and `profile`: flows of sound files by export delay").optional(),
      time_field("asked_from", &RequestStatus::asked_from, "Start of the range that was asked for; its rows decide the state")
          .optional(),
      time_field("asked_to", &RequestStatus::asked_to, "End of that range").optional(),
      field("notes", &RequestStatus::notes,
            "What the range or the manifest asks for and the archive does not have; at the end also which modules printed "
            "messages, and which columns some files do not have")
          .optional(),
      field("manifest", &RequestStatus::manifest, "Path of its manifest, as the user wrote it").optional(),
      field("internal", &RequestStatus::internal, "A command submitted it to prepare the request that the user wants").optional(),
      field("shared_files", &RequestStatus::shared_files,
            "`verify` and `profile`: files with datagrams of several exporters, the first 100")
          .optional(),
      field("sample", &RequestStatus::sample, "`profile`: number of times whose files are read; 0: 12").optional(),
      field("damaged_files", &RequestStatus::damaged_files,
            "`run`, when it has ended: the files of the range that are not sound, the first 100")
          .optional(),
      field("formats", &RequestStatus::formats, "`verify` and `profile`: files by router and decoder, at most 1000 combinations")
          .optional(),
      field(
          "media", &RequestStatus::media,
          "`run`: tapes and other media with files that its blocks wait for, those that most blocks wait for first, at most 20; "
          "absent in lists of requests")
          .optional(),
      field("left", &RequestStatus::left, "`run`: what is left; absent: no block waits for files on tapes, and in `requests`")
          .optional());
};

struct FinishedJob {
  std::string job;
  JobState state = JobState::done;
  double coverage = 0;
  Digest result_key, rows_blob;
  std::uint64_t rows = 0;

  bool operator==(const FinishedJob&) const = default;
  static constexpr auto table =
      document("FinishedJob", "An element of `job_list` in the `request.json` of a request's folder.",  //
               field("job", &FinishedJob::job, "`PIPELINE/MODULE@START`"), field("state", &FinishedJob::state, "Always `done`"),
               field("coverage", &FinishedJob::coverage, "Mean coverage of its rows"),
               field("result_key", &FinishedJob::result_key, "Key of the result"),
               field("rows_blob", &FinishedJob::rows_blob, "Digest of its Parquet file"),
               field("rows", &FinishedJob::rows, "Number of rows"));
};

}  // namespace mole::coordinator
