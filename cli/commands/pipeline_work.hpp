// Submits work and waits for it; shared by `run`, `request submit --wait` and `archive index`.
#pragma once

#include "cli/commands/arguments.hpp"
#include "cli/context.hpp"
#include "cli/progress/watch.hpp"

namespace mole::cli {

// Waits for a request, shows its progress, and returns its last document. On ^C the request is cancelled if `cancel_on_interrupt`
// is set, and continues otherwise; then the error is cancelled.
Result<coordinator::RequestStatus> wait_for(Context& context, Session& session, const std::string& id,
                                            const std::string& progress, const Interrupt& interrupt,
                                            bool cancel_on_interrupt = false);

// Returns the archives of a manifest as "pipeline/archive", in the order of the text; only the one named `chosen` if that is
// not empty.
Result<std::vector<std::string>> archives_of(const coordinator::Submission& submission, const std::string& chosen = "");

// Validates like Api::validate. Without --coordinator no state is opened or created, and plugins are looked up locally.
Result<coordinator::PipelineDescription> validate_submission(Context& context, const coordinator::Submission& submission);

// Lists one archive ("pipeline/archive") again and waits for the result.
Result<> index_archive(Context& context, Session& session, const coordinator::Submission& submission, const std::string& archive,
                       const Interrupt& interrupt);

void add_progress_option(CLI::App& command, std::string& progress);

}  // namespace mole::cli
