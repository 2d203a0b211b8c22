// Arguments shared by several commands, and operations on the pipelines that they select.
#pragma once

#include "cli/context.hpp"
#include "cli/progress/watch.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace mole::cli {

// --from T --to T, or a positional RANGE ("A/B", "A/P7D").
struct RangeArgs {
  std::string from, to, range;
  bool given() const { return !from.empty() || !to.empty() || !range.empty(); }
};
enum class Range { required, optional };
// `positional`: also accepts RANGE. A malformed time is a usage error.
void add_range_options(CLI::App& command, RangeArgs& args, Range kind, bool positional);
// Returns the range; an omitted bound is 1970 or 2169. The parser must have validated the options.
TimeRange range_of(const RangeArgs& args);

// --where COLUMN=VALUE,... for parse_where (cli/export/selection.hpp). A malformed filter is a usage error.
void add_where_option(CLI::App& command, std::vector<std::string>& filters);
// --what-if ID|last, for ClientApi::results.
void add_what_if_option(CLI::App& command, std::string& what_if);
void add_rate_option(CLI::App& command, bool& rate);

// A manifest and its overrides (--set).
struct PipelineArgs {
  std::string manifest;
  std::vector<std::string> overrides;
};
void add_pipeline_options(CLI::App& command, PipelineArgs& args);
// Reads the manifest. missing: it cannot be read.
Result<coordinator::Submission> submission_of(const PipelineArgs& args);

// The part of a pipeline to compute: options of run, plan and request submit.
struct WorkArgs {
  PipelineArgs pipeline;
  RangeArgs range;
  std::string module;
  bool partial = false;
};
void add_work_options(CLI::App& command, WorkArgs& args);
Result<coordinator::Submission> submission_of(const WorkArgs& args);

// Returns a random id.
std::string new_client_id();

// Reports text that `parse` rejects as a usage error. `name` is shown in the help.
template <class T>
CLI::Validator parsed_by(Result<T> (*parse)(std::string_view), const char* name = "") {
  return CLI::Validator(
      [parse](std::string& text) {
        const auto value = parse(text);
        return value ? std::string() : value.error().message;
      },
      name);
}

// Adds a repeatable option; `parse` converts each value.
template <class T>
void add_repeatable(CLI::App& command, const char* name, std::vector<T>& values, const char* type,
                    Result<T> (*parse)(std::string_view), const char* about) {
  const auto store = [&values, parse](const std::vector<std::string>& arguments) {
    for (const auto& text : arguments) values.push_back(*parse(text));
  };
  command.add_option_function<std::vector<std::string>>(name, store, about)
      ->type_name(type)
      ->allow_extra_args(false)
      ->check(parsed_by(parse));
}

// ---- operations on pipelines

// Waits for a request, shows its progress, and returns its final status. cancelled: ^C was pressed; the request is then cancelled
// if `cancel_on_interrupt` is set, and otherwise continues.
Result<coordinator::RequestStatus> wait_for(Context& context, Session& session, const std::string& id,
                                            const std::string& progress, const Interrupt& interrupt,
                                            bool cancel_on_interrupt = false);

// Opens a session and calls `work` with it. If the session uses the coordinator of a different `mole run` and that run ends
// before `work` is done, opens a new session, which takes over or finds the run that has, and calls `work` again.
Result<Exit> with_session(Context& context, Need need, const Interrupt& interrupt,
                          const std::function<Result<Exit>(Session&)>& work);

// Returns the line "cache     FOLDER: 1.2 GiB of at most 10.0 GiB"; empty: the session has none.
std::string cache_text(const Session& session);

// Returns the archives of a manifest as "pipeline/archive", in its order; only the archive `chosen` if that is not empty.
Result<std::vector<std::string>> archives_of(const coordinator::Submission& submission, const std::string& chosen = "");

// Validates like ClientApi::validate. Without --coordinator no state is opened or created, and plugins are looked up locally.
Result<coordinator::PipelineDescription> validate_submission(Context& context, const coordinator::Submission& submission);

// Returns the options that select the same coordinator, for commands that are suggested.
std::string coordinator_options(const Options& options);

// Reads the contents of an archive ("pipeline/archive", kind verify or profile), waits for the end, and prints failures and the
// reason of the state to stderr. cancelled: the request was cancelled.
Result<coordinator::RequestStatus> read_archive(Context& context, Session& session, coordinator::Submission submission,
                                                const std::string& archive, coordinator::RequestKind kind,
                                                const std::string& progress, const Interrupt& interrupt);

// Refreshes the listing of one archive ("pipeline/archive") and waits for the result. `internal`: it only prepares another
// request.
Result<coordinator::RequestStatus> index_archive(Context& context, Session& session, const coordinator::Submission& submission,
                                                 const std::string& archive, const Interrupt& interrupt, bool internal = true);

void add_progress_option(CLI::App& command, std::string& progress);

}  // namespace mole::cli
