// The document that the call `explain` returns.
#pragma once

#include "coordinator/wire/documents/archive.hpp"
#include "coordinator/wire/documents/request.hpp"
#include "sdk/model/field_json.hpp"

namespace mole::coordinator {

struct KeyChange {
  std::string part, was, is;

  bool operator==(const KeyChange&) const = default;
  static constexpr auto table =
      document("KeyChange", "A part of a job's key that differs from the same part of the stored result's key.",  //
               field("part", &KeyChange::part, "`file ID`, `result of JOB`, `state of JOB`, `params.ddof`, ..."),
               field("was", &KeyChange::was, "Value in the stored result; `absent` if it had no such part"),
               field("is", &KeyChange::is, "Current value"));
};

struct FlowSources {
  std::uint64_t archive = 0, columns = 0;

  bool operator==(const FlowSources&) const = default;
  static constexpr auto table =
      document("FlowSources", "How the files of a task were read.",  //
               field("archive", &FlowSources::archive, "Files decoded; absent: none").optional(),
               field("columns", &FlowSources::columns, "Files read from columns the node had cached; absent: none").optional());
};

struct PartialRows {
  Micros from = 0, to = 0;
  double coverage_min = 0;

  bool operator==(const PartialRows&) const = default;
  static constexpr auto table = document("PartialRows", "Consecutive intervals of which some row has a coverage below 1.",  //
                                         time_field("from", &PartialRows::from, "Start of the first interval"),
                                         time_field("to", &PartialRows::to, "End of the last interval"),
                                         field("coverage_min", &PartialRows::coverage_min, "Lowest coverage of a row"));
};

// Why rows are partial.
struct LackingInput {
  std::vector<PartialRows> rows;
  std::vector<MissingFile> missing;
  std::vector<DamagedFile> damaged;
  std::vector<std::string> reasons;

  bool operator==(const LackingInput&) const = default;
  static constexpr auto table = document(
      "LackingInput", "Which rows of a block lack input, and which input they lack.",  //
      field("rows", &LackingInput::rows, "The rows, in the range that the latest request asked for; the first 20 ranges"),
      field("missing", &LackingInput::missing, "Files that they need and the archive does not have, the first 100"),
      field("damaged", &LackingInput::damaged, "Files that they need and that are not sound, the first 100"),
      field("reasons", &LackingInput::reasons, "Other reasons"));
};

struct JobExplanation {
  std::string job;
  JobState state = JobState::ready;
  Digest fingerprint, state_key, result_key, stored_result_key;
  std::string reason;
  std::vector<KeyChange> changed;
  std::optional<FlowSources> flows_from;
  std::string node;
  std::vector<std::string> waits_for;
  std::vector<JobFailure> failures = {};
  std::vector<std::string> requests = {};
  std::string remedy = {}, command = {}, note = {};
  std::optional<LackingInput> lacking = {};

  bool operator==(const JobExplanation&) const = default;
  static constexpr auto table = document(
      "JobExplanation", "Why a job was run, its result was reused, or it is waiting.",  //
      field("job", &JobExplanation::job, "`PIPELINE/MODULE@START`"), field("state", &JobExplanation::state, "State"),
      field("fingerprint", &JobExplanation::fingerprint,
            "Digest of everything that determines its results, except the input data"),
      field("state_key", &JobExplanation::state_key, "Key of the state"),
      field("result_key", &JobExplanation::result_key, "Key of the result"),
      field("stored_result_key", &JobExplanation::stored_result_key, "Key of the stored result; empty: none is stored"),
      field("reason", &JobExplanation::reason,
            "Why it is computed, or was last computed; if it failed, is blocked or waits: the cause"),
      field("changed", &JobExplanation::changed,
            "Input files, upstream results and states that differ from those of the stored result; if none differs, the changed "
            "parts of the module's fingerprint"),
      field("flows_from", &JobExplanation::flows_from, "How its files were read; null: it read none"),
      field("node", &JobExplanation::node, "Node that computed it or runs its task; empty: none yet"),
      field("waits_for", &JobExplanation::waits_for, "The first 20 jobs that it is waiting for"),
      field("failures", &JobExplanation::failures,
            "Its own failure, or if it is blocked, those of the first 20 jobs that block it; absent: none")
          .optional(),
      field("requests", &JobExplanation::requests, "The requests that need it and have not ended; absent: none").optional(),
      field("remedy", &JobExplanation::remedy, "What to do if it is not computed and no node runs it").optional(),
      field("command", &JobExplanation::command, "The command that does so; absent: none").optional(),
      field("note", &JobExplanation::note, "As in `ModuleResults`").optional(),
      field("lacking", &JobExplanation::lacking, "If its result is partial: which input its rows lack; null: not partial")
          .optional());
};

}  // namespace mole::coordinator
