// The document that the call `explain` returns.
#pragma once

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
      field("note", &JobExplanation::note, "As in `ModuleResults`").optional());
};

}  // namespace mole::coordinator
