// mole plan: shows what run would do.
#include "cli/format/plan.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/pipeline_work.hpp"

#include <algorithm>

namespace mole::cli {
namespace {

// Lists the archives of an embedded coordinator if they have no listing yet: without one, a plan has no files.
Result<> ensure_listing(Context& context, const coordinator::Submission& submission) {
  if (!context.options.coordinator.empty()) return {};
  const auto archives = archives_of(submission);
  if (!archives) return archives.error();
  {
    auto session = context.connect(context.options, Need::read);
    if (!session && session.error().code != Code::missing) return session.error();
    const auto is_listed = [&](const std::string& archive) {
      const auto files = (*session)->api().archive_files(archive);
      return files && !files->empty();
    };
    if (session && (!(*session)->embedded() || std::all_of(archives->begin(), archives->end(), is_listed))) return {};
  }
  const Interrupt interrupt;
  auto session = context.connect(context.options, Need::work);
  if (!session) return session.error();
  for (const auto& archive : *archives)
    if (auto listed = index_archive(context, **session, submission, archive, interrupt); !listed) return listed;
  return {};
}

Result<Exit> plan(Context& context, const WorkArgs& args) {
  const auto submission = submission_of(args);
  if (!submission) return submission.error();
  if (auto listed = ensure_listing(context, *submission); !listed) return listed.error();
  return show(
      context, [&](coordinator::ClientApi& api) { return api.plan(*submission); },
      [&](const auto& planned) { return plan_text(planned, context.out_style); });
}

}  // namespace

void add_plan(Shell& shell) {
  auto args = std::make_shared<WorkArgs>();
  auto* command = shell.add(shell.app, "plan", "Show what run would do: reused and new jobs, files, bytes, gaps", args, plan);
  add_work_options(*command, *args);
}

}  // namespace mole::cli
