// Asking for work and waiting for it: what `run`, `request submit --wait` and `archive index` have in common.
#pragma once

#include "cli/commands/arguments.hpp"
#include "cli/context.hpp"
#include "cli/progress/watch.hpp"

namespace mole::cli {

// Waits for a request with the progress wished for and returns its last document. On ^C it is cancelled if it is `ours`
// alone, and goes on otherwise; cancelled: ^C, with what to type next.
Result<nlohmann::json> wait_for(Context& context, Session& session, const std::string& id, const std::string& progress,
                                const Interrupt& interrupt, bool ours = false);

// The archives of a manifest as "pipeline/archive", in the order of its text; only the one named `chosen` unless it is
// empty.
Result<std::vector<std::string>> archives_of(const coordinator::Submission& submission, const std::string& chosen = "");

// What Api::validate answers. Without a service nothing is opened or made: plugins are looked up in this machine's
// folders.
Result<nlohmann::json> validate_submission(Context& context, const coordinator::Submission& submission);

// Lists one archive ("pipeline/archive") anew, and waits for it.
Result<> index_archive(Context& context, Session& session, const coordinator::Submission& submission, const std::string& archive,
                       const Interrupt& interrupt);

// --progress of commands that wait.
void add_progress_option(CLI::App& command, std::string& progress);

}  // namespace mole::cli
