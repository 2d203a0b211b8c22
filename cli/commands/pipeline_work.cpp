#include "cli/commands/pipeline_work.hpp"

#include "cli/format/document.hpp"
#include "cli/format/request.hpp"
#include "coordinator/dag/resolve.hpp"
#include "coordinator/manifest/manifest.hpp"
#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/code_name.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

// A service without nodes accepts work and does none: said once, before the wait.
void warn_without_nodes(Context& context, coordinator::ClientApi& api) {
  const auto status = api.status();
  if (!status || !field(*status, "nodes").is_array()) return;
  for (const auto& node : field(*status, "nodes"))
    if (text_of(node, "state") != "silent") return;
  context.err << "mole: the coordinator has no node yet; the work begins when a mole-node joins it\n";
}

}  // namespace

Result<nlohmann::json> wait_for(Context& context, Session& session, const std::string& id, const std::string& progress,
                                const Interrupt& interrupt, bool ours) {
  if (session.outlives_us()) warn_without_nodes(context, session.api());
  const auto bar = make_progress(progress_kind(progress, context.err_is_terminal), context.err, context.err_style);
  auto watch = system_watch(interrupt);
  watch.check = [&session] { return session.check(); };
  auto done = watch_request(session.api(), id, *bar, watch);
  bar->finish();
  if (done || done.error().code != Code::cancelled) return done;
  if (!ours)
    return Error{Code::cancelled, fmt::format("no longer watching; request {0} stands: mole request watch {0} looks "
                                              "again, mole request cancel {0} ends it",
                                              id)};
  if (const auto gone = session.api().cancel(id); !gone) print_error(context, gone.error());
  return Error{Code::cancelled, "stopped; what is done is kept: the same command again resumes"};
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

Result<nlohmann::json> validate_submission(Context& context, const coordinator::Submission& submission) {
  if (!context.options.coordinator.empty()) {
    auto session = context.connect(context.options, Need::look);
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
  listing.client_id = fresh_client_id();
  const auto request = session.api().archive_task(listing, archive, "index");
  if (!request) return request.error();
  const auto done = wait_for(context, session, text_of(*request, "id"), "none", interrupt, true);
  if (!done) return done.error();
  if (exit_of_request(*done) != Exit::failed) return {};
  const auto& failures = field(*done, "failures");
  const auto failed = !failures.empty();
  const auto code = failed ? code_of(text_of(failures.front(), "code")) : Code::missing;
  return Error{code, fmt::format("cannot list archive {}: {}", archive,
                                 failed ? text_of(failures.front(), "message") : text_of(*done, "reason"))};
}

void add_progress_option(CLI::App& command, std::string& progress) {
  command.add_option("--progress", progress, "bar, plain or none; otherwise a bar on a terminal, plain lines in a log")
      ->check(CLI::IsMember({"bar", "plain", "none"}));
}

}  // namespace mole::cli
