#include "cli/commands/pipeline_work.hpp"

#include "cli/format/texts.hpp"
#include "coordinator/dag/describe.hpp"
#include "coordinator/dag/resolve.hpp"
#include "coordinator/manifest/manifest.hpp"
#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/enums.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

// Warns that a service without nodes accepts requests but makes no progress.
void warn_without_nodes(Context& context, coordinator::ClientApi& api) {
  const auto status = api.status();
  if (!status) return;
  for (const auto& node : status->nodes)
    if (node.state != coordinator::NodeState::silent) return;
  context.err << "mole: the coordinator has no node; the work starts when a mole-node registers\n";
}

}  // namespace

Result<coordinator::RequestStatus> wait_for(Context& context, Session& session, const std::string& id,
                                            const std::string& progress, const Interrupt& interrupt, bool cancel_on_interrupt) {
  if (!session.embedded()) warn_without_nodes(context, session.api());
  Progress bar(progress_kind(progress, context.err_is_terminal), context.err, context.err_style);
  auto watch = system_watch(interrupt);
  watch.check = [&session] { return session.check(); };
  auto done = watch_request(session.api(), id, bar, watch);
  bar.finish();
  if (done || done.error().code != Code::cancelled) return done;
  if (!cancel_on_interrupt)
    return Error{Code::cancelled, fmt::format("stopped watching; request {0} continues: follow it with mole request watch {0}, "
                                              "or cancel it with mole request cancel {0}",
                                              id)};
  if (const auto ended = session.api().cancel(id); !ended) print_error(context, ended.error());
  return Error{Code::cancelled, "stopped; finished work is kept, run the same command to resume"};
}

Result<std::vector<std::string>> archives_of(const coordinator::Submission& submission, const std::string& chosen) {
  const auto manifest =
      coordinator::manifest::parse_manifest(submission.manifest, submission.manifest_name, submission.overrides);
  if (!manifest) return manifest.error();
  std::vector<std::string> names, known;
  for (const auto& archive : manifest->archives) {
    known.push_back(archive.name);
    if (chosen.empty() || archive.name == chosen) names.push_back(manifest->pipeline + "/" + archive.name);
  }
  if (names.empty() && !chosen.empty())
    return missing(fmt::format("{} has no archive {}{}", submission.manifest_name, chosen,
                               coordinator::manifest::suggestion(chosen, known)));
  return names;
}

Result<coordinator::PipelineDescription> validate_submission(Context& context, const coordinator::Submission& submission) {
  if (!context.options.coordinator.empty()) {
    auto session = context.connect(context.options, Need::read);
    if (!session) return session.error();
    return (*session)->api().validate(submission);
  }
  const auto manifest =
      coordinator::manifest::parse_manifest(submission.manifest, submission.manifest_name, submission.overrides);
  if (!manifest) return manifest.error();
  const auto resolved =
      coordinator::dag::resolve(*manifest, PluginCatalogue::load(plugin_search_path(context.options)), submission.base);
  if (!resolved) return resolved.error();
  return coordinator::dag::describe(resolved->graph);
}

Result<> index_archive(Context& context, Session& session, const coordinator::Submission& submission, const std::string& archive,
                       const Interrupt& interrupt) {
  auto listing = submission;
  listing.client_id = new_client_id();
  const auto request = session.api().archive_task(listing, archive, coordinator::RequestKind::index);
  if (!request) return request.error();
  const auto done = wait_for(context, session, request->id, "none", interrupt, true);
  if (!done) return done.error();
  if (exit_of_request(*done) != Exit::failed) return {};
  const bool failed = done->failures && !done->failures->empty();
  const auto code =
      failed ? task::code_of(from_name<task::FailureCode>(done->failures->front().code).value_or(task::FailureCode::internal))
             : Code::missing;
  return Error{code, fmt::format("cannot list archive {}: {}", archive, failed ? done->failures->front().message : done->reason)};
}

void add_progress_option(CLI::App& command, std::string& progress) {
  command.add_option("--progress", progress, "bar, plain or none; default: bar on a terminal, else plain lines")
      ->check(CLI::IsMember({"bar", "plain", "none"}));
}

}  // namespace mole::cli
